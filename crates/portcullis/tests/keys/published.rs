//! Sets that somebody else publishes: without secrets, not too long, and compared with one another.

use portcullis::keys::{KeySet, VerificationKey};

use crate::good_key;

/// A set of these JWKs.
fn set_of(jwks: &[&str]) -> String {
    format!(r#"{{"keys":[{}]}}"#, jwks.join(","))
}

#[test]
fn a_set_that_others_publish_has_no_secrets_and_no_more_than_so_many_entries() {
    let ed = good_key("ed25519")["jwk"].to_string();
    let oct = r#"{"kty":"oct","alg":"HS256","kid":"s","k":"YSBzZWNyZXQgdGhhdCBzb21lYm9keSBwdWJsaXNoZWQgYnkgbWlzdGFrZQ"}"#;
    let json = set_of(&[&ed, oct, "{}"]);
    assert_eq!(KeySet::from_jwk_set(&json).unwrap().keys().count(), 2);
    let published = KeySet::from_published_jwk_set(&json, 3).unwrap();
    assert_eq!(published.keys().count(), 1);
    let skipped: Vec<_> = published.skipped().iter().map(ToString::to_string).collect();
    assert!(skipped[0].starts_with("key 1: a secret"), "{skipped:?}");
    let error = KeySet::from_published_jwk_set(&json, 2).unwrap_err().to_string();
    assert_eq!(error, "the set has 3 entries, more than 2");
    assert!(KeySet::from_published_jwk_set("{}", 2).is_err());
}

#[test]
fn sets_have_the_same_keys_in_any_order_and_under_the_same_names() {
    let ed = VerificationKey::from_jwk(good_key("ed25519")["jwk"].to_string()).unwrap();
    let a = || ed.clone().with_key_id("a");
    let b = || ed.clone().with_key_id("b");
    let same = |x: Vec<VerificationKey>, y: Vec<VerificationKey>| {
        KeySet::new(x).has_same_keys(&KeySet::new(y))
    };
    assert!(same(vec![], vec![]) && same(vec![a(), b()], vec![b(), a()]));
    assert!(!same(vec![a()], vec![b()]));
    assert!(!same(vec![a()], vec![]) && !same(vec![], vec![a()]));
    assert!(!same(vec![a(), a()], vec![a(), b()]) && !same(vec![a(), b()], vec![a(), a()]));
    assert!(!same(vec![a()], vec![a(), a()]));
}
