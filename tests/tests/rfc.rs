//! The examples that the RFCs print: signed there, verified here, and signed here to the same bytes
//! where the algorithm is deterministic.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

use portcullis::keys::VerificationKey;
use portcullis::{Algorithm, Keys, jws};
use portcullis_issuer::{JwsHeader, SigningKey};
use serde::Deserialize;
use serde_json::Value;

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
