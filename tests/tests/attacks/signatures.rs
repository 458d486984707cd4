//! Attacks on the signature itself, and keys that are weak.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::RejectionKind::InvalidSignature;
use portcullis::keys::VerificationKey;
use portcullis::{Algorithm, Keys};
use portcullis_testing::TestIssuer;
use serde_json::{Value, json};

use crate::support::{World, row};

/// A good token in two: what is signed, and the signature.
fn split(issuer: &TestIssuer) -> (String, Vec<u8>) {
    let token = issuer.token().mint();
    let (input, signature) = token.rsplit_once('.').unwrap();
    (input.to_owned(), URL_SAFE_NO_PAD.decode(signature).unwrap())
}

fn joined(input: &str, signature: &[u8]) -> String {
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The order of the group, of P-256 and the others: SEC 2 §2.
pub(crate) fn order(algorithm: Algorithm) -> Vec<u8> {
    let hex = match algorithm {
        Algorithm::ES256 => "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        Algorithm::ES256K => "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        Algorithm::ES384 => concat!(
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf",
            "581a0db248b0a77aecec196accc52973"
        ),
        _ => concat!(
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa",
            "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"
        ),
    };
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn forges_an_ecdsa_signature_without_a_key() {
    for algorithm in [Algorithm::ES256, Algorithm::ES256K, Algorithm::ES384, Algorithm::ES512] {
        let issuer = TestIssuer::new(algorithm);
        let world = World::new(&issuer);
        let (input, good) = split(&issuer);
        let half = good.len() / 2;
        let zero = vec![0; half];
        let mut one = zero.clone();
        one[half - 1] = 1;
        let n = order(algorithm);
        assert_eq!(n.len(), half);
        let (r, s) = good.split_at(half);
        let pairs: [(&str, &[u8], &[u8]); 9] = [
            ("r and s zero", &zero, &zero),
            ("r zero", &zero, s),
            ("s zero", r, &zero),
            ("r and s one", &one, &one),
            ("r the order", &n, s),
            ("s the order", r, &n),
            ("r and s the order", &n, &n),
            ("r and s swapped", s, r),
            ("all bits set", &vec![0xff; half], &vec![0xff; half]),
        ];
        for (tries, r, s) in pairs {
            let token = joined(&input, &[r, s].concat());
            world.refuses([row(format!("{algorithm}: {tries}"), token, InvalidSignature)]);
        }
        let long = [&[0], r, &[0], s].concat();
        world.refuses([
            row("no octet", joined(&input, &[]), InvalidSignature),
            row("one octet", joined(&input, &[0]), InvalidSignature),
            row("only r", joined(&input, r), InvalidSignature),
            row("an octet less", joined(&input, &good[..good.len() - 1]), InvalidSignature),
            row("an octet more", joined(&input, &[&good[..], &[0]].concat()), InvalidSignature),
            row("a zero before each", joined(&input, &long), InvalidSignature),
            row("twice over", joined(&input, &[&good[..], &good].concat()), InvalidSignature),
        ]);
    }
}

#[test]
fn sends_ecdsa_in_der() {
    // made by the cryptography, so that the DER is as good as can be
    let issuer = TestIssuer::new(Algorithm::ES256);
    let world = World::new(&issuer);
    let der = issuer.key().to_pkcs8_der().unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der.as_ref()).unwrap();
    let random = aws_lc_rs::rand::SystemRandom::new();
    let (input, _) = split(&issuer);
    for _ in 0..20 {
        let signature = pair.sign(&random, input.as_bytes()).unwrap();
        world.refuses([row("DER", joined(&input, signature.as_ref()), InvalidSignature)]);
    }
}

#[test]
fn bends_an_eddsa_signature() {
    let issuer = TestIssuer::new(Algorithm::EdDSA);
    let world = World::new(&issuer);
    let (input, good) = split(&issuer);
    // s + L is the same number modulo the order L of the group (RFC 8032 §5.1.7 refuses it)
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut malleable = good.clone();
    let mut carry = 0_u16;
    for (at, more) in order.into_iter().enumerate() {
        let sum = u16::from(malleable[32 + at]) + more + carry;
        malleable[32 + at] = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut signature = good.clone();
        change(&mut signature);
        joined(&input, &signature)
    };
    let identity = [&[1][..], &[0; 63]].concat();
    world.refuses([
        row("s plus the order", joined(&input, &malleable), InvalidSignature),
        row("the highest bits of s", with(&|s| s[63] |= 0xe0), InvalidSignature),
        row("the sign of R", with(&|s| s[31] ^= 0x80), InvalidSignature),
        row("R of small order, s zero", joined(&input, &identity), InvalidSignature),
        row("all zero", joined(&input, &[0; 64]), InvalidSignature),
        row("an octet more", with(&|s| s.push(0)), InvalidSignature),
        row("an octet less", with(&|s| s.truncate(63)), InvalidSignature),
    ]);
}

#[test]
fn bends_an_rsa_signature() {
    for algorithm in [Algorithm::RS256, Algorithm::PS256] {
        let issuer = TestIssuer::new(algorithm);
        let world = World::new(&issuer);
        let (input, good) = split(&issuer);
        let jwk: Value = serde_json::from_str(&issuer.key().public_jwk().unwrap()).unwrap();
        let n = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
        let mut one = vec![0; n.len()];
        *one.last_mut().unwrap() = 1;
        world.refuses([
            row("zero", joined(&input, &vec![0; n.len()]), InvalidSignature),
            row("one", joined(&input, &one), InvalidSignature),
            row("the modulus", joined(&input, &n), InvalidSignature),
            row("a zero before it", joined(&input, &[&[0], &good[..]].concat()), InvalidSignature),
            row("a zero after it", joined(&input, &[&good[..], &[0]].concat()), InvalidSignature),
            row("an octet less", joined(&input, &good[1..]), InvalidSignature),
            row("nothing", joined(&input, &[]), InvalidSignature),
        ]);
    }
}

#[test]
fn bends_an_hmac() {
    let issuer = TestIssuer::new(Algorithm::HS256);
    let world = World::new(&issuer);
    let (input, good) = split(&issuer);
    for at in 0..good.len() * 8 {
        let mut signature = good.clone();
        signature[at / 8] ^= 1 << (at % 8);
        let refused = world.verifier.verify(joined(&input, &signature)).unwrap_err();
        assert_eq!(refused.kind(), InvalidSignature, "bit {at}");
    }
    let truncated = [1, 16, 31].map(|len| {
        row(format!("the first {len} octets"), joined(&input, &good[..len]), InvalidSignature)
    });
    world.refuses(truncated);
}

#[test]
fn hopes_for_a_weak_key() {
    let ec = json!({"kty": "EC", "crv": "P-256"});
    let rsa = TestIssuer::new(Algorithm::RS256).key().public_jwk().unwrap();
    let rsa: Value = serde_json::from_str(&rsa).unwrap();
    let with = |jwk: &Value, changes: &[(&str, &[u8])]| {
        let mut jwk = jwk.clone();
        for (name, value) in changes {
            jwk[name] = URL_SAFE_NO_PAD.encode(value).into();
        }
        jwk
    };
    let identity = [&[1][..], &[0; 31]].concat();
    let okp = json!({"kty": "OKP", "crv": "Ed25519"});
    for (weakness, jwk) in [
        ("an exponent of 3", with(&rsa, &[("e", &[3])])),
        ("an exponent of 1", with(&rsa, &[("e", &[1])])),
        ("an even exponent", with(&rsa, &[("e", &[1, 0, 0])])),
        ("a modulus of 1024 bits", with(&rsa, &[("n", &[0xff; 128])])),
        ("the point at infinity", with(&ec, &[("x", &[0; 32]), ("y", &[0; 32])])),
        ("a point off the curve", with(&ec, &[("x", &[1; 32]), ("y", &[1; 32])])),
        ("the neutral point", with(&okp, &[("x", &identity)])),
        ("a point of small order", with(&okp, &[("x", &[0; 32])])),
        ("an empty secret", json!({"kty": "oct", "alg": "HS256", "k": ""})),
        ("a secret of 31 octets", with(&json!({"kty": "oct", "alg": "HS256"}), &[("k", &[7; 31])])),
    ] {
        let text = jwk.to_string();
        assert!(VerificationKey::from_jwk(&text).is_err(), "{weakness}");
        assert!(Keys::from_jwk_set(format!(r#"{{"keys":[{text}]}}"#)).is_err(), "{weakness}");
    }
    for secret in [&b""[..], b"password", &[0; 32], &[0xff; 64]] {
        assert!(Keys::from_secret(Algorithm::HS256, secret).is_err(), "{} octets", secret.len());
    }
}
