//! A second opinion: `jsonwebtoken` verifies what Portcullis signs, and the other way round.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

use jsonwebtoken::{
    Algorithm as Theirs, DecodingKey, EncodingKey, Header, Validation, decode, encode,
};
use portcullis::{Algorithm, jws};
use portcullis_issuer::{SigningKeys, TokenIssuer};
use portcullis_testing::{TestClock, TestIssuer};
use serde_json::{Value, json};

/// What `jsonwebtoken` calls it. It knows neither ES256K nor ES512.
fn theirs(algorithm: Algorithm) -> Option<Theirs> {
    algorithm.name().parse().ok()
}

fn decoding_key(issuer: &TestIssuer) -> DecodingKey {
    let key = issuer.key();
    match key.public_pem() {
        None => DecodingKey::from_secret(&key.to_private_bytes().unwrap()),
        Some(pem) => match &key.algorithm().name()[..2] {
            "RS" | "PS" => DecodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
            "ES" => DecodingKey::from_ec_pem(pem.as_bytes()).unwrap(),
            _ => DecodingKey::from_ed_pem(pem.as_bytes()).unwrap(),
        },
    }
}

fn encoding_key(issuer: &TestIssuer) -> EncodingKey {
    let key = issuer.key();
    match key.to_pem() {
        Err(_) => EncodingKey::from_secret(&key.to_private_bytes().unwrap()),
        Ok(pem) => match &key.algorithm().name()[..2] {
            "RS" | "PS" => EncodingKey::from_rsa_pem(&pem).unwrap(),
            "ES" => EncodingKey::from_ec_pem(&pem).unwrap(),
            _ => EncodingKey::from_ed_pem(&pem).unwrap(),
        },
    }
}

#[test]
fn all_but_two_algorithms_are_compared() {
    let missing: Vec<_> =
        Algorithm::ALL.into_iter().filter(|&algorithm| theirs(algorithm).is_none()).collect();
    assert_eq!(missing, [Algorithm::ES256K, Algorithm::ES512]);
}

#[test]
fn they_verify_what_we_sign() {
    for algorithm in Algorithm::ALL {
        let Some(theirs) = theirs(algorithm) else { continue };
        let test = TestIssuer::new(algorithm);
        let clock = TestClock::at(4_000_000_000);
        let keys = SigningKeys::builder().clock(clock).key(test.key().clone()).build().unwrap();
        let issuer = TokenIssuer::builder(test.name(), keys)
            .audience("api")
            .client_id("web")
            .build()
            .unwrap();
        let minted = issuer.mint(&json!({"sub": "bob"})).unwrap();

        let mut validation = Validation::new(theirs);
        validation.set_issuer(&[test.name()]);
        validation.set_audience(&["api"]);
        let read = decode::<Value>(minted.token(), &decoding_key(&test), &validation).unwrap();
        assert_eq!(read.claims["sub"], "bob", "{algorithm}");
        assert_eq!(read.claims["jti"], minted.id(), "{algorithm}");
        assert_eq!(read.header.kid.as_deref(), Some(test.key().key_id()), "{algorithm}");
        assert_eq!(read.header.typ.as_deref(), Some("at+jwt"), "{algorithm}");
    }
}

#[test]
fn they_read_the_jwk_set_that_we_publish() {
    for algorithm in Algorithm::ALL {
        let Some(theirs) = theirs(algorithm).filter(|_| !algorithm.is_symmetric()) else {
            continue;
        };
        let test = TestIssuer::new(algorithm);
        let ring = SigningKeys::new(test.key().clone());
        let set: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&ring.jwk_set()).unwrap();
        let jwk = set.find(test.key().key_id()).unwrap();
        let key = DecodingKey::from_jwk(jwk).unwrap();
        let mut validation = Validation::new(theirs);
        validation.set_audience(&[test.audience()]);
        validation.validate_exp = false;
        assert!(decode::<Value>(test.token().mint(), &key, &validation).is_ok(), "{algorithm}");
    }
}

#[test]
fn we_verify_what_they_sign() {
    for algorithm in Algorithm::ALL {
        let Some(theirs) = theirs(algorithm) else { continue };
        let test = TestIssuer::new(algorithm);
        let header = Header { kid: Some(test.key().key_id().to_owned()), ..Header::new(theirs) };
        let claims = json!({"sub": "bob"});
        let token = encode(&header, &claims, &encoding_key(&test)).unwrap();
        let jws = jws::verify(token, &test.keys()).unwrap();
        let read: Value = serde_json::from_slice(jws.payload()).unwrap();
        assert_eq!(read, claims, "{algorithm}");
    }
}
