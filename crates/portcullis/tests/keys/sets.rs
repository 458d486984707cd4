//! Several keys: sets and directories, which of them a token is tried with, and sets that are replaced.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis::keys::{KeySet, VerificationKey};
use portcullis::{Algorithm, KeyError, Keys, RejectionKind, jws};
use serde_json::json;

use crate::{changed, good_key, refused, text};

/// A key that signed nothing here.
const FOREIGN_ED25519: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAdXsBce1b8Q66FDH96slobYKcT6jkN+OUfSV/oylbMCs=
-----END PUBLIC KEY-----
";

#[test]
fn a_refusal_names_the_keys_that_were_tried_and_how_many_were_not() {
    let token = good_key("ed25519")["jws"]["EdDSA"].as_str().unwrap().to_owned();
    let foreign = |n: usize| {
        let keys = (0..n).map(|_| VerificationKey::from_pem(FOREIGN_ED25519).unwrap());
        let keys: Keys = KeySet::new(keys).into();
        jws::verify(&token, &keys).unwrap_err()
    };
    let thumbprint = VerificationKey::from_pem(FOREIGN_ED25519).unwrap().thumbprint().to_owned();
    assert_eq!(foreign(4).kind(), RejectionKind::InvalidSignature);
    assert_eq!(foreign(4).diagnosis().hint_text(), None);
    assert!(foreign(4).diagnosis().key_tried().unwrap().contains(&thumbprint));
    assert!(foreign(6).diagnosis().hint_text().unwrap().contains("2 more"));
    assert!("nope".parse::<Algorithm>().unwrap_err().to_string().contains("algorithm"));
    let mut named = good_key("p256")["jwk"].clone();
    named["kid"] = json!("front door");
    refused(&changed(&named, "crv", json!("P-512")), "kid \"front door\"");
}

#[test]
fn one_bad_entry_spoils_no_set() {
    let (good, other) = (&good_key("p256")["jwk"], &good_key("ed25519")["jwk"]);
    let set = json!({"keys": [null, 5, {}, {"kty": "nope"}, {"kty": "EC", "kid": 7}, good,
        {"kty": "RSA", "use": "enc"}, {"key_ops": "x"}, other]});
    let set = KeySet::from_jwk_set(set.to_string()).unwrap();
    let algorithms: Vec<_> = set.keys().map(VerificationKey::algorithm).collect();
    assert_eq!(algorithms, [Algorithm::ES256, Algorithm::EdDSA]);
    assert_eq!(set.skipped().len(), 7);
    assert_eq!(set.skipped()[5].entry(), "key 6");
    assert!(set.skipped()[5].to_string().starts_with("key 6: its `use` is \"enc\""));
}

#[test]
fn a_set_without_a_usable_key_is_an_error() {
    for (set, says) in [
        (r#"{"keys":[]}"#, "no key in the set"),
        (r#"{"keys":[{"kty":"EC"}]}"#, "key 0"),
        (r#"{"keys":{}}"#, "array `keys`"),
        (r#"{}"#, "array `keys`"),
        ("[]", "array `keys`"),
        ("", "array `keys`"),
        (r#"{"keys":[]} x"#, "array `keys`"),
    ] {
        let error = Keys::from_jwk_set(set).unwrap_err().to_string();
        assert!(error.contains(says), "{set}: {error}");
    }
    assert!(Keys::new([]).is_err());
    // withdrawing every key is another matter
    assert!(KeySet::from_jwk_set(r#"{"keys":[]}"#).unwrap().is_empty());
}

#[test]
fn a_directory_is_read_by_the_endings() -> Result<(), KeyError> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
    let (ec, rsa, ed) = (good_key("p256"), good_key("rsa2048"), good_key("ed25519"));
    write("a.pem", text(&ec, "pem").as_bytes());
    write("b.der", &STANDARD.decode(text(&rsa, "der")).unwrap());
    write("c.jwk", changed(&ed["jwk"], "kid", json!("inner")).as_bytes());
    write("d.jwks", json!({"keys": [good_key("p384")["jwk"], {}]}).to_string().as_bytes());
    write("e.json", good_key("p521")["jwk"].to_string().as_bytes());
    write("f.txt", b"notes");
    write("g.pem", b"junk");
    write("h.json", br#"{"kty":"EC"}"#);
    write(".hidden.pem", b"junk");
    fs::create_dir(folder.path().join("sub.pem")).unwrap();

    let set = KeySet::from_directory(folder.path())?;
    let ids: Vec<_> = set.keys().map(|key| (key.key_id(), key.algorithm())).collect();
    assert_eq!(
        ids,
        [
            (Some("a"), Algorithm::ES256),
            (Some("b"), Algorithm::RS256),
            (Some("inner"), Algorithm::EdDSA),
            (None, Algorithm::ES384),
            (None, Algorithm::ES512),
        ]
    );
    let skipped: Vec<_> = set.skipped().iter().map(ToString::to_string).collect();
    assert_eq!(skipped.len(), 4, "{skipped:?}");
    assert!(skipped[0].starts_with("key 1"), "{skipped:?}");
    assert!(skipped[1].contains("f.txt") && skipped[2].contains("g.pem"), "{skipped:?}");
    assert!(skipped[3].contains("`crv` is missing"), "{skipped:?}");

    Keys::from_jwk_set_file(folder.path().join("d.jwks"))?;
    let missing = Keys::from_jwk_set_file(folder.path().join("none")).unwrap_err().to_string();
    assert!(missing.contains("none"), "{missing}");
    assert!(Keys::from_directory(folder.path().join("none")).is_err());
    assert!(Keys::from_directory(folder.path().join("sub.pem")).is_err());
    Ok(())
}

#[cfg(feature = "jsonwebtoken")]
#[test]
fn keys_of_jsonwebtoken_are_taken_over() {
    use jsonwebtoken::{DecodingKey, jwk};
    for (name, algorithms) in [
        ("rsa2048", vec![Algorithm::RS256, Algorithm::PS512]),
        ("p256", vec![Algorithm::ES256]),
        ("p384", vec![Algorithm::ES384]),
        ("ed25519", vec![Algorithm::EdDSA]),
    ] {
        let row = good_key(name);
        let pem = text(&row, "pem").as_bytes();
        let from_pem = match name {
            "rsa2048" => DecodingKey::from_rsa_pem(pem),
            "ed25519" => DecodingKey::from_ed_pem(pem),
            _ => DecodingKey::from_ec_pem(pem),
        };
        let theirs: jwk::Jwk = serde_json::from_value(row["jwk"].clone()).unwrap();
        let from_jwk = DecodingKey::from_jwk(&theirs);
        for key in [from_pem.unwrap(), from_jwk.unwrap()] {
            for &algorithm in &algorithms {
                let ours = VerificationKey::from_jsonwebtoken(algorithm, &key).unwrap();
                assert_eq!(ours.algorithm(), algorithm);
                assert_eq!(ours.thumbprint(), text(&row, "thumbprint"), "{name}");
                let token = row["jws"][algorithm.name()].as_str().unwrap();
                assert!(jws::verify(token, &ours.into()).is_ok(), "{name} {algorithm}");
            }
            assert!(VerificationKey::from_jsonwebtoken(Algorithm::HS256, &key).is_err());
        }
        let ours = VerificationKey::from_jsonwebtoken_jwk(&theirs).unwrap();
        assert_eq!(ours.thumbprint(), text(&row, "thumbprint"));
        let set = KeySet::from_jsonwebtoken_jwk_set(&jwk::JwkSet { keys: vec![theirs] }).unwrap();
        assert_eq!(set.keys().count(), 1);
    }
    let short = DecodingKey::from_secret(b"short");
    assert!(VerificationKey::from_jsonwebtoken(Algorithm::HS256, &short).is_err());
}

#[test]
fn kid_selects_and_a_key_without_kid_fits_every_one() {
    let signed = |kid: Option<&str>| {
        let mut header = json!({"alg": "HS256"});
        if let Some(kid) = kid {
            header["kid"] = json!(kid);
        }
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let input = format!("{}.{}", b64(header.to_string().as_bytes()), b64(b"x"));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret(9));
        format!("{input}.{}", b64(aws_lc_rs::hmac::sign(&key, input.as_bytes()).as_ref()))
    };
    fn secret(seed: u8) -> Vec<u8> {
        (0..32).map(|i| i ^ seed).collect()
    }
    let key = |seed| VerificationKey::from_secret(Algorithm::HS256, secret(seed)).unwrap();
    let kind = |token: &str, keys: Vec<VerificationKey>| {
        jws::verify(token, &Keys::new(keys).unwrap()).map_err(|r| r.kind()).map(|_| ())
    };

    assert_eq!(kind(&signed(Some("a")), vec![key(9).with_key_id("a"), key(1)]), Ok(()));
    assert_eq!(
        kind(&signed(Some("a")), vec![key(1).with_key_id("a"), key(9)]),
        Err(RejectionKind::InvalidSignature),
        "the named key is the only one that is tried"
    );
    assert_eq!(kind(&signed(Some("b")), vec![key(1).with_key_id("a"), key(9)]), Ok(()));
    assert_eq!(
        kind(&signed(Some("b")), vec![key(9).with_key_id("a")]),
        Err(RejectionKind::UnknownKey)
    );
    assert_eq!(kind(&signed(None), vec![key(1), key(2), key(3), key(9).with_key_id("a")]), Ok(()));
    assert_eq!(
        kind(&signed(None), vec![key(1), key(2), key(3), key(4), key(9)]),
        Err(RejectionKind::InvalidSignature),
        "at most four are tried"
    );
    // one name may stand for two keys
    let twins = vec![key(1).with_key_id("a"), key(9).with_key_id("a")];
    assert_eq!(kind(&signed(Some("a")), twins), Ok(()));
}

#[test]
fn a_replaced_set_is_what_every_clone_sees() {
    let keys = Keys::from_jwk(good_key("p256")["jwk"].to_string()).unwrap();
    let clone = keys.clone();
    let token = good_key("p256")["jws"]["ES256"].clone();
    let verify = || jws::verify(token.as_str().unwrap(), &clone).map(|_| ()).map_err(|r| r.kind());
    assert_eq!(verify(), Ok(()));
    keys.replace(KeySet::default());
    assert_eq!(verify(), Err(RejectionKind::UnknownKey));
    keys.replace(KeySet::new([VerificationKey::from_pem(text(&good_key("p256"), "pem")).unwrap()]));
    assert_eq!(verify(), Ok(()));
}

#[test]
fn debug_shows_no_secret() {
    let secret = "a-very-secret-secret-of-32-bytes!";
    let jwk = json!({"kty": "oct", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode(secret)});
    let keys = Keys::from_secret(Algorithm::HS256, secret).unwrap();
    let set =
        Keys::from_jwk_set(json!({"keys": [jwk, {"kty": "oct", "k": "c2VjcmV0"}]}).to_string())
            .unwrap();
    let error = Keys::from_jwk(json!({"kty": "oct", "k": "c2VjcmV0"}).to_string()).unwrap_err();
    let thumbprint = set.snapshot().keys().next().unwrap().thumbprint().to_owned();
    for shown in [format!("{keys:?}"), format!("{set:?}"), format!("{error:?} {error}"), thumbprint]
    {
        for hidden in [secret, &URL_SAFE_NO_PAD.encode(secret), "c2VjcmV0"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
        // nor as a list of numbers
        assert!(!shown.contains("97, 45, 118"), "{shown}");
    }
}
