//! One shard of a state, under all that makes its filter anew: growth, expiry, purges.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use portcullis_core::state::{Change, Fact, Limits, State};
use portcullis_core::{Target, Timestamp};
use proptest::prelude::*;

use crate::fake::{ISSUER, NOW};

/// Identifiers whose targets are kept in one shard: it is chosen by the top byte of the low 32 bits of the hash.
static IDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let shard = |id: &str| Target::token(ISSUER, id).hash128() as u32 >> 24;
    let ids = (0..).map(|n: u32| n.to_string());
    ids.filter(|id| shard(id) == 0).take(3_000).collect()
});

fn after(secs: i64) -> Timestamp {
    Timestamp::from_secs(NOW.as_secs() + secs)
}

fn deny(state: &State, id: usize, until: i64, now: i64) {
    let fact = Fact::Denied { effective_at: None };
    let change = Change::new(Target::token(ISSUER, &IDS[id]), fact, Some(after(until)));
    state.apply(&change, after(now)).unwrap();
}

fn is_denied(state: &State, id: usize) -> bool {
    state.is_denied(&Target::token(ISSUER, &IDS[id]), || NOW)
}

#[derive(Clone, Debug)]
enum Step {
    /// Denies so many tokens for so many seconds.
    Deny(usize, i64),
    Tick(i64),
    Purge,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..120usize, 1..60i64).prop_map(|(tokens, secs)| Step::Deny(tokens, secs)),
        2 => (1..30i64).prop_map(Step::Tick),
        1 => Just(Step::Purge),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_grows_and_expires_nothing_that_is_kept_is_missed(
        steps in prop::collection::vec(step(), 1..24)
    ) {
        let state = State::new(Limits::unlimited());
        let mut model = BTreeMap::new();
        let (mut now, mut next) = (0, 0);
        for step in steps {
            match step {
                Step::Deny(tokens, secs) => {
                    for id in next..next + tokens {
                        deny(&state, id, now + secs, now);
                        model.insert(id, now + secs);
                    }
                    next += tokens;
                }
                Step::Tick(secs) => now += secs,
                Step::Purge => {
                    state.purge(after(now));
                    model.retain(|_, until| *until > now);
                    prop_assert_eq!(state.usage().denials, model.len());
                    let found = (0..next).filter(|id| is_denied(&state, *id));
                    prop_assert_eq!(found.count(), model.len());
                }
            }
            for (id, until) in &model {
                prop_assert!(*until <= now || is_denied(&state, *id), "{} is missed", id);
            }
        }
    }
}

#[test]
fn readers_beside_a_writer_miss_nothing_that_is_kept() {
    let state = State::new(Limits::unlimited());
    for id in 0..100 {
        deny(&state, id, 1_000, 0);
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    for id in 0..100 {
                        assert!(is_denied(&state, id), "{id} is missed");
                    }
                }
            });
        }
        // it grows to some thousands and shrinks again, time after time
        for _ in 0..50 {
            for id in 100..3_000 {
                deny(&state, id, 10, 0);
            }
            state.purge(after(500));
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(state.usage().denials, 100);
}
