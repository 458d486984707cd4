//! The fold of a feed, whatever becomes of the store: held against the list of all that was acknowledged.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use portcullis_core::feed::{Feed, FeedErrorKind, Fold, Step};
use portcullis_core::state::State;
use portcullis_core::{Clock, Entry, Revoke, Target};
use portcullis_testing::suite::Setup;
use portcullis_testing::{MemoryFeed, TestClock, block_on};
use proptest::prelude::*;

use crate::fake::{ISSUER, NOW};

fn token(jti: &str) -> Target<'_> {
    Target::token(ISSUER, jti)
}

fn denies(state: &State, jti: &str) -> bool {
    state.is_denied(&token(jti), || NOW)
}

fn deny(store: &MemoryFeed, jti: &str) {
    block_on(store.revoke(Entry::deny(token(jti)))).unwrap();
}

/// Steps until a round is complete.
fn round(fold: &mut Fold<MemoryFeed>, store: &MemoryFeed, clock: &TestClock) {
    while block_on(fold.step(store, clock)).unwrap() == Step::More {}
}

/// Steps until the first error, which has to come before a round is complete.
fn fails(fold: &mut Fold<MemoryFeed>, store: &MemoryFeed, clock: &TestClock) -> FeedErrorKind {
    loop {
        match block_on(fold.step(store, clock)) {
            Ok(step) => assert_eq!(step, Step::More),
            Err(error) => return error.kind(),
        }
    }
}

#[derive(Clone, Debug)]
enum Event {
    Revoke,
    Steps(usize),
    /// A step that hangs, and is dropped.
    HungStep,
    Fail(FeedErrorKind),
    Heal,
    Trim,
    LoseLast(usize),
    LoseEverything,
    BeginEpoch,
}

fn event() -> impl Strategy<Value = Event> {
    use FeedErrorKind as K;
    let kinds = [K::Unavailable, K::NotPrimary, K::Uninitialised, K::Gap, K::Diverged, K::NewEpoch];
    prop_oneof![
        8 => Just(Event::Revoke),
        8 => (1..9usize).prop_map(Event::Steps),
        1 => Just(Event::HungStep),
        1 => proptest::sample::select(kinds.to_vec()).prop_map(Event::Fail),
        2 => Just(Event::Heal),
        1 => Just(Event::Trim),
        1 => (1..4usize).prop_map(Event::LoseLast),
        1 => Just(Event::LoseEverything),
        2 => Just(Event::BeginEpoch),
    ]
}

/// What was acknowledged when, as far as the store still has it, in the order of the writes.
#[derive(Default)]
struct Model {
    kept: Vec<(String, Duration)>,
    /// What the fold has denied at any time.
    denied: BTreeMap<String, Duration>,
    version: u64,
}

impl Model {
    fn check(&mut self, fold: &Fold<MemoryFeed>, clock: &TestClock) {
        let (Some(state), Some(fresh_as_of)) = (fold.state(), fold.fresh_as_of()) else {
            return;
        };
        assert!(fresh_as_of <= clock.elapsed());
        for (jti, acknowledged) in &self.kept {
            if *acknowledged < fresh_as_of {
                assert!(denies(state, jti), "{jti} of {acknowledged:?} at {fresh_as_of:?}");
            }
            if denies(state, jti) {
                self.denied.insert(jti.clone(), *acknowledged);
            }
        }
        for jti in self.denied.keys() {
            assert!(denies(state, jti), "{jti} was denied and is no more");
        }
        let version = state.version(|| NOW).expect("nothing is pending");
        assert!(version >= self.version, "from version {} to {version}", self.version);
        self.version = version;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_was_acknowledged_before_a_round_is_denied_after_it_and_nothing_comes_back(
        events in proptest::collection::vec(event(), 1..60),
    ) {
        let mut setup = Setup::default();
        setup.clock = TestClock::new(NOW);
        setup.page = 2;
        let clock = setup.clock.clone();
        let store = MemoryFeed::obeying(setup);
        let mut fold = Fold::new();
        let mut model = Model::default();
        let mut initialised = true;
        let mut failing = false;
        for (n, event) in events.into_iter().enumerate() {
            // so that no two events have the same time
            clock.advance(Duration::from_millis(1));
            match event {
                Event::Revoke if failing || !initialised => {}
                Event::Revoke => {
                    deny(&store, &n.to_string());
                    model.kept.push((n.to_string(), clock.elapsed()));
                }
                Event::Steps(steps) => {
                    for _ in 0..steps {
                        clock.advance(Duration::from_millis(1));
                        // an error is what the next step is for
                        let _ = block_on(fold.step(&store, &clock));
                        model.check(&fold, &clock);
                    }
                }
                Event::HungStep => {
                    store.hang();
                    let poll = pin!(fold.step(&store, &clock))
                        .poll(&mut Context::from_waker(Waker::noop()));
                    // carrying over needs no store
                    assert!(matches!(poll, Poll::Pending | Poll::Ready(Ok(Step::More))));
                    store.heal();
                    failing = false;
                }
                Event::Fail(kind) => {
                    store.fail_with(kind);
                    failing = true;
                }
                Event::Heal => {
                    store.heal();
                    failing = false;
                }
                Event::Trim => store.trim(),
                Event::LoseLast(writes) => {
                    store.lose_last(writes);
                    model.kept.truncate(model.kept.len().saturating_sub(writes));
                }
                Event::LoseEverything => {
                    store.lose_everything();
                    model.kept.clear();
                    initialised = false;
                }
                Event::BeginEpoch => {
                    store.begin_epoch();
                    initialised = true;
                }
            }
            model.check(&fold, &clock);
        }
        // and in the end it recovers from everything
        store.heal();
        if !initialised {
            store.begin_epoch();
        }
        clock.advance(Duration::from_millis(1));
        let completed = (0..1_000).any(|_| {
            matches!(block_on(fold.step(&store, &clock)), Ok(Step::Complete))
                && fold.fresh_as_of() == Some(clock.elapsed())
        });
        assert!(completed, "it does not recover");
        model.check(&fold, &clock);
    }
}

#[test]
fn a_round_is_as_fresh_as_its_first_read() {
    let mut setup = Setup::default();
    setup.page = 2;
    let clock = setup.clock.clone();
    let store = MemoryFeed::obeying(setup);
    let mut fold = Fold::new();
    round(&mut fold, &store, &clock);
    for n in 0..7 {
        deny(&store, &n.to_string());
    }
    clock.advance(Duration::from_secs(10));
    let began = clock.elapsed();
    for _ in 0..3 {
        assert_eq!(block_on(fold.step(&store, &clock)).unwrap(), Step::More);
        // this write came after the round began, and is none of its business
        deny(&store, "later");
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(block_on(fold.step(&store, &clock)).unwrap(), Step::Complete);
    assert_eq!(fold.fresh_as_of(), Some(began));
}

#[test]
fn progress_counts_what_was_read_and_from_where() {
    let mut setup = Setup::default();
    setup.page = 2;
    let clock = setup.clock.clone();
    let store = MemoryFeed::obeying(setup);
    for n in 0..5 {
        deny(&store, &n.to_string());
    }
    let mut fold = Fold::new();
    round(&mut fold, &store, &clock);
    let count = |fold: &Fold<MemoryFeed>| {
        let progress = fold.progress();
        (progress.rounds, progress.filled, progress.read, progress.rebuilds)
    };
    assert_eq!(count(&fold), (1, 5, 0, 0));
    for n in 5..8 {
        deny(&store, &n.to_string());
        round(&mut fold, &store, &clock);
    }
    assert_eq!(count(&fold), (4, 5, 3, 0));
    assert_eq!(fold.position().map(|position| position.get()), Some(8));
    let end = block_on(store.read(fold.cursor().unwrap())).unwrap();
    assert!(fold.is_reading() && end.changes().is_empty());
    for rebuilds in 1..3 {
        store.begin_epoch();
        assert!(fails(&mut fold, &store, &clock).needs_snapshot());
        round(&mut fold, &store, &clock);
        assert_eq!(count(&fold), (4 + rebuilds, 5 + 8 * rebuilds, 3, rebuilds));
    }
}

#[test]
fn a_new_state_is_built_beside_the_one_that_answers_and_takes_over_its_denials() {
    let (store, clock) = (MemoryFeed::new(), TestClock::new(NOW));
    let mut fold = Fold::new();
    deny(&store, "kept");
    deny(&store, "lost");
    round(&mut fold, &store, &clock);
    let first = fold.epoch().cloned();
    let old = fold.state().cloned().unwrap();

    store.lose_last(1);
    deny(&store, "new");
    assert_eq!(fails(&mut fold, &store, &clock), FeedErrorKind::Diverged);
    store.begin_epoch();
    // until the first round over the new state is complete
    while block_on(fold.step(&store, &clock)).unwrap() == Step::More {
        assert!(std::sync::Arc::ptr_eq(fold.state().unwrap(), &old));
    }
    let state = fold.state().unwrap();
    for jti in ["kept", "lost", "new"] {
        assert!(denies(state, jti), "{jti}");
    }
    assert_ne!(fold.epoch().cloned(), first);
    assert!(!denies(&old, "new"), "the old one was left alone");
    assert_eq!(fold.progress().rebuilds, 1);
}

#[test]
fn versions_go_on_in_a_state_that_was_written_to_less_often() {
    let (store, clock) = (MemoryFeed::new(), TestClock::new(NOW));
    let mut fold = Fold::new();
    for _ in 0..2_000 {
        deny(&store, "1");
    }
    round(&mut fold, &store, &clock);
    let version = |fold: &Fold<MemoryFeed>| fold.state().unwrap().version(|| NOW);
    let before = version(&fold);
    store.lose_everything();
    store.begin_epoch();
    assert!(fails(&mut fold, &store, &clock).needs_snapshot());
    round(&mut fold, &store, &clock);
    assert!(version(&fold) > before, "{:?} after {before:?}", version(&fold));
}

#[test]
fn what_has_expired_is_not_carried_over() {
    let mut setup = Setup::default();
    setup.clock = TestClock::new(NOW);
    let clock = setup.clock.clone();
    let store = MemoryFeed::obeying(setup);
    let mut fold = Fold::new();
    deny(&store, "short");
    round(&mut fold, &store, &clock);
    store.lose_everything();
    store.begin_epoch();
    clock.advance(Duration::from_secs(100_000));
    assert!(fails(&mut fold, &store, &clock).needs_snapshot());
    round(&mut fold, &store, &clock);
    assert_eq!(fold.state().unwrap().usage().denials, 0);
}

#[test]
fn a_reader_that_was_too_slow_begins_anew_and_misses_nothing() {
    let (store, clock) = (MemoryFeed::new(), TestClock::new(NOW));
    let mut fold = Fold::new();
    round(&mut fold, &store, &clock);
    for n in 0..100 {
        deny(&store, &n.to_string());
    }
    store.trim();
    assert_eq!(fails(&mut fold, &store, &clock), FeedErrorKind::Gap);
    round(&mut fold, &store, &clock);
    assert!((0..100).all(|n| denies(fold.state().unwrap(), &n.to_string())));
}

#[test]
fn an_uninitialised_store_is_no_empty_one() {
    let (store, clock) = (MemoryFeed::new(), TestClock::new(NOW));
    store.lose_everything();
    let mut fold = Fold::new();
    assert_eq!(fails(&mut fold, &store, &clock), FeedErrorKind::Uninitialised);
    assert!(fold.state().is_none());
    store.begin_epoch();
    round(&mut fold, &store, &clock);
    assert!(fold.state().is_some());
}

#[test]
fn an_epoch_that_changes_under_a_snapshot_is_noticed() {
    let (store, clock) = (MemoryFeed::new(), TestClock::new(NOW));
    deny(&store, "1");
    let mut fold = Fold::new();
    // the start, and not yet the snapshot
    assert_eq!(block_on(fold.step(&store, &clock)).unwrap(), Step::More);
    assert!(fold.cursor().is_none() && !fold.is_reading());
    store.begin_epoch();
    assert_eq!(fails(&mut fold, &store, &clock), FeedErrorKind::NewEpoch);
    let start = block_on(store.start()).unwrap();
    round(&mut fold, &store, &clock);
    assert_eq!(fold.epoch(), Some(start.epoch()));
    assert_eq!(fold.progress().rebuilds, 0, "nothing answered before");
}
