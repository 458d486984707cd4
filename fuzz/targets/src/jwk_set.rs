//! Keys: the input is read as a JWK Set, a JWK, PEM and DER.

use portcullis::keys::{KeySet, VerificationKey};
use portcullis::{Algorithm, Keys};

use crate::base64url;
use crate::json::Json;

/// Runs the target.
pub fn run(data: &[u8]) {
    if let Ok(set) = KeySet::from_jwk_set(data) {
        check_set(data, &set);
        assert_eq!(Keys::from_jwk_set(data).is_ok(), !set.is_empty());
    }
    match VerificationKey::from_jwk(data) {
        Ok(key) => {
            let json = Json::read(data).expect("a key was read, so it is JSON");
            assert!(json.has_distinct_names_throughout());
            check_key(data, &json, &key);
        }
        Err(error) => assert_one_line(&error.to_string()),
    }
    for key in [VerificationKey::from_pem(data), VerificationKey::from_der(data)] {
        match key {
            Ok(key) => assert!(!key.algorithm().is_symmetric(), "{key:?}"),
            Err(error) => assert_one_line(&error.to_string()),
        }
    }
}

fn check_set(data: &[u8], set: &KeySet) {
    // deeper than this reader goes can only be what was skipped
    let Ok(json) = Json::read(data) else { return };
    let Some(Json::Array(entries)) = json.get("keys") else { panic!("no array of keys") };
    assert_eq!(set.keys().count() + set.skipped().len(), entries.len());
    for key in set.keys() {
        let fits = |entry: &&Json| entry.get("kid").and_then(Json::text) == key.key_id();
        assert!(entries.iter().filter(fits).any(|entry| is_of(entry, key)), "{key:?}");
    }
    for skipped in set.skipped() {
        assert_one_line(&skipped.to_string());
    }
    assert_shows_no_secret(data, entries, &format!("{set:?}"));
}

/// True if this is the entry that the key was read from.
fn is_of(entry: &Json, key: &VerificationKey) -> bool {
    let text = |name| entry.get(name).and_then(Json::text);
    let algorithm = key.algorithm();
    let kty = match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => "oct",
        Algorithm::EdDSA => "OKP",
        Algorithm::ES256 | Algorithm::ES256K | Algorithm::ES384 | Algorithm::ES512 => "EC",
        _ => "RSA",
    };
    let named = text("alg").is_none_or(|alg| Algorithm::from_name(alg) == Some(algorithm));
    text("kty") == Some(kty) && named
}

fn check_key(data: &[u8], entry: &Json, key: &VerificationKey) {
    assert!(is_of(entry, key), "{key:?}");
    assert_eq!(entry.get("kid").and_then(Json::text), key.key_id());
    assert!(entry.get("use").is_none_or(|purpose| purpose.text() == Some("sig")));
    let bytes = |name| {
        let text = entry.get(name).and_then(Json::text).expect("a part of the key");
        base64url::decode(text.as_bytes()).expect("canonical base64url")
    };
    match key.algorithm() {
        Algorithm::HS256 => assert!(bytes("k").len() >= 32),
        Algorithm::HS384 => assert!(bytes("k").len() >= 48),
        Algorithm::HS512 => assert!(bytes("k").len() >= 64),
        Algorithm::EdDSA => assert_eq!(bytes("x").len(), 32),
        Algorithm::ES256 | Algorithm::ES256K => {
            assert_eq!((bytes("x").len(), bytes("y").len()), (32, 32));
        }
        Algorithm::ES384 => assert_eq!((bytes("x").len(), bytes("y").len()), (48, 48)),
        Algorithm::ES512 => assert_eq!((bytes("x").len(), bytes("y").len()), (66, 66)),
        _ => {
            let n = bytes("n");
            let zeros = n.iter().take_while(|&&b| b == 0).count();
            assert!(n.len() - zeros >= 256, "a modulus of {} octets", n.len() - zeros);
            assert!(bytes("e").last().is_some_and(|low| low % 2 == 1));
        }
    }
    assert_shows_no_secret(data, std::slice::from_ref(entry), &format!("{key:?}"));
}

/// A secret that is there twice may stand where it is no secret: in `kid`, say.
fn assert_shows_no_secret(data: &[u8], entries: &[Json], shown: &str) {
    let once = |text: &&str| {
        data.windows(text.len()).filter(|window| *window == text.as_bytes()).count() == 1
    };
    for entry in entries {
        for name in ["k", "d", "p", "q", "dp", "dq", "qi"] {
            let secret = entry.get(name).and_then(Json::text);
            if let Some(secret) = secret.filter(|secret| secret.len() >= 40).filter(once) {
                assert!(!shown.contains(secret), "`{name}` is in {shown}");
            }
        }
    }
}

fn assert_one_line(message: &str) {
    assert!(message.chars().all(|c| !c.is_control()), "{message:?}");
    assert!(message.len() < 4_000, "{} bytes", message.len());
}
