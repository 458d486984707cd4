//! What arrives is what was written: identifiers, times, how long it is to be kept, and what the store made of it.

use std::time::Duration;

use portcullis_core::feed::{Changes, Feed, Start};
use portcullis_core::state::Limits;
use portcullis_core::{Entry, Revoke, StoreErrorKind, Target, Timestamp, TokenView};

use super::super::{
    ISSUER, LOOKALIKES, MAX_LIFETIME, OTHER_ISSUER, SLACK, START, Setup, assert_refused, done,
    token,
};
use super::{Copy, told};

/// On both ways.
pub async fn lookalikes_are_told_apart<S: Feed + Revoke>(make: &impl AsyncFn(Setup) -> S) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let mut log = Copy::of(&store, &setup).await;
    for (n, jti) in LOOKALIKES.into_iter().enumerate() {
        done(store.revoke(Entry::deny(Target::token(ISSUER, jti))).await);
        log.round(&store).await;
        let snapshot = Copy::of(&store, &setup).await;
        for copy in [&log, &snapshot] {
            for (m, jti) in LOOKALIKES.into_iter().enumerate() {
                assert_eq!(copy.denies(&Target::token(ISSUER, jti)), m <= n, "{jti:?}");
                assert!(!copy.denies(&Target::token(OTHER_ISSUER, jti)), "{jti:?}");
                assert!(!copy.denies(&Target::session(ISSUER, jti)), "{jti:?}");
            }
        }
    }
}

/// On both ways.
pub async fn times_survive_to_the_millisecond<S: Feed + Revoke>(make: &impl AsyncFn(Setup) -> S) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let mut log = Copy::of(&store, &setup).await;
    let base = START.as_millis();
    let offsets = [-1_001, -1, 0, 1, 499, 999, 1_000, 86_400_000];
    let name = |offset: i64| format!("at {offset}");
    for offset in offsets {
        let time = Timestamp::from_millis(base + offset);
        done(store.revoke(Entry::not_before(Target::subject(ISSUER, &name(offset)), time)).await);
        done(store.revoke(Entry::deny_from(Target::token(ISSUER, &name(offset)), time)).await);
    }
    log.round(&store).await;
    let snapshot = Copy::of(&store, &setup).await;
    for copy in [&log, &snapshot] {
        for offset in offsets {
            let time = Timestamp::from_millis(base + offset);
            assert_eq!(copy.state.cutoff(&Target::subject(ISSUER, &name(offset))), Some(time));
            let name = name(offset);
            let token = Target::token(ISSUER, &name);
            let before = Timestamp::from_millis(base + offset - 1);
            assert!(copy.state.is_denied(&token, || time.max(START)), "{offset}");
            assert_eq!(copy.state.is_denied(&token, || before), offset <= 0, "{offset}");
        }
    }
}

/// As the store's retention says, by the exp where it is known.
pub async fn an_entry_is_to_be_kept_until_its_tokens_are_dead<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let start = told(store.start().await);
    let exp = START.saturating_add(Duration::from_secs(500));
    // what is kept in seconds is rounded up
    let between = exp.saturating_add(Duration::from_millis(1));
    let entries = [
        (Entry::deny(Target::token(ISSUER, "exp")).expiring_at(exp), Some(exp)),
        (Entry::deny(Target::token(ISSUER, "between")).expiring_at(between), Some(between)),
        (Entry::deny(Target::token(ISSUER, "no exp")), Some(START.saturating_add(MAX_LIFETIME))),
        (
            Entry::not_before_now(Target::subject(ISSUER, "cutoff")),
            Some(START.saturating_add(MAX_LIFETIME)),
        ),
        (Entry::deny(Target::key(ISSUER, "for ever")), None),
        (Entry::min_generation(Target::subject(ISSUER, "generation"), 1), None),
    ];
    for (entry, _) in &entries {
        done(store.revoke(entry.clone()).await);
    }
    let (log, snapshot) = both_ways(&store, start).await;
    for changes in [&log, &snapshot] {
        for (entry, dead) in &entries {
            let change = changes
                .iter()
                .find(|change| change.target() == entry.target())
                .unwrap_or_else(|| panic!("{entry:?} is missing"));
            match (dead, change.keep_until()) {
                (_, None) => {}
                (Some(dead), Some(kept)) => {
                    assert!(kept >= dead.saturating_add(SLACK), "{entry:?} only until {kept}");
                }
                (None, Some(kept)) => panic!("{entry:?} only until {kept}"),
            }
        }
    }
}

/// In any order: the copies would drop it with the earlier one.
pub async fn of_two_writes_the_later_expiry_arrives<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    for order in [[60, 2_000], [2_000, 60]] {
        let store = make(Setup::new()).await;
        let start = told(store.start().await);
        let exp = |secs| START.saturating_add(Duration::from_secs(secs));
        let target = Target::token(ISSUER, "1");
        for secs in order {
            done(store.revoke(Entry::deny(target).expiring_at(exp(secs))).await);
        }
        let (log, snapshot) = both_ways(&store, start).await;
        for changes in [&log, &snapshot] {
            let of_target = changes.iter().filter(|change| change.target() == target);
            let kept: Vec<_> = of_target.map(|change| change.keep_until()).collect();
            let enough = exp(2_000).saturating_add(SLACK);
            let is_enough = |kept: &Option<Timestamp>| kept.is_none_or(|kept| kept >= enough);
            assert!(kept.iter().any(is_enough), "{order:?}: only until {kept:?}");
        }
    }
}

/// What is read from there on, and what is in a snapshot.
async fn both_ways<S: Feed>(store: &S, start: Start<S::Cursor>) -> (Changes, Changes) {
    let mut log = Changes::new();
    let mut cursor = start.cursor().clone();
    loop {
        let batch = told(store.read(&cursor).await);
        log.extend(batch.changes().iter());
        if !batch.has_more() {
            break;
        }
        cursor = batch.cursor().clone();
    }
    let mut snapshot = Changes::new();
    let mut page = None;
    loop {
        let chunk = told(store.snapshot(page.as_ref()).await);
        snapshot.extend(chunk.changes().iter());
        page = chunk.next().cloned();
        if page.is_none() {
            break;
        }
    }
    (log, snapshot)
}

/// Whichever of them comes last.
pub async fn what_was_merged_in_the_store_is_as_strict_in_the_copy<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let mut log = Copy::of(&store, &setup).await;
    let bob = Target::subject(ISSUER, "bob");
    let jti = Target::token(ISSUER, "1");
    let at = |secs| START.saturating_add(Duration::from_secs(secs));
    for secs in [50, 90, 70] {
        done(store.revoke(Entry::not_before(bob, at(secs))).await);
        done(store.revoke(Entry::min_generation(bob, secs)).await);
    }
    for secs in [70, 50, 90] {
        done(store.revoke(Entry::deny_from(jti, at(secs))).await);
    }
    log.round(&store).await;
    for copy in [&log, &Copy::of(&store, &setup).await] {
        assert_eq!(copy.state.cutoff(&bob), Some(at(90)));
        assert_eq!(copy.state.min_generation(&bob), Some(90));
        assert!(!copy.state.is_denied(&jti, || at(49)) && copy.state.is_denied(&jti, || at(50)));
    }
}

/// And not as a denial that nobody has room for.
pub async fn too_many_denials_of_a_subject_arrive_as_a_cutoff<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new().with_limits(Limits::default().denials_per_subject(2));
    let store = make(setup.clone()).await;
    let mut log = Copy::of(&store, &setup).await;
    for jti in ["1", "2", "3"] {
        done(store.revoke(Entry::deny(Target::token(ISSUER, jti)).of_subject("bob")).await);
    }
    log.round(&store).await;
    let next = token("bob", "4", START);
    let target = Target::token(ISSUER, "4");
    for copy in [&log, &Copy::of(&store, &setup).await] {
        let denies = |token: &TokenView<'_>| copy.state.is_any_denied(token, &[target], || START);
        assert!(denies(&next), "all of bob's are signed out");
        assert!(!denies(&token("alice", "4", START)), "nobody else's");
        let later = START.saturating_add(Duration::from_secs(1));
        assert!(!denies(&token("bob", "4", later)), "a new one works");
    }
}

/// And what is acknowledged after it does.
pub async fn a_write_that_was_refused_does_not_arrive<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new().with_limits(Limits::default().denials(1));
    let store = make(setup.clone()).await;
    let mut log = Copy::of(&store, &setup).await;
    let (one, two) = (Target::token(ISSUER, "1"), Target::token(ISSUER, "2"));
    let bob = Target::subject(ISSUER, "bob");
    done(store.revoke(Entry::deny(one)).await);
    let full = store.revoke(Entry::deny(two)).await;
    assert_refused(full, StoreErrorKind::Full, "there is room for one");
    let odd = store.revoke(Entry::not_before_now(two)).await;
    assert_refused(odd, StoreErrorKind::Invalid, "no rule honours a cutoff for a token");
    done(store.revoke(Entry::not_before_now(bob)).await);
    log.round(&store).await;
    for copy in [&log, &Copy::of(&store, &setup).await] {
        assert!(copy.denies(&one) && !copy.denies(&two));
        assert!(copy.state.cutoff(&bob).is_some() && copy.state.cutoff(&two).is_none());
    }
}
