//! The examples that the RFCs print: signed there, verified here, and signed here to the same bytes
//! where the algorithm is deterministic.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

use portcullis::keys::VerificationKey;
use portcullis::{Algorithm, Issuer, Keys, RejectionKind, Verifier, jws};
use portcullis_issuer::{JwsHeader, SigningKey};
use portcullis_testing::TestClock;
use serde::Deserialize;
use serde_json::{Value, json};

/// One example, in `rfc.jsonl`. The secret of RFC 7515 §A.1 has been given an `alg`, without which a
/// secret is not taken.
#[derive(Deserialize)]
struct Example {
    section: String,
    algorithm: String,
    deterministic: bool,
    jwk: Value,
    jws: String,
    payload: String,
}

fn examples() -> Vec<Example> {
    include_str!("rfc.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_signatures_of_the_rfcs_verify() {
    for example in examples() {
        let key = VerificationKey::from_jwk(example.jwk.to_string()).unwrap();
        assert_eq!(key.algorithm().name(), example.algorithm, "{}", example.section);
        let jws = jws::verify(&example.jws, &Keys::from(key)).expect(&example.section);
        assert_eq!(jws.payload(), example.payload.as_bytes(), "{}", example.section);
        assert_eq!(jws.header().algorithm(), example.algorithm, "{}", example.section);
    }
}

#[test]
fn the_keys_of_the_rfcs_sign() {
    for example in examples() {
        let key = SigningKey::from_jwk(example.jwk.to_string()).expect(&example.section);
        let token = key.sign(&JwsHeader::new(), &example.payload).unwrap();
        let jws = jws::verify(token, &Keys::from(key.verification_key())).unwrap();
        assert_eq!(jws.payload(), example.payload.as_bytes(), "{}", example.section);
        if example.deterministic {
            let (input, _) = example.jws.rsplit_once('.').unwrap();
            let signature = key.sign_bytes(input.as_bytes()).unwrap();
            let again = format!("{input}.{}", base64url(&signature));
            assert_eq!(again, example.jws, "{}", example.section);
        }
    }
}

/// RFC 7515 §C, so that no library of ours or theirs checks itself.
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        bits <<= 8 * (3 - chunk.len());
        for at in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}

#[test]
fn the_thumbprints_of_the_rfcs_are_ours() {
    let check = |jwk: &str, thumbprint: &str| {
        assert_eq!(VerificationKey::from_jwk(jwk).unwrap().thumbprint(), thumbprint);
    };
    // RFC 7638 §3.1
    check(
        r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
    );
    // RFC 8037 §A.3
    check(
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    );
}

#[test]
fn an_unsecured_jws_is_refused() {
    // RFC 7515 §A.5
    let unsecured = "eyJhbGciOiJub25lIn0.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";
    for algorithm in Algorithm::ALL {
        if !algorithm.name().starts_with(['R', 'P']) {
            let key = SigningKey::generate(algorithm).unwrap();
            assert!(jws::verify(unsecured, &Keys::from(key.verification_key())).is_err());
        }
    }
}

#[test]
fn the_json_serialization_is_refused() {
    // RFC 7515 §A.6 and §A.7 are the examples of §A.2 and §A.3 in another form
    let examples = examples();
    let parts = |section: &str| {
        let example = examples.iter().find(|example| example.section == section).unwrap();
        let parts: Vec<_> = example.jws.split('.').map(str::to_owned).collect();
        let key = VerificationKey::from_jwk(example.jwk.to_string()).unwrap();
        (parts, key.with_key_id(section))
    };
    let ((rsa, rsa_key), (ec, ec_key)) = (parts("RFC 7515 A.2"), parts("RFC 7515 A.3"));
    assert_eq!(rsa[1], ec[1], "one payload, two signatures");
    let signature = |parts: &[String]| json!({"protected": parts[0], "signature": parts[2]});
    let general = json!({"payload": ec[1], "signatures": [signature(&rsa), signature(&ec)]});
    let flattened = json!({"payload": ec[1], "protected": ec[0], "signature": ec[2]});
    let keys = Keys::new([rsa_key, ec_key]).unwrap();
    for form in [general, flattened] {
        let refused = jws::verify(form.to_string(), &keys).unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::MalformedToken, "{form}");
    }
    assert!(jws::verify(ec.join("."), &keys).is_ok());
}

#[test]
fn the_claims_of_rfc_7519_are_read() {
    // §3.1 is signed as §A.1 of RFC 7515 is; §6.1 has the same claims and no signature
    let example = examples().into_iter().find(|example| example.section == "RFC 7515 A.1").unwrap();
    let keys = Keys::from_jwk(example.jwk.to_string()).unwrap();
    let verify_at = |now: i64, token: &str| {
        let joe = Issuer::new("joe").audience_less().keys(keys.clone());
        let verifier: Verifier<Value> =
            Verifier::builder().trust(joe).clock(TestClock::at(now)).build().unwrap();
        verifier.verify(token).map(|claims| (*claims).clone()).map_err(|refused| refused.kind())
    };
    let claims = json!({"iss": "joe", "exp": 1_300_819_380, "http://example.com/is_root": true});
    assert_eq!(verify_at(1_300_819_000, &example.jws), Ok(claims));
    assert_eq!(verify_at(1_300_819_440, &example.jws), Err(RejectionKind::Expired));
    let (_, payload) = example.jws.split_once('.').unwrap();
    let (payload, _) = payload.split_once('.').unwrap();
    let unsecured = format!("eyJhbGciOiJub25lIn0.{payload}.");
    assert_eq!(verify_at(1_300_819_000, &unsecured), Err(RejectionKind::AlgorithmNotAllowed));
}
