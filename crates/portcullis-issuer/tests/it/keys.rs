//! Every algorithm: signed, exported, read back.

use portcullis::keys::VerificationKey;
use portcullis::{Algorithm, Keys, jws};
use portcullis_issuer::{IssuerErrorKind, JwsHeader, SigningKey};
use portcullis_testing::TestIssuer;
use serde_json::Value;

fn key(algorithm: Algorithm) -> SigningKey {
    TestIssuer::new(algorithm).key().clone()
}

#[track_caller]
fn check_verifies(token: &str, key: VerificationKey) {
    let jws = jws::verify(token, &Keys::from(key)).unwrap();
    assert_eq!(jws.payload(), b"paid");
}

#[test]
fn every_algorithm_signs_what_its_public_half_verifies() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm);
        let token = key.sign(&JwsHeader::new().with_typ("JWT"), "paid").unwrap();
        check_verifies(&token, key.verification_key());
        match (key.public_jwk(), key.public_pem()) {
            (Some(jwk), Some(pem)) => {
                let from_jwk = VerificationKey::from_jwk(jwk).unwrap();
                assert_eq!(from_jwk.thumbprint(), key.thumbprint());
                check_verifies(&token, from_jwk);
                let from_pem = VerificationKey::from_pem(pem).unwrap();
                check_verifies(&token, from_pem.with_algorithm(algorithm).unwrap());
            }
            (None, None) => assert!(algorithm.is_symmetric()),
            _ => panic!("{algorithm}: one public form and not the other"),
        }
    }
}

#[test]
fn every_key_reads_back_from_the_bytes_that_are_kept() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm);
        let token = key.sign(&JwsHeader::new(), "paid").unwrap();
        let kept = key.to_private_bytes().unwrap();
        let again = SigningKey::from_private_bytes(algorithm, &kept).unwrap();
        assert_eq!(again.thumbprint(), key.thumbprint(), "{algorithm}");
        check_verifies(&token, again.with_key_id(key.key_id()).verification_key());
        if algorithm.is_symmetric() {
            assert_eq!(key.to_pkcs8_der().unwrap_err().kind(), IssuerErrorKind::InvalidKey);
            assert!(key.to_pem().is_err());
            continue;
        }
        assert_eq!(*key.to_pkcs8_der().unwrap(), *kept);
        let pem = key.to_pem().unwrap();
        assert_eq!(SigningKey::from_pem(&pem).unwrap().thumbprint(), key.thumbprint());
    }
}

#[test]
fn every_key_reads_back_from_its_jwk_with_its_name_and_algorithm() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm).with_key_id("k \"1\"");
        let token = key.sign(&JwsHeader::new(), "paid").unwrap();
        let jwk = key.to_jwk().unwrap();
        let again = SigningKey::from_jwk(&jwk).unwrap();
        assert_eq!((again.key_id(), again.algorithm()), (key.key_id(), algorithm));
        assert_eq!(again.thumbprint(), key.thumbprint());
        check_verifies(&token, again.verification_key());
        // its public half is that of the JWK, whoever reads it
        let public = VerificationKey::from_jwk_for(algorithm, &jwk).unwrap().public_jwk();
        assert_eq!(public.is_none(), algorithm.is_symmetric());
        if let Some(public) = public {
            let json: Value = serde_json::from_str(&public).unwrap();
            let expected: Value = serde_json::from_str(&key.public_jwk().unwrap()).unwrap();
            assert_eq!(json, expected);
        }
    }
}

#[test]
fn new_keys_differ() {
    for algorithm in Algorithm::ALL {
        if algorithm.name().starts_with(['R', 'P']) {
            // two primes take their time, and no test of ours makes them random
            continue;
        }
        let new = || SigningKey::generate(algorithm).unwrap();
        assert_ne!(new().thumbprint(), new().thumbprint(), "{algorithm}");
    }
    let new = SigningKey::generate(Algorithm::PS384).unwrap();
    assert_eq!((new.algorithm(), modulus_bits(&new)), (Algorithm::PS384, 2048));
}

fn modulus_bits(key: &SigningKey) -> usize {
    let jwk: Value = serde_json::from_str(&key.public_jwk().unwrap()).unwrap();
    jwk["n"].as_str().unwrap().len() * 6 / 8 * 8
}

#[test]
fn the_size_of_an_rsa_key_can_be_chosen() {
    assert_eq!(modulus_bits(&SigningKey::generate_rsa(Algorithm::RS256, 3072).unwrap()), 3072);
    for bits in [0, 1024, 2047, 2049, 16384] {
        let error = SigningKey::generate_rsa(Algorithm::RS256, bits).unwrap_err();
        assert_eq!(error.kind(), IssuerErrorKind::InvalidKey, "{bits}");
    }
    assert!(SigningKey::generate_rsa(Algorithm::ES256, 2048).is_err());
}

#[test]
fn the_thumbprint_is_the_key_id_until_another_is_set() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    assert_eq!(key.key_id(), key.thumbprint());
    let named = key.with_key_id("2026-\"x\"");
    assert_eq!(named.key_id(), "2026-\"x\"");
    let token = named.sign(&JwsHeader::new().with_typ("x+jwt"), "paid").unwrap();
    let jws = jws::verify(token, &Keys::from(named.verification_key())).unwrap();
    assert_eq!(jws.header().key_id(), Some("2026-\"x\""));
    assert_eq!(jws.header().typ(), Some("x+jwt"));
    let jwk: Value = serde_json::from_str(&named.public_jwk().unwrap()).unwrap();
    assert_eq!(jwk["kid"], "2026-\"x\"");
}

#[test]
fn a_public_jwk_has_the_public_members_and_no_others() {
    let check = |algorithm, expected: &[&str]| {
        let jwk: Value = serde_json::from_str(&key(algorithm).public_jwk().unwrap()).unwrap();
        let mut names: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{algorithm}");
        assert_eq!((&jwk["use"], &jwk["alg"]), (&"sig".into(), &algorithm.name().into()));
    };
    check(Algorithm::PS256, &["alg", "e", "kid", "kty", "n", "use"]);
    check(Algorithm::ES512, &["alg", "crv", "kid", "kty", "use", "x", "y"]);
    check(Algorithm::EdDSA, &["alg", "crv", "kid", "kty", "use", "x"]);
    assert_eq!(key(Algorithm::HS256).public_jwk(), None);
}

#[test]
fn a_key_signs_for_its_own_family_only() {
    for from in Algorithm::ALL {
        for to in Algorithm::ALL {
            let rsa = |algorithm: Algorithm| algorithm.name().starts_with(['R', 'P']);
            let good = from == to || (rsa(from) && rsa(to));
            assert_eq!(key(from).with_algorithm(to).is_ok(), good, "{from} to {to}");
        }
    }
}

#[test]
fn weak_secrets_are_refused() {
    let check = |algorithm, secret: &[u8], good: bool| {
        assert_eq!(SigningKey::from_secret(algorithm, secret).is_ok(), good, "{algorithm}");
    };
    let secret: Vec<u8> = (0..64).collect();
    check(Algorithm::HS256, &secret[..32], true);
    check(Algorithm::HS256, &secret[..31], false);
    check(Algorithm::HS384, &secret[..47], false);
    check(Algorithm::HS512, &secret, true);
    check(Algorithm::HS512, &secret[..63], false);
    check(Algorithm::HS256, &[7; 64], false);
    check(Algorithm::HS256, b"", false);
    check(Algorithm::RS256, &secret, false);
}

#[test]
fn nothing_shows_the_material() {
    let secret = "a secret that nobody should see, ever";
    let key = SigningKey::from_secret(Algorithm::HS256, secret).unwrap();
    let kept = key.to_private_bytes().unwrap();
    let shown = format!("{key:?} {kept:?} {:?}", key.verification_key());
    assert!(!shown.contains("nobody"), "{shown}");
    assert!(!shown.contains("97, 32"), "{shown}");
    assert!(shown.contains("SecretBytes(37 bytes)"), "{shown}");
}
