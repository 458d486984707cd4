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

/// A replica whose copy denies `old`, fresh as of 1.
fn filled() -> Arc<Replica> {
    let replica = Arc::new(Replica::new());
    let state = Arc::new(State::new(Limits::unlimited()));
    deny(&state, OLD);
    replica.publish(&state, 1);
    replica
}

/// The follower: another epoch, in which `new` is denied and nothing is known of `old`; fresh as of 2. Then a round in
/// the same state.
fn follow(replica: &Replica) {
    let (old, _) = replica.aged().unwrap();
    let state = Replica::succeed(&old, NOW);
    deny(&state, NEW);
    replica.publish(&state, 2);
    replica.publish(&state, 3);
}

#[test]
fn whoever_sees_that_it_is_fresh_sees_a_copy_that_is() {
    check(|| {
        let replica = Arc::new(Replica::new());
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
        let first = Arc::new(State::new(Limits::unlimited()));
        deny(&first, OLD);
        replica.publish(&first, 1);
        follow(&replica);
        asking.join().unwrap();
    });
}

#[test]
fn what_was_denied_is_denied_before_during_and_after_a_swap() {
    check(|| {
        let replica = filled();
        let following = {
            let replica = Arc::clone(&replica);
            thread::spawn(move || follow(&replica))
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
        let replica = filled();
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
        follow(&replica);
        done.store(true, Ordering::SeqCst);
        asking.join().unwrap();
    });
}
