//! Portcullis beside the user's own `jsonwebtoken`, with the backend of their choice. That library keeps
//! its backend in a global: once for the process, whoever comes first. This is the only test here, so
//! that the process is its own.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

use jsonwebtoken::crypto::aws_lc;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, encode};
use portcullis::keys::{KeySet, VerificationKey};
use portcullis::{Algorithm, Keys, Verifier, jws};
use portcullis_testing::TestIssuer;
use serde_json::{Value, json};

/// Everything of ours that reads keys, signs and verifies.
fn ours() {
    for algorithm in Algorithm::ALL {
        let issuer = TestIssuer::new(algorithm);
        if let Some(pem) = issuer.key().public_pem() {
            let key = VerificationKey::from_pem(&pem).unwrap().with_algorithm(algorithm).unwrap();
            assert!(jws::verify(issuer.token().mint(), &Keys::from(key)).is_ok(), "{algorithm}");
        }
        if let Some(jwk) = issuer.key().public_jwk() {
            assert!(!KeySet::from_jwk_set(format!(r#"{{"keys":[{jwk}]}}"#)).unwrap().is_empty());
        }
        let verifier: Verifier<Value> =
            Verifier::builder().trust(issuer.trusted()).clock(issuer.clock()).build().unwrap();
        assert!(verifier.verify(issuer.token().mint()).is_ok(), "{algorithm}");
        for (defect, forged) in issuer.token().forgeries() {
            assert!(verifier.verify(forged).is_err(), "{algorithm}: {defect}");
        }
    }
}

/// A user's own code, which knows nothing of ours.
fn theirs() {
    let secret = b"a secret of the user's own, for a purpose of their own";
    let claims = json!({"sub": "bob", "exp": 4_000_000_000_u64});
    let token = encode(&Header::default(), &claims, &EncodingKey::from_secret(secret)).unwrap();
    let read =
        decode::<Value>(&token, &DecodingKey::from_secret(secret), &Validation::default()).unwrap();
    assert_eq!(read.claims, claims);
}

#[test]
fn the_users_own_calls_work_with_the_backend_of_their_choice() {
    ours();
    // this fails where anybody, us included, has used the global before
    assert!(aws_lc::DEFAULT_PROVIDER.install_default().is_ok(), "the global was touched");
    theirs();
    ours();
    theirs();
}
