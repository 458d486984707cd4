//! Keys in every form: the same key reads the same, weak and foreign ones are refused with advice, and
//! one bad entry spoils no set.
//!
//! `good.jsonl` holds public keys with a thumbprint and tokens that another implementation (Python's
//! jwcrypto) made; `bad.jsonl` holds keys to refuse and a word that the refusal must have.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod published;

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis::keys::{KeySet, VerificationKey};
use portcullis::{Algorithm, KeyError, Keys, RejectionKind, jws};
use serde_json::{Value, json};

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn good() -> Vec<Value> {
    rows(include_str!("good.jsonl"))
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap()
}

fn good_key(name: &str) -> Value {
    good().into_iter().find(|row| row["name"] == name).unwrap()
}

#[test]
fn pem_der_and_jwk_give_the_same_key() {
    for row in good() {
        let der = STANDARD.decode(text(&row, "der")).unwrap();
        let mut keys = vec![
            VerificationKey::from_pem(text(&row, "pem")).unwrap(),
            VerificationKey::from_der(der).unwrap(),
            VerificationKey::from_jwk(row["jwk"].to_string()).unwrap(),
        ];
        if let Some(pkcs1) = row["pkcs1"].as_str() {
            let der = STANDARD.decode(text(&row, "pkcs1_der")).unwrap();
            keys.push(VerificationKey::from_pem(pkcs1).unwrap());
            keys.push(VerificationKey::from_der(der).unwrap());
        }
        for key in keys {
            assert_eq!(key.thumbprint(), text(&row, "thumbprint"), "{}", row["name"]);
        }
    }
}

#[test]
fn a_key_verifies_its_own_algorithm_and_no_other() {
    for row in good() {
        for (name, token) in row["jws"].as_object().unwrap() {
            let algorithm: Algorithm = name.parse().unwrap();
            for other in good() {
                for bound_to in Algorithm::ALL {
                    let Ok(key) = VerificationKey::from_pem(text(&other, "pem"))
                        .unwrap()
                        .with_algorithm(bound_to)
                    else {
                        continue;
                    };
                    let result = jws::verify(token.as_str().unwrap(), &key.into());
                    let fits = row["name"] == other["name"] && algorithm == bound_to;
                    match result {
                        Ok(jws) => {
                            assert!(fits, "{} {name} by {bound_to}", row["name"]);
                            assert_eq!(jws.payload(), br#"{"paid":true}"#);
                            assert_eq!(jws.into_payload(), br#"{"paid":true}"#);
                        }
                        Err(refused) => {
                            assert!(!fits, "{} {name}: {refused}", row["name"]);
                            let expected = if algorithm == bound_to {
                                RejectionKind::InvalidSignature
                            } else {
                                RejectionKind::AlgorithmNotAllowed
                            };
                            assert_eq!(refused.kind(), expected);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn keys_to_refuse_are_refused_with_advice() {
    for row in rows(include_str!("bad.jsonl")) {
        let error = VerificationKey::from_pem(text(&row, "pem")).unwrap_err().to_string();
        assert!(error.contains(text(&row, "says")), "{}: {error}", row["name"]);
    }
}

#[test]
fn a_secret_must_be_as_long_as_the_hash() {
    for (algorithm, least) in
        [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)]
    {
        let secret: Vec<u8> = (0..=255).collect();
        assert!(Keys::from_secret(algorithm, &secret[..least]).is_ok());
        let error = Keys::from_secret(algorithm, &secret[..least - 1]).unwrap_err().to_string();
        assert!(error.contains("openssl rand"), "{error}");
        assert!(Keys::from_secret(algorithm, b"").is_err());
        assert!(Keys::from_secret(algorithm, vec![0; least]).is_err());
        let short = json!({"kty": "oct", "alg": algorithm.name(),
            "k": URL_SAFE_NO_PAD.encode(&secret[..least - 1])});
        assert!(Keys::from_jwk(short.to_string()).is_err());
    }
    let error = Keys::from_secret(Algorithm::RS256, [7; 99]).unwrap_err().to_string();
    assert!(error.contains("public key"), "{error}");
}

/// `jwk` with this change.
fn changed(jwk: &Value, name: &str, value: Value) -> String {
    let mut jwk = jwk.clone();
    jwk[name] = value;
    jwk.to_string()
}

fn refused(jwk: &str, says: &str) {
    let error = VerificationKey::from_jwk(jwk).unwrap_err().to_string();
    assert!(error.contains(says), "{jwk}: {error}");
}

#[test]
fn what_a_jwk_says_of_its_use_is_obeyed() {
    let ec = &good_key("p256")["jwk"];
    for (name, value) in [
        ("use", json!("sig")),
        ("key_ops", json!(["verify"])),
        ("key_ops", json!(["sign", "verify"])),
        ("alg", json!("ES256")),
        ("kid", json!("a")),
        ("unknown", json!({"a": 1})),
    ] {
        assert!(VerificationKey::from_jwk(changed(ec, name, value)).is_ok(), "{name}");
    }
    for (name, value, says) in [
        ("use", json!("enc"), "`use`"),
        ("use", json!(5), "`use`"),
        ("key_ops", json!(["sign"]), "`key_ops`"),
        ("key_ops", json!([]), "`key_ops`"),
        ("key_ops", json!("verify"), "`key_ops`"),
        ("key_ops", json!(["verify", 1]), "`key_ops`"),
        ("alg", json!("ES384"), "ES384"),
        ("alg", json!("ECDH-ES"), "`alg`"),
        ("alg", json!("none"), "`alg`"),
        ("alg", json!(null), "`alg`"),
        ("kid", json!(7), "`kid`"),
        ("kty", json!("RSA"), "`n`"),
        ("kty", json!("OKP"), "Ed25519"),
        ("kty", json!("nope"), "`kty`"),
        ("crv", json!("P-384"), "48"),
        ("crv", json!("secp256k1"), "not on the curve"),
        ("crv", json!("P-512"), "not known"),
        ("x", json!(""), "32"),
        ("x", json!("AAAA"), "32"),
        ("x", json!("***"), "base64url"),
        ("y", json!(URL_SAFE_NO_PAD.encode([1; 32])), "not on the curve"),
    ] {
        refused(&changed(ec, name, value), says);
    }
    refused("null", "JSON object");
    refused("[]", "JSON object");
    refused(r#"{"kty":"EC","kty":"EC"}"#, "repeated");
}

#[test]
fn the_algorithm_is_inferred_where_there_is_one_choice() {
    for (name, algorithm) in [
        ("rsa2048", Algorithm::RS256),
        ("p256", Algorithm::ES256),
        ("p384", Algorithm::ES384),
        ("p521", Algorithm::ES512),
        ("secp256k1", Algorithm::ES256K),
        ("ed25519", Algorithm::EdDSA),
    ] {
        let row = good_key(name);
        assert_eq!(VerificationKey::from_pem(text(&row, "pem")).unwrap().algorithm(), algorithm);
        let jwk = row["jwk"].to_string();
        assert_eq!(VerificationKey::from_jwk(jwk).unwrap().algorithm(), algorithm);
    }
    let oct = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode([1; 64])}).to_string();
    refused(&oct, "HS256");
    let key = VerificationKey::from_jwk_for(Algorithm::HS512, &oct).unwrap();
    assert_eq!(key.algorithm(), Algorithm::HS512);
    // RFC 9864: Ed25519 is another name for EdDSA on that curve
    let ed = changed(&good_key("ed25519")["jwk"], "alg", json!("Ed25519"));
    assert_eq!(VerificationKey::from_jwk(ed).unwrap().algorithm(), Algorithm::EdDSA);
    let named = changed(&good_key("rsa2048")["jwk"], "alg", json!("PS384"));
    assert_eq!(VerificationKey::from_jwk(&named).unwrap().algorithm(), Algorithm::PS384);
    assert!(VerificationKey::from_jwk_for(Algorithm::RS256, &named).is_err());
}

#[test]
fn rsa_numbers_are_checked() {
    let rsa = &good_key("rsa2048")["jwk"];
    let number = |bytes: &[u8]| json!(URL_SAFE_NO_PAD.encode(bytes));
    for weak in [
        &[][..],
        &[0],
        &[1],
        &[3],
        &[0x01, 0x01],
        &[0x01, 0x00, 0x00],
        &[0x01, 0x00, 0x02],
        &[1; 9],
    ] {
        refused(&changed(rsa, "e", number(weak)), "65537");
    }
    for strong in [&[1, 0, 1][..], &[1, 0, 3], &[3, 0, 1], &[1, 0, 0, 1]] {
        assert!(VerificationKey::from_jwk(changed(rsa, "e", number(strong))).is_ok(), "{strong:?}");
    }
    // a leading zero changes nothing; RFC 7518 §6.3.1.1 forbids it, and producers add it all the same
    let padded = changed(rsa, "e", number(&[0, 1, 0, 1]));
    let key = VerificationKey::from_jwk(padded).unwrap();
    assert_eq!(key.thumbprint(), text(&good_key("rsa2048"), "thumbprint"));
    let mut n = URL_SAFE_NO_PAD.decode(rsa["n"].as_str().unwrap()).unwrap();
    assert!(VerificationKey::from_jwk(changed(rsa, "n", number(&n))).is_ok());
    // one bit short of 2048
    n[0] = 0x7f;
    refused(&changed(rsa, "n", number(&n)), "2047 bits");
    refused(&changed(rsa, "n", number(&[])), "0 bits");
    refused(&changed(rsa, "n", number(&[0xff; 1025])), "8200 bits");
}

#[test]
fn points_of_small_order_are_refused() {
    // the encodings that libsodium refuses, each with either sign
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for point in points {
        let mut bytes: Vec<u8> =
            (0..32).map(|i| u8::from_str_radix(&point[2 * i..2 * i + 2], 16).unwrap()).collect();
        for _sign in 0..2 {
            let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(&bytes)});
            let error = VerificationKey::from_jwk(jwk.to_string()).unwrap_err().to_string();
            assert!(error.contains("order") || error.contains("encoding"), "{point}: {error}");
            bytes[31] ^= 0x80;
        }
    }
    let short = json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"});
    refused(&short.to_string(), "32 octets");
}

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
