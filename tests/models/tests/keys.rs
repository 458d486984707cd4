//! A key that was withdrawn verifies nothing from the next request on: as a model of the steps, and with
//! real threads over the real thing.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use portcullis::keys::KeySet;
use portcullis::{Algorithm, Issuer, Keys, Verifier};
use portcullis_issuer::SigningKey;
use portcullis_models::bound_keys::{IssuerKeys, Swap};
use shuttle::sync::Arc;

fn model() {
    let keys = Arc::new(Swap::new(1));
    let bound = Arc::new(IssuerKeys::new(Arc::clone(&keys)));
    let verifiers: Vec<_> = (0..2)
        .map(|_| {
            let (keys, bound) = (Arc::clone(&keys), Arc::clone(&bound));
            shuttle::thread::spawn(move || {
                for _ in 0..3 {
                    // the numbers only grow: what is seen here was in force before the request
                    let least = *keys.load();
                    let found = bound.load();
                    assert!(found >= least, "keys {found} after {least} were in force");
                }
            })
        })
        .collect();
    for next in [2, 3] {
        keys.store(Arc::new(next));
        assert!(bound.load() >= next);
    }
    for verifier in verifiers {
        verifier.join().unwrap();
    }
    assert_eq!(bound.load(), 3);
}

#[test]
fn no_request_gets_a_set_that_was_replaced_before_it_began() {
    shuttle::check_random(model, 3_000);
    shuttle::check_pct(model, 3_000, 3);
}

#[test]
fn real_threads_never_verify_by_a_key_that_was_withdrawn_before_they_asked() {
    let signing: Vec<_> = (0..2)
        .map(|at| {
            let secret = format!("secret number {at} of the test, 32 bytes or more");
            SigningKey::from_secret(Algorithm::HS256, secret).unwrap().with_key_id(at.to_string())
        })
        .collect();
    let tokens: Vec<_> = signing
        .iter()
        .map(|key| {
            let claims = serde_json::json!({
                "iss": "https://idp.example.com", "aud": "api", "exp": 4_000_000_000u64,
            });
            key.sign(&portcullis_issuer::JwsHeader::new(), claims.to_string()).unwrap()
        })
        .collect();
    let set = |at: usize| KeySet::new([signing[at % 2].verification_key()]);
    let keys = Keys::from(set(0));
    // with algorithms named, the verifier keeps a set of its own, bound to them
    let issuer = Issuer::new("https://idp.example.com")
        .audience("api")
        .keys(keys.clone())
        .algorithms([Algorithm::HS256]);
    let verifier = Verifier::builder().trust(issuer).build::<()>().unwrap();

    // turn `n` has the key `n % 2` in force; it is begun before the swap and done after it
    let (begun, done, over) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|threads| {
        for at in 0..2 {
            let (verifier, tokens) = (verifier.clone(), &tokens);
            let (begun, done, over) = (&begun, &done, &over);
            threads.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    let first = done.load(Ordering::SeqCst);
                    let verified = verifier.verify(&tokens[at]).is_ok();
                    let last = begun.load(Ordering::SeqCst);
                    // every turn that may have been in force while it was verified
                    let mut turns = (first..=last).map(|turn| turn % 2 == at);
                    assert!(turns.any(|good| good == verified), "{verified} in {first}..={last}");
                }
            });
        }
        for turn in 1..=20_000 {
            begun.store(turn, Ordering::SeqCst);
            keys.replace(set(turn));
            done.store(turn, Ordering::SeqCst);
        }
        over.store(true, Ordering::SeqCst);
    });
}
