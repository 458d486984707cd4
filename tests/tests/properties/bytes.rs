//! Any bytes where a credential, a token or a key is looked for.

use std::convert::Infallible;
use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use portcullis::keys::{KeySet, VerificationKey};
use portcullis::{Algorithm, JwtLayer, Keys, Rejection, RejectionKind, Source, Verifier, jws};
use portcullis_testing::{TestIssuer, block_on};
use proptest::prelude::*;
use proptest::string::string_regex;
use serde_json::Value;
use tower::{Layer, ServiceExt};

use crate::config;

fn issuer() -> TestIssuer {
    TestIssuer::new(Algorithm::HS256)
}

fn verifier() -> Verifier<Value> {
    static ONE: LazyLock<Verifier<Value>> = LazyLock::new(|| {
        Verifier::builder().trust(issuer().trusted()).clock(issuer().clock()).build().unwrap()
    });
    ONE.clone()
}

/// Bytes of every kind, and such as look like what is expected.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let base64url = "[A-Za-z0-9_-]{0,40}";
    let parts = string_regex(&format!(r"{base64url}\.{base64url}\.{base64url}")).unwrap();
    let good = issuer().token().mint();
    let (from, to) = (good.clone(), good.clone());
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "\\PC{0,100}".prop_map(String::into_bytes),
        parts.prop_map(String::into_bytes),
        r"[.=+/ ,;\t%-]{0,40}".prop_map(String::into_bytes),
        // near a good one
        (0..from.len()).prop_map(move |at| from.as_bytes()[..at].to_vec()),
        (0..to.len(), any::<u8>()).prop_map(move |(at, byte)| {
            let mut bytes = to.clone().into_bytes();
            bytes[at] ^= byte.max(1);
            bytes
        }),
    ]
}

/// The status that a value gets in this header, and why.
fn answer(header: &'static str, value: &[u8]) -> Option<(u16, Option<RejectionKind>)> {
    let Ok(value) = HeaderValue::from_bytes(value) else { return None };
    let layer = JwtLayer::new(verifier()).or_source(Source::cookie("__Host-session").unwrap());
    let layer = layer.or_source(Source::websocket_protocol("bearer").unwrap());
    let service = layer.layer(tower::service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    }));
    let request = Request::builder().header(header, value).body(()).unwrap();
    let response = block_on(service.oneshot(request)).unwrap();
    let kind = response.extensions().get::<Rejection>().map(Rejection::kind);
    Some((response.status().as_u16(), kind))
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn any_bytes_in_a_header_are_refused_for_a_reason(
        scheme in prop::sample::select(vec!["", "Bearer ", "bearer ", "Bearer", "Basic ", "bearer, "]),
        bytes in bytes(),
        header in prop::sample::select(vec!["authorization", "cookie", "sec-websocket-protocol"]),
    ) {
        let value = [scheme.as_bytes(), &bytes].concat();
        if let Some((status, kind)) = answer(header, &value) {
            let kind = kind.expect("a stated reason");
            prop_assert_eq!(status, kind.status().as_u16());
            prop_assert!(matches!(status, 400 | 401), "{}", status);
        }
    }

    #[test]
    fn any_bytes_in_a_cookie_are_refused_for_a_reason(
        name in prop::sample::select(vec!["__Host-session=", "__Host-session", "a=b; __Host-session="]),
        bytes in bytes(),
    ) {
        let value = [name.as_bytes(), &bytes].concat();
        if let Some((status, kind)) = answer("cookie", &value) {
            let kind = kind.expect("a stated reason");
            prop_assert_eq!(status, kind.status().as_u16());
            prop_assert!(matches!(status, 400 | 401), "{}", status);
        }
    }

    #[test]
    fn any_bytes_for_a_token_are_refused_for_a_reason(bytes in bytes()) {
        let refused = verifier().verify(&bytes).expect_err("it is no good token");
        prop_assert!(refused.kind().status() == 401, "{refused}");
        prop_assert!(!refused.to_string().chars().any(char::is_control), "{refused}");
        prop_assert!(jws::verify(&bytes, &issuer().keys()).is_err());
    }

    #[test]
    fn any_bytes_for_a_key_are_refused_for_a_reason(bytes in bytes()) {
        let errors = [
            Keys::from_jwk_set(&bytes).err(),
            Keys::from_jwk(&bytes).err(),
            Keys::from_pem(&bytes).err(),
            Keys::from_der(&bytes).err(),
        ];
        for error in errors {
            let error = error.expect("it is no key").to_string();
            prop_assert!(!error.is_empty() && !error.chars().any(char::is_control), "{error}");
        }
    }

    #[test]
    fn any_jwk_is_read_or_skipped_and_spoils_no_other(jwks in prop::collection::vec(jwk(), 0..6)) {
        let good: Value = serde_json::from_str(&TestIssuer::new(Algorithm::ES256).key().public_jwk().unwrap()).unwrap();
        let mut entries = jwks.clone();
        entries.insert(jwks.len() / 2, good);
        let set = KeySet::from_jwk_set(serde_json::json!({ "keys": entries }).to_string()).unwrap();
        prop_assert!(set.keys().any(|key| key.key_id() == Some("test-key")));
        prop_assert_eq!(set.keys().count() + set.skipped().len(), entries.len());
        for (entry, jwk) in jwks.iter().map(|jwk| (VerificationKey::from_jwk(jwk.to_string()), jwk)) {
            let Ok(key) = entry else { continue };
            // whatever it says beside is obeyed
            prop_assert!(jwk["use"].is_null() || jwk["use"] == "sig");
            prop_assert!(jwk["alg"].is_null() || jwk["alg"] == key.algorithm().name());
        }
    }
}

/// Objects that are nearly keys.
fn jwk() -> impl Strategy<Value = Value> {
    let member = |values: &[Value]| prop::option::of(prop::sample::select(values.to_vec()));
    let good = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA].map(|algorithm| {
        serde_json::from_str::<Value>(&TestIssuer::new(algorithm).key().public_jwk().unwrap())
            .unwrap()
    });
    let text = |values: &[&str]| values.iter().map(|v| Value::from(*v)).collect::<Vec<_>>();
    let names = text(&["RSA", "EC", "OKP", "oct", "x"]);
    let algorithms = text(&["RS256", "ES256", "EdDSA", "HS256", "PS256", "none", "RSA-OAEP"]);
    let uses = [&text(&["sig", "enc"])[..], &[Value::Null, 5.into()]].concat();
    let operations = [serde_json::json!(["verify"]), serde_json::json!(["sign"]), "verify".into()];
    let numbers = text(&["AQAB", "Aw", "", "AA", "***"]);
    (
        prop::sample::select(good.to_vec()),
        member(&names),
        member(&algorithms),
        member(&uses),
        member(&operations),
        member(&numbers),
        prop::sample::select(vec!["n", "e", "x", "y", "k", "crv", "kid"]),
    )
        .prop_map(|(mut jwk, kty, alg, purpose, operations, number, where_to)| {
            let changes = [
                ("kty", kty),
                ("alg", alg),
                ("use", purpose),
                ("key_ops", operations),
                (where_to, number),
            ];
            for (name, value) in changes {
                if let Some(value) = value {
                    jwk[name] = value;
                }
            }
            jwk["kid"] = "other".into();
            jwk
        })
}
