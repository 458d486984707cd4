//! Three opinions on tokens that were tampered with: Portcullis accepts nothing that both of the others
//! refuse. The others are `jsonwebtoken` and `jwt-compact`, which share neither parser nor cryptography
//! (HMAC, P-256 and Ed25519 in Rust there); RS256 has `jsonwebtoken` alone beside it.
//!
//! The tokens are the same at every run. `PORTCULLIS_CASES` asks for more of them.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

use std::cell::Cell;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, Validation};
use jwt_compact::alg::{Ed25519, Es256, Hs256, Hs256Key};
use jwt_compact::jwk::JsonWebKey;
use jwt_compact::{AlgorithmExt, TimeOptions, UntrustedToken};
use portcullis::{Algorithm, Verifier};
use portcullis_issuer::SigningKey;
use portcullis_testing::TestIssuer;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};

const ISSUER: &str = "https://issuer.test";
const AUDIENCE: &str = "api";

/// One way of tampering. What is changed before it is signed is still a good signature.
#[derive(Clone, Debug)]
enum Change {
    // the text
    Flip(Index, u8),
    Insert(Index, u8),
    Delete(Index),
    Truncate(Index),
    PartOfAnother(usize),
    Pad(usize),
    BitsLeftOver(usize),
    // the JSON, signed afterwards
    Header(&'static str, Value),
    Claim(&'static str, Value),
    NoClaim(&'static str),
    RepeatHeader(&'static str, Value),
    RepeatClaim(&'static str, Value),
    HeaderText(Index, u8),
    ClaimText(Index, u8),
    ByStranger,
}

fn value() -> impl Strategy<Value = Value> {
    // no negative ones, which are dates that `jsonwebtoken` does not read
    let times = [0_i64, 1_000, 1_600_000_000, 3_999_999_999, 4_000_000_000, 9_000_000_000];
    let odd = [
        json!(null),
        json!(true),
        json!(""),
        json!("x"),
        json!("JWT"),
        json!("at+jwt"),
        json!("none"),
        json!("HS256"),
        json!("RS256"),
        json!("ES256"),
        json!("EdDSA"),
        json!("test-key"),
        json!(ISSUER),
        json!(AUDIENCE),
        json!([AUDIENCE]),
        json!(["x", AUDIENCE]),
        json!([]),
        json!({}),
        json!(["b64"]),
        json!(4e9),
        json!(4_000_000_000.5),
        json!("4000000000"),
    ];
    prop_oneof![
        prop::sample::select(times.to_vec()).prop_map(Value::from),
        prop::sample::select(odd.to_vec()),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let header =
        || prop::sample::select(vec!["alg", "typ", "kid", "cty", "crit", "b64", "jwk", "x"]);
    let claim = || {
        prop::sample::select(vec![
            "iss", "aud", "exp", "nbf", "iat", "sub", "jti", "cnf", "x", "events",
        ])
    };
    let index = any::<Index>;
    // weights keep most tokens close to good ones
    prop_oneof![
        2 => (index(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, 1 << bit)),
        2 => (index(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte & 0x7f)),
        2 => index().prop_map(Change::Delete),
        1 => index().prop_map(Change::Truncate),
        1 => (0..3_usize).prop_map(Change::PartOfAnother),
        1 => (0..3_usize).prop_map(Change::Pad),
        1 => (0..3_usize).prop_map(Change::BitsLeftOver),
        3 => (header(), value()).prop_map(|(name, value)| Change::Header(name, value)),
        6 => (claim(), value()).prop_map(|(name, value)| Change::Claim(name, value)),
        3 => claim().prop_map(Change::NoClaim),
        2 => (header(), value()).prop_map(|(name, value)| Change::RepeatHeader(name, value)),
        2 => (claim(), value()).prop_map(|(name, value)| Change::RepeatClaim(name, value)),
        2 => (index(), any::<u8>()).prop_map(|(at, byte)| Change::HeaderText(at, byte)),
        2 => (index(), any::<u8>()).prop_map(|(at, byte)| Change::ClaimText(at, byte)),
        1 => Just(Change::ByStranger),
    ]
}

/// A good token with these changes: first those of the JSON, then those of the text.
fn tampered(issuer: &TestIssuer, changes: &[Change]) -> Vec<u8> {
    let mut token = issuer.token().claim("iat", 1_700_000_000).claim("exp", 4_000_000_000_u64);
    let mut key: SigningKey = issuer.key().clone();
    for change in changes {
        token = match change {
            Change::Header(name, value) => token.header(name, value),
            Change::Claim(name, value) => token.claim(name, value),
            Change::NoClaim(name) => token.without(name),
            Change::RepeatHeader(name, value) => token.repeat_header(name, value),
            Change::RepeatClaim(name, value) => token.repeat_claim(name, value),
            _ => token,
        };
        if matches!(change, Change::ByStranger) {
            key = TestIssuer::stranger(issuer.key().algorithm()).key().clone();
        }
    }
    let minted = token.sign_with(&key).mint();
    let mut parts: Vec<Vec<u8>> = minted.split('.').map(|part| part.as_bytes().to_vec()).collect();
    for change in changes {
        let (part, at, byte) = match change {
            Change::HeaderText(at, byte) => (0, at, byte),
            Change::ClaimText(at, byte) => (1, at, byte),
            _ => continue,
        };
        let mut json = URL_SAFE_NO_PAD.decode(&parts[part]).unwrap();
        let at = at.index(json.len());
        json[at] = *byte;
        parts[part] = URL_SAFE_NO_PAD.encode(json).into_bytes();
        let input = [&parts[0][..], b".", &parts[1]].concat();
        parts[2] = URL_SAFE_NO_PAD.encode(key.sign_bytes(&input).unwrap()).into_bytes();
    }
    for change in changes {
        match change {
            Change::PartOfAnother(part) => {
                let other = issuer.token().claim("exp", 4_000_000_001_u64).header("x", 1).mint();
                parts[*part] = other.split('.').nth(*part).unwrap().into();
            }
            Change::Pad(part) => parts[*part].push(b'='),
            Change::BitsLeftOver(part) => {
                if let Some(last) = parts[*part].last_mut() {
                    *last = last.wrapping_add(1);
                }
            }
            _ => {}
        }
    }
    let mut text = parts.join(&b'.');
    for change in changes {
        if text.is_empty() {
            break;
        }
        match change {
            Change::Flip(at, bit) => {
                let at = at.index(text.len());
                text[at] ^= bit;
            }
            Change::Insert(at, byte) => text.insert(at.index(text.len()), *byte),
            Change::Delete(at) => {
                text.remove(at.index(text.len()));
            }
            Change::Truncate(at) => text.truncate(at.index(text.len())),
            _ => {}
        }
    }
    text
}

/// Verifies a text: an opinion.
type Opinion = Box<dyn Fn(&str) -> bool>;

fn ours(issuer: &TestIssuer) -> Opinion {
    let verifier: Verifier<Value> = Verifier::builder().trust(issuer.trusted()).build().unwrap();
    Box::new(move |token| verifier.verify(token).is_ok())
}

fn of_jsonwebtoken(issuer: &TestIssuer) -> Opinion {
    let key = issuer.key();
    let pem = key.public_pem().unwrap_or_default();
    let decoding = match key.algorithm() {
        Algorithm::HS256 => DecodingKey::from_secret(key.to_private_bytes().unwrap().as_ref()),
        Algorithm::RS256 => DecodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
        Algorithm::ES256 => DecodingKey::from_ec_pem(pem.as_bytes()).unwrap(),
        _ => DecodingKey::from_ed_pem(pem.as_bytes()).unwrap(),
    };
    let mut validation = Validation::new(key.algorithm().name().parse().unwrap());
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.validate_nbf = true;
    Box::new(move |token| jsonwebtoken::decode::<Value>(token, &decoding, &validation).is_ok())
}

fn of_jwt_compact(issuer: &TestIssuer) -> Opinion {
    macro_rules! opinion {
        ($algorithm:expr, $key:expr) => {{
            let key = $key;
            Box::new(move |token: &str| {
                let times = TimeOptions::default();
                UntrustedToken::new(token).is_ok_and(|token| {
                    $algorithm.validator::<Value>(&key).validate(&token).is_ok_and(|token| {
                        let claims = token.claims();
                        let named = match &claims.custom["aud"] {
                            Value::Array(all) => all.contains(&json!(AUDIENCE)),
                            one => *one == AUDIENCE,
                        };
                        claims.validate_expiration(&times).is_ok()
                            && (claims.not_before.is_none()
                                || claims.validate_maturity(&times).is_ok())
                            && claims.custom["iss"] == ISSUER
                            && named
                    })
                })
            })
        }};
    }
    let jwk = || -> JsonWebKey<'static> {
        serde_json::from_str(&issuer.key().public_jwk().unwrap()).unwrap()
    };
    match issuer.key().algorithm() {
        Algorithm::HS256 => {
            opinion!(Hs256, Hs256Key::new(issuer.key().to_private_bytes().unwrap().as_ref()))
        }
        Algorithm::ES256 => {
            opinion!(
                Es256,
                <Es256 as jwt_compact::Algorithm>::VerifyingKey::try_from(&jwk()).unwrap()
            )
        }
        Algorithm::EdDSA => opinion!(
            Ed25519,
            <Ed25519 as jwt_compact::Algorithm>::VerifyingKey::try_from(&jwk()).unwrap()
        ),
        _ => Box::new(|_| false),
    }
}

fn config(cases: u32) -> Config {
    let asked = std::env::var("PORTCULLIS_CASES").ok().and_then(|cases| cases.parse().ok());
    Config {
        cases: asked.unwrap_or(cases),
        rng_seed: RngSeed::Fixed(20_261),
        failure_persistence: None,
        ..Config::default()
    }
}

fn compare(algorithm: Algorithm, cases: u32) {
    let issuer = TestIssuer::new(algorithm);
    let (ours, one, other) = (ours(&issuer), of_jsonwebtoken(&issuer), of_jwt_compact(&issuer));
    let untouched = String::from_utf8(tampered(&issuer, &[])).unwrap();
    assert!(ours(&untouched) && one(&untouched), "{untouched}");
    assert!(algorithm == Algorithm::RS256 || other(&untouched));
    let (accepted, stricter) = (Cell::new(0), Cell::new(0));
    let changes = prop::collection::vec(change(), 1..4);
    let result = TestRunner::new(config(cases)).run(&changes, |changes| {
        // a text for the others, which take nothing else
        let Ok(token) = String::from_utf8(tampered(&issuer, &changes)) else { return Ok(()) };
        let (ours, theirs) = (ours(&token), one(&token) || other(&token));
        prop_assert!(!ours || theirs, "only we accept {token}");
        accepted.set(accepted.get() + u32::from(ours));
        stricter.set(stricter.get() + u32::from(!ours && theirs));
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    // a comparison in which nothing ever passes would show nothing
    assert!(accepted.get() >= 10, "{} tokens were accepted", accepted.get());
    assert!(stricter.get() >= 10, "{} tokens were refused by us alone", stricter.get());
}

#[test]
fn hmac_tokens_are_accepted_by_another_too() {
    compare(Algorithm::HS256, 4_000);
}

#[test]
fn rsa_tokens_are_accepted_by_another_too() {
    compare(Algorithm::RS256, 400);
}

#[test]
fn ecdsa_tokens_are_accepted_by_another_too() {
    compare(Algorithm::ES256, 1_000);
}

#[test]
fn eddsa_tokens_are_accepted_by_another_too() {
    compare(Algorithm::EdDSA, 1_000);
}
