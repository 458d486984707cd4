//! What a verifier remembers of earlier tokens changes nothing about the next one.

use portcullis::{Cache, Timestamp, Verifier};
use serde_json::{Value, json};

use super::{At, NOW, issuer, token, with};

fn verifier() -> Verifier<Value> {
    let clock = At(Timestamp::from_secs(NOW));
    // without a cache, so that the text of a token is looked at each time
    Verifier::builder().trust(issuer()).clock(clock).cache(Cache::off()).build().unwrap()
}

/// What becomes of it, in words.
fn outcome(verifier: &Verifier<Value>, token: &[u8]) -> Result<Value, String> {
    match verifier.verify(token) {
        Ok(authentic) => Ok((*authentic).clone()),
        Err(rejection) => Err(format!("{:?}: {rejection}", rejection.kind())),
    }
}

/// The token with dots and other characters where none belong, with too much and with too little.
fn spoiled(good: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for at in 0..=good.len() {
        for byte in *b".A=+ \x80" {
            let mut longer = good.to_vec();
            longer.insert(at, byte);
            all.push(longer);
            if at < good.len() {
                let mut other = good.to_vec();
                other[at] = byte;
                all.push(other);
            }
        }
        all.push(good[..at].to_vec());
        all.push(good[at..].to_vec());
        if at < good.len() {
            all.push([&good[..at], &good[at + 1..]].concat());
        }
    }
    all
}

#[test]
fn a_header_that_was_seen_before_makes_no_difference() {
    let good = token(&with(&[("sub", json!("alice"))]));
    let experienced = verifier();
    let other = token(&with(&[]));
    assert!(experienced.verify(&other).is_ok());
    assert_eq!(outcome(&experienced, good.as_bytes()), outcome(&verifier(), good.as_bytes()));
    assert!(outcome(&experienced, good.as_bytes()).is_ok());
    for spoiled in spoiled(good.as_bytes()) {
        let expected = outcome(&verifier(), &spoiled);
        assert_eq!(outcome(&experienced, &spoiled), expected, "{}", spoiled.escape_ascii());
        assert!(expected.is_err() || spoiled == good.as_bytes(), "{}", spoiled.escape_ascii());
    }
    // parts of two tokens
    let (a, b) = (good.rsplit_once('.').unwrap(), other.rsplit_once('.').unwrap());
    for mixed in [format!("{}.{}", a.0, b.1), format!("{}.{}.{}", a.0, a.1, b.1)] {
        let expected = outcome(&verifier(), mixed.as_bytes());
        assert_eq!(outcome(&experienced, mixed.as_bytes()), expected, "{mixed}");
        assert!(expected.is_err(), "{mixed}");
    }
}
