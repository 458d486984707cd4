//! One key: it reads the same from every form, is for one algorithm, and is refused where it is weak or odd.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis::keys::VerificationKey;
use portcullis::{Algorithm, Keys, RejectionKind, jws};
use serde_json::json;

use crate::{changed, good, good_key, refused, rows, text};

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
