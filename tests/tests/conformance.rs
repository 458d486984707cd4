//! Rules of the RFCs that no other suite shows; docs/conformance.md lists them all.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

use std::collections::BTreeMap;
use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use portcullis::RejectionKind::{AlgorithmNotAllowed, WrongType};
use portcullis::{Algorithm, Issuer, JwtLayer, Keys, Rejection, RejectionKind, Verifier};
use portcullis_testing::{TestIssuer, TestToken};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt};

fn kind(verifier: &Verifier<Value>, token: &TestToken) -> Option<RejectionKind> {
    verifier.verify(token.mint()).err().map(|rejection| rejection.kind())
}

fn trusting(issuers: impl IntoIterator<Item = Issuer>) -> Verifier<Value> {
    let clock = TestIssuer::new(Algorithm::HS256).clock();
    let builder = issuers.into_iter().fold(Verifier::builder().clock(clock), |b, i| b.trust(i));
    builder.build().unwrap()
}

#[test]
fn a_token_on_ed25519_may_use_either_name() {
    // RFC 9864 §2.2
    let issuer = TestIssuer::new(Algorithm::EdDSA);
    let listed = issuer.trusted().algorithms(["Ed25519".parse().unwrap()]);
    for verifier in [trusting([issuer.trusted()]), trusting([listed])] {
        for name in ["EdDSA", "Ed25519"] {
            assert_eq!(kind(&verifier, &issuer.token().header("alg", name)), None, "{name}");
        }
        for name in ["Ed448", "ed25519", "ES256"] {
            let token = issuer.token().header("alg", name);
            assert_eq!(kind(&verifier, &token), Some(AlgorithmNotAllowed), "{name}");
        }
    }
}

#[test]
fn each_issuer_has_algorithms_of_its_own() {
    // both have a key of either algorithm, and each may use one
    let both = |one: &TestIssuer, two: &TestIssuer| {
        let key = two.key().clone().with_key_id("second").verification_key();
        Keys::new([one.key().verification_key(), key]).unwrap()
    };
    let [es, ed] = [Algorithm::ES256, Algorithm::EdDSA].map(TestIssuer::new);
    let other = |algorithm| TestIssuer::new(algorithm).with_name("https://other.test");
    let [other_es, other_ed] = [Algorithm::ES256, Algorithm::EdDSA].map(other);
    let verifier = trusting([
        es.trusted().keys(both(&es, &ed)).algorithms([Algorithm::ES256]).may_assert_anything(),
        other_ed
            .trusted()
            .keys(both(&other_ed, &other_es))
            .algorithms([Algorithm::EdDSA])
            .may_assert_nothing(),
    ]);
    assert_eq!(kind(&verifier, &es.token()), None);
    assert_eq!(kind(&verifier, &other_ed.token()), None);
    let second = |issuer: &TestIssuer| issuer.token().header("kid", "second");
    assert_eq!(kind(&verifier, &second(&ed)), Some(AlgorithmNotAllowed));
    assert_eq!(kind(&verifier, &second(&other_es)), Some(AlgorithmNotAllowed));
}

#[test]
fn one_kind_of_token_does_not_pass_for_another() {
    // RFC 8725 §3.12: one issuer, one key, one audience, and still four kinds that exclude each other
    let issuer = TestIssuer::new(Algorithm::ES256);
    let types = ["at+jwt", "logout+jwt", "dpop+jwt", "app-invitation+jwt"];
    for expected in types {
        let verifier = trusting([issuer.trusted().accept_types([expected])]);
        for typ in types {
            let outcome = kind(&verifier, &issuer.token().header("typ", typ));
            assert_eq!(outcome, (typ != expected).then_some(WrongType), "{typ} for {expected}");
        }
        for untyped in [issuer.token(), issuer.token().without_header("typ")] {
            assert_eq!(kind(&verifier, &untyped), Some(WrongType), "none for {expected}");
        }
    }
}

/// The scheme and parameters of a challenge, read by the grammar of RFC 9110 §11.2 and the limits of
/// RFC 6750 §3; panics where it breaks them.
fn parse(challenge: &str) -> BTreeMap<String, String> {
    let mut rest = challenge.strip_prefix("Bearer ").expect("a scheme and a space");
    let mut parameters = BTreeMap::new();
    loop {
        let (name, after) = rest.split_once("=\"").expect("a name and a quoted value");
        let tchar = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        assert!(!name.is_empty() && name.chars().all(tchar), "{challenge}");
        let (value, after) = after.split_once('"').expect("the end of the value");
        // RFC 6750 §3: %x20-21 / %x23-5B / %x5D-7E, which leaves out the quote and the backslash
        let legal = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
        assert!(value.chars().all(legal), "{challenge}");
        let twice = parameters.insert(name.to_ascii_lowercase(), value.to_owned());
        assert!(twice.is_none(), "{name} twice: {challenge}");
        if after.is_empty() {
            return parameters;
        }
        rest = after.strip_prefix(", ").expect("a comma between parameters");
    }
}

type Body = Full<Bytes>;

/// What the client gets to see of a rejection.
fn answered(rejection: &Rejection, realm: &str) -> Response<portcullis::ResponseBody<Body>> {
    let issuer = TestIssuer::new(Algorithm::HS256);
    let layer = JwtLayer::new(trusting([issuer.trusted()])).optional().realm(realm).unwrap();
    let refuse = |rejection: Rejection| {
        tower::service_fn(move |_: Request<Body>| {
            let response = rejection.clone().into_refusal::<Body>();
            std::future::ready(Ok::<_, Infallible>(response))
        })
    };
    let service = layer.layer(refuse(rejection.clone()));
    let request = Request::new(Body::default());
    portcullis_testing::block_on(service.oneshot(request)).unwrap()
}

#[test]
fn every_challenge_follows_the_grammar() {
    let scopes = [
        "payments:read",
        "a.b/c?d=e",
        "!#[]~",
        "two words",
        "quo\"te",
        "back\\slash",
        "",
        "\u{e4}",
    ];
    for &kind in RejectionKind::ALL {
        for realm in ["api", "the payroll of Ruritania", "a, b=c; d", ""] {
            let rejection = Rejection::new(kind).with_scopes(&scopes);
            let response = answered(&rejection, realm);
            let challenges: Vec<_> =
                response.headers().get_all("www-authenticate").iter().collect();
            let needs_one =
                matches!(response.status().as_u16(), 400 | 401) || kind.oauth_error().is_some();
            assert_eq!(challenges.len(), usize::from(needs_one), "{kind:?}");
            let Some(challenge) = challenges.first() else { continue };
            let parameters = parse(challenge.to_str().unwrap());
            assert_eq!(parameters["realm"], realm);
            assert_eq!(parameters.get("error").map(String::as_str), kind.oauth_error());
            assert_eq!(parameters.contains_key("error_description"), kind.oauth_error().is_some());
            let named = parameters.get("scope").map(String::as_str);
            assert_eq!(named, Some("payments:read a.b/c?d=e !#[]~"), "the others are no scopes");
        }
    }
}

#[test]
fn who_sent_nothing_is_told_only_the_realm() {
    let response = answered(&Rejection::new(RejectionKind::MissingCredential), "api");
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert_eq!(json!(parse(challenge)), json!({"realm": "api"}));
}
