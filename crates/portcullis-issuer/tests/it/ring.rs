//! Rotation: what signs, what still verifies, what is written down.

use std::time::Duration;

use portcullis::{Algorithm, Clock, Timestamp, jws};
use portcullis_issuer::{
    IssuerErrorKind, JwsHeader, KeyEntry, SigningKey, SigningKeys, TokenIssuer,
};
use portcullis_testing::TestClock;
use serde_json::{Value, json};

const HOUR: Duration = Duration::from_secs(3600);

fn key(name: &str) -> SigningKey {
    SigningKey::generate(Algorithm::EdDSA).unwrap().with_key_id(name)
}

fn ring(clock: &TestClock) -> SigningKeys {
    SigningKeys::builder().clock(clock.clone()).overlap(HOUR).key(key("1")).build().unwrap()
}

fn sign(ring: &SigningKeys) -> String {
    ring.current().sign(&JwsHeader::new(), "paid").unwrap()
}

fn verifies(ring: &SigningKeys, token: &str) -> bool {
    jws::verify(token, &ring.verification_keys()).is_ok()
}

fn names(ring: &SigningKeys) -> Vec<String> {
    ring.entries().iter().map(|entry| entry.key().key_id().to_owned()).collect()
}

fn published(ring: &SigningKeys) -> Vec<String> {
    let set: Value = serde_json::from_str(&ring.jwk_set()).unwrap();
    let keys = set["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_earlier_key_verifies_until_its_last_token_is_over() {
    let clock = TestClock::at(1_000);
    let ring = ring(&clock);
    let handle = ring.verification_keys();
    let early = sign(&ring);
    clock.advance(HOUR);
    ring.rotate(key("2")).unwrap();
    let late = sign(&ring);
    assert_eq!(ring.current().key_id(), "2");
    assert_eq!(published(&ring), ["2", "1"]);
    // the handle that a verifier took before follows
    assert!(jws::verify(&early, &handle).is_ok() && jws::verify(&late, &handle).is_ok());

    clock.advance(HOUR - Duration::from_nanos(1));
    assert_eq!(ring.current().key_id(), "2");
    assert!(verifies(&ring, &early));
    clock.advance(Duration::from_nanos(1));
    // signing withdraws it
    assert_eq!(ring.current().key_id(), "2");
    assert!(!verifies(&ring, &early) && verifies(&ring, &late));
    assert_eq!((names(&ring), published(&ring)), (vec!["2".to_owned()], vec!["2".to_owned()]));
}

#[test]
fn an_issuer_that_does_not_sign_can_prune() {
    let clock = TestClock::at(1_000);
    let ring = ring(&clock);
    let early = sign(&ring);
    ring.rotate(key("2")).unwrap();
    ring.prune();
    assert!(verifies(&ring, &early));
    clock.advance(HOUR);
    assert!(verifies(&ring, &early));
    ring.prune();
    assert!(!verifies(&ring, &early));
}

#[test]
fn revoking_withdraws_every_earlier_key_at_once() {
    let clock = TestClock::at(1_000);
    let ring = ring(&clock);
    let handle = ring.verification_keys();
    let first = sign(&ring);
    ring.rotate(key("2")).unwrap();
    let second = sign(&ring);
    ring.rotate_and_revoke(key("3")).unwrap();
    let third = sign(&ring);
    let kept: Vec<_> =
        [first, second, third].iter().map(|token| jws::verify(token, &handle).is_ok()).collect();
    assert_eq!(kept, [false, false, true]);
    assert_eq!(published(&ring), ["3"]);
}

#[test]
fn clones_are_the_same_ring() {
    let ring = ring(&TestClock::at(1_000));
    let other = ring.clone();
    other.rotate(key("2")).unwrap();
    assert_eq!(ring.current().key_id(), "2");
}

#[test]
fn a_key_that_is_there_is_not_rotated_to() {
    let ring = ring(&TestClock::at(1_000));
    let second = key("2");
    ring.rotate(second.clone()).unwrap();
    for known in [key("1"), key("2"), second.with_key_id("3")] {
        for result in [ring.rotate(known.clone()), ring.rotate_and_revoke(known)] {
            assert_eq!(result.unwrap_err().kind(), IssuerErrorKind::InvalidKey);
        }
    }
    assert_eq!(names(&ring), ["2", "1"]);
}

#[test]
fn a_ring_reads_back_from_what_was_written_down() {
    let clock = TestClock::at(1_000);
    let before = ring(&clock);
    let first = sign(&before);
    clock.advance(HOUR);
    before.rotate(key("2")).unwrap();
    clock.advance(HOUR / 2);
    before.rotate(key("3")).unwrap();
    let rows: Vec<_> = before
        .entries()
        .iter()
        .map(|entry| {
            let key = entry.key();
            let private = key.to_private_bytes().unwrap();
            let created = entry.created_at().as_secs();
            (key.key_id().to_owned(), key.algorithm(), private, created, entry.retired_at())
        })
        .collect();
    assert_eq!(rows.iter().map(|row| row.3).collect::<Vec<_>>(), [6_400, 4_600, 1_000]);

    let read = || {
        // in another order, which does not matter
        let entries = rows.iter().rev().map(|(kid, algorithm, private, created, retired)| {
            let key = SigningKey::from_private_bytes(*algorithm, private).unwrap();
            let entry =
                KeyEntry::new(key.with_key_id(kid.as_str()), Timestamp::from_secs(*created));
            match retired {
                Some(retired) => entry.with_retired_at(*retired),
                None => entry,
            }
        });
        SigningKeys::builder().clock(clock.clone()).overlap(HOUR).entries(entries).build().unwrap()
    };
    let after = read();
    assert_eq!(names(&after), ["3", "2", "1"]);
    assert!(verifies(&after, &first));
    assert!(verifies(&before, &sign(&after)));
    // the first key retired half an hour earlier than the second
    clock.advance(HOUR / 2);
    assert_eq!(names(&read()), ["3", "2"]);
}

#[test]
fn exactly_one_key_signs() {
    let entry = |name| KeyEntry::new(key(name), Timestamp::from_secs(1));
    let retired = |name| entry(name).with_retired_at(Timestamp::from_secs(2));
    let build = |entries: Vec<KeyEntry>| {
        let ring = SigningKeys::builder().clock(TestClock::at(3)).entries(entries).build();
        ring.map(|ring| names(&ring)).map_err(|error| error.kind())
    };
    assert_eq!(build(vec![retired("1"), entry("2")]).unwrap(), ["2", "1"]);
    for bad in [
        vec![],
        vec![retired("1")],
        vec![entry("1"), entry("2")],
        vec![entry("1"), retired("1")],
        vec![entry("1"), retired("2"), retired("2")],
    ] {
        assert_eq!(build(bad).unwrap_err(), IssuerErrorKind::InvalidSetting);
    }
}

#[test]
fn shared_secrets_rotate_and_are_never_published() {
    let new = || SigningKey::generate(Algorithm::HS256).unwrap();
    let ring = SigningKeys::new(new());
    let early = sign(&ring);
    ring.rotate(new()).unwrap();
    assert!(verifies(&ring, &early) && verifies(&ring, &sign(&ring)));
    assert_eq!(ring.jwk_set(), r#"{"keys":[]}"#);
    ring.rotate_and_revoke(SigningKey::generate(Algorithm::ES256).unwrap()).unwrap();
    assert!(!verifies(&ring, &early) && verifies(&ring, &sign(&ring)));
}

#[test]
fn no_token_outlives_its_key() {
    let clock = TestClock::new(Timestamp::from_millis(1_000_900));
    let ring = ring(&clock);
    let issuer = TokenIssuer::builder("me", ring.clone())
        .audience("api")
        .plain_jwt()
        .lifetime(HOUR)
        .build()
        .unwrap();
    let last = issuer.mint(&json!({})).unwrap();
    ring.rotate(key("2")).unwrap();
    clock.set(last.expires_at());
    ring.prune();
    assert!(verifies(&ring, last.token()), "still there at {}", clock.now());
}

#[test]
fn a_scheduled_key_is_published_before_it_signs() {
    let clock = TestClock::at(1_000);
    let lead = Duration::from_secs(600);
    let ring = SigningKeys::builder()
        .clock(clock.clone())
        .overlap(HOUR)
        .publish_before(lead)
        .key(key("1"))
        .build()
        .unwrap();
    let from = ring.schedule(key("2")).unwrap();
    assert_eq!(from, Timestamp::from_secs(1_600));
    assert_eq!((published(&ring), ring.current().key_id()), (vec!["1".into(), "2".into()], "1"));
    // a verifier that has the ring knows it as well
    assert!(ring.verification_keys().snapshot().keys().any(|key| key.key_id() == Some("2")));

    clock.advance(lead - Duration::from_nanos(1));
    assert_eq!(ring.current().key_id(), "1");
    let early = sign(&ring);
    clock.advance(Duration::from_nanos(1));
    // publishing alone puts it in front
    assert_eq!(published(&ring), ["2", "1"]);
    assert_eq!(ring.current().key_id(), "2");
    assert!(verifies(&ring, &early));

    // it counts from when the next one began, however late anybody looked
    clock.set(from.saturating_add(HOUR));
    assert_eq!(published(&ring), ["2"]);
    assert!(!verifies(&ring, &early));
}

#[test]
fn scheduled_keys_sign_in_their_order_and_survive_a_restart() {
    let clock = TestClock::at(1_000);
    let build = |entries: Vec<KeyEntry>| {
        let ring = SigningKeys::builder().clock(clock.clone()).overlap(HOUR).entries(entries);
        ring.publish_before(HOUR).build()
    };
    let ring = build(vec![KeyEntry::new(key("1"), clock.now())]).unwrap();
    ring.schedule(key("2")).unwrap();
    clock.advance(Duration::from_secs(60));
    ring.schedule(key("3")).unwrap();
    assert!(ring.schedule(key("2")).is_err(), "it is there");
    let written = ring.entries();
    for (secs, signs) in [(0, "1"), (3_539, "1"), (3_540, "2"), (3_599, "2"), (3_600, "3")] {
        clock.set(Timestamp::from_secs(1_060 + secs));
        let again = build(written.clone()).unwrap();
        assert_eq!(again.current().key_id(), signs, "{secs}");
        assert_eq!(ring.current().key_id(), signs, "{secs}");
        assert_eq!(names(&again), names(&ring), "{secs}");
    }
    // one that begins later signs nothing now
    let later = KeyEntry::new(key("4"), clock.now()).with_signs_from(Timestamp::MAX);
    assert_eq!(build(vec![later]).unwrap_err().kind(), IssuerErrorKind::InvalidSetting);
}

#[test]
fn a_rotation_at_once_withdraws_what_was_scheduled() {
    let ring = ring(&TestClock::at(1_000));
    ring.schedule(key("2")).unwrap();
    ring.rotate(key("3")).unwrap();
    assert_eq!(published(&ring), ["3", "1"]);
    ring.schedule(key("4")).unwrap();
    ring.rotate_and_revoke(key("5")).unwrap();
    assert_eq!(published(&ring), ["5"]);
}
