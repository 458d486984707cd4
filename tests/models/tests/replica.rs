//! A copy that is swapped for another while it is asked, however the threads interleave.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use portcullis_models::replica::Replica;
use portcullis_models::state::{Limits, State};
use portcullis_models::{Entry, Retention, Target, Timestamp};
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::thread;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const OLD: Target<'static> = Target::token("https://idp.example.com", "old");
const NEW: Target<'static> = Target::token("https://idp.example.com", "new");

/// How many schedules are tried: random ones, and such that switch threads rarely but badly.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let model = Arc::new(model);
    let random = Arc::clone(&model);
    shuttle::check_random(move || random(), 150);
    shuttle::check_pct(move || model(), 150, 3);
}

fn deny(state: &State, target: Target<'_>) {
    state.revoke(&Entry::deny(target), &Retention::default(), NOW).unwrap();
}

fn denies(state: &State, target: &Target<'_>) -> bool {
    state.is_denied(target, || NOW)
}

/// A copy that denies `old`, and its successor from another epoch, in which `new` is denied and nothing was known of `old`.
fn copies() -> [Arc<State>; 2] {
    let first = Arc::new(State::new(Limits::unlimited()));
    deny(&first, OLD);
    let second = Replica::succeed(&first, NOW);
    deny(&second, NEW);
    [first, second]
}

/// A replica whose copy denies `old`, fresh as of 1; and the copy that is to take its place.
fn filled() -> (Arc<Replica>, Arc<State>) {
    let [first, second] = copies();
    let replica = Arc::new(Replica::new());
    replica.publish(&first, 1);
    (replica, second)
}

#[test]
fn whoever_sees_that_it_is_fresh_sees_a_copy_that_is() {
    check(|| {
        let replica = Arc::new(Replica::new());
        let [first, second] = copies();
        let asking = {
            let replica = Arc::clone(&replica);
            thread::spawn(move || {
                for _ in 0..3 {
                    match replica.aged() {
                        Some((copy, as_of)) => {
                            assert!(denies(&copy, &OLD));
                            assert!(as_of < 2 || denies(&copy, &NEW), "fresh as of {as_of}");
                        }
                        None => thread::yield_now(),
                    }
                }
            })
        };
        replica.publish(&first, 1);
        replica.publish(&second, 2);
        replica.publish(&second, 3);
        asking.join().unwrap();
    });
}

#[test]
fn what_was_denied_is_denied_before_during_and_after_a_swap() {
    check(|| {
        let (replica, next) = filled();
        let following = {
            let replica = Arc::clone(&replica);
            thread::spawn(move || replica.publish(&next, 2))
        };
        for _ in 0..3 {
            assert!(denies(&replica.aged().unwrap().0, &OLD));
        }
        following.join().unwrap();
        assert!(denies(&replica.aged().unwrap().0, &OLD));
    });
}

/// What a cache of verified tokens relies on.
#[test]
fn an_answer_from_before_a_swap_has_another_version() {
    check(|| {
        let (replica, next) = filled();
        let done = Arc::new(AtomicBool::new(false));
        let asking = {
            let (replica, done) = (Arc::clone(&replica), Arc::clone(&done));
            thread::spawn(move || {
                // asked for the version before the answer, each of the copy that was there then
                let version = |replica: &Replica| replica.aged().unwrap().0.version(|| NOW);
                let kept = version(&replica);
                let denied = denies(&replica.aged().unwrap().0, &NEW);
                let was_done = done.load(Ordering::SeqCst);
                let still_good = kept.is_some() && kept == version(&replica);
                assert!(!(was_done && still_good) || denied, "a kept pass outlives a revocation");
                let before = version(&replica);
                assert!(version(&replica) >= before, "versions do not go back");
            })
        };
        replica.publish(&next, 2);
        done.store(true, Ordering::SeqCst);
        asking.join().unwrap();
    });
}
