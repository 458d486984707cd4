//! What happens at capacity: writes are refused, nothing is evicted, and the rooms are apart.

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::state::Limits;
use portcullis_core::{
    CutoffStore, Denylist, DenylistStore, Entry, IatCutoff, Revocation, Revoke, StoreErrorKind,
    Target, TargetKind,
};

use super::{
    ISSUER, SLACK, START, Setup, assert_denied, assert_passes, assert_refused, done, token,
};

cases! {
    $
    /// Tests what a store that can be written to does at capacity: `limits_tests!(make)` with an
    /// `async fn make(setup: Setup) -> S`.
    ///
    /// See [`suite`](crate::suite).
    limits_tests, limits, make: (Setup) -> S: (CutoffStore + DenylistStore + Revoke) {
        at_capacity_a_denial_is_refused_and_none_is_evicted,
        what_is_known_already_needs_no_room,
        what_has_expired_makes_room,
        what_has_expired_among_much_else_makes_room,
        what_is_over_already_needs_no_room,
        a_flood_of_denials_leaves_room_for_cutoffs_and_keys,
        a_flood_of_cutoffs_leaves_room_for_denials,
    }
}

const ROOM: usize = 20;

fn expiring(jti: &str, setup: &Setup, secs: u64) -> Entry {
    let exp = setup.after(Duration::from_secs(secs));
    Entry::deny(Target::token(ISSUER, jti)).expiring_at(exp)
}

async fn fill<S: Revoke>(store: &S, setup: &Setup) {
    for n in 0..ROOM {
        done(store.revoke(expiring(&format!("old {n}"), setup, 600)).await);
    }
}

/// A refusal says so; what was acknowledged stays.
pub async fn at_capacity_a_denial_is_refused_and_none_is_evicted<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let setup = Setup::new().with_limits(Limits::default().denials(ROOM));
    let store = Arc::new(make(setup.clone()).await);
    let rule = Denylist::new(Arc::clone(&store));
    fill(&*store, &setup).await;
    for n in 0..ROOM {
        let refused = store.revoke(expiring(&format!("new {n}"), &setup, 9_000)).await;
        assert_refused(refused, StoreErrorKind::Full, "there is no room");
    }
    for n in 0..ROOM {
        let jti = format!("old {n}");
        assert_denied(&rule, &token("bob", &jti, START), "it was acknowledged").await;
    }
    assert_passes(&rule, &token("bob", "new 0", START), "it was refused").await;
}

/// Repeating a write, or extending it, is never refused.
pub async fn what_is_known_already_needs_no_room<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let setup = Setup::new().with_limits(Limits::default().denials(ROOM));
    let store = make(setup.clone()).await;
    for secs in [600, 5_000, 900] {
        for n in 1..ROOM {
            done(store.revoke(expiring(&format!("old {n}"), &setup, secs)).await);
        }
    }
    done(store.revoke(expiring("the last", &setup, 600)).await);
    let refused = store.revoke(expiring("one more", &setup, 600)).await;
    assert_refused(refused, StoreErrorKind::Full, "now it is full");
    done(store.revoke(expiring("old 3", &setup, 9_000)).await);
}

/// As soon as it may be dropped and no earlier.
pub async fn what_has_expired_makes_room<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let setup = Setup::new().with_limits(Limits::default().denials(ROOM));
    let store = Arc::new(make(setup.clone()).await);
    let rule = Denylist::new(Arc::clone(&store));
    fill(&*store, &setup).await;
    setup.clock.advance(Duration::from_secs(600) + SLACK - Duration::from_millis(1));
    let refused = store.revoke(expiring("early", &setup, 600)).await;
    assert_refused(refused, StoreErrorKind::Full, "nothing has expired yet");
    assert_denied(&rule, &token("bob", "old 0", START), "it must be kept").await;
    setup.clock.advance(Duration::from_millis(1));
    for n in 0..ROOM {
        let jti = format!("new {n}");
        done(store.revoke(expiring(&jti, &setup, 600)).await);
        assert_denied(&rule, &token("bob", &jti, START), "there was room").await;
    }
    let refused = store.revoke(expiring("one more", &setup, 600)).await;
    assert_refused(refused, StoreErrorKind::Full, "there is no more room than before");
}

/// However much else has expired before it, elsewhere.
pub async fn what_has_expired_among_much_else_makes_room<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let setup = Setup::new().with_limits(Limits::default().denials(1));
    let store = make(setup.clone()).await;
    done(store.revoke(expiring("old", &setup, 4_000)).await);
    for n in 0..60 {
        let subject = format!("user {n}");
        done(store.revoke(Entry::not_before_now(Target::subject(ISSUER, &subject))).await);
    }
    setup.clock.advance(Duration::from_secs(5_000));
    done(store.revoke(expiring("new", &setup, 600)).await);
}

/// Nobody accepts the token any more.
pub async fn what_is_over_already_needs_no_room<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let setup = Setup::new().with_limits(Limits::default().denials(ROOM));
    let store = make(setup.clone()).await;
    fill(&store, &setup).await;
    setup.clock.advance(SLACK + Duration::from_secs(10));
    let dead = Entry::deny(Target::token(ISSUER, "dead")).expiring_at(START);
    done(store.revoke(dead).await);
    let refused = store.revoke(expiring("alive", &setup, 600)).await;
    assert_refused(refused, StoreErrorKind::Full, "it has made no room either");
}

/// Sign-outs can't keep an operator from what is urgent.
pub async fn a_flood_of_denials_leaves_room_for_cutoffs_and_keys<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let setup = Setup::new().with_limits(Limits::default().denials(ROOM));
    let store = Arc::new(make(setup.clone()).await);
    let rule = IatCutoff::new(Arc::clone(&store)).and(Denylist::new(Arc::clone(&store)));
    fill(&*store, &setup).await;
    done(store.revoke(Entry::not_before_now(Target::subject(ISSUER, "bob"))).await);
    assert_denied(&rule, &token("bob", "1", START), "bob is signed out").await;
    if DenylistStore::kinds(&*store).contains(&TargetKind::Key) {
        done(store.revoke(Entry::deny(Target::key(ISSUER, "stolen"))).await);
        let forged = token("alice", "1", START).with_key("stolen");
        assert_denied(&rule, &forged, "its key was stolen").await;
    }
}

/// And the other way round; a full room of cutoffs refuses them too.
pub async fn a_flood_of_cutoffs_leaves_room_for_denials<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let setup = Setup::new().with_limits(Limits::default().cutoffs(ROOM));
    let store = Arc::new(make(setup.clone()).await);
    let rule = IatCutoff::new(Arc::clone(&store)).and(Denylist::new(Arc::clone(&store)));
    let cutoff = |n| Entry::not_before_now(Target::subject(ISSUER, &format!("user {n}")));
    for n in 0..ROOM {
        done(store.revoke(cutoff(n)).await);
    }
    assert_refused(store.revoke(cutoff(ROOM)).await, StoreErrorKind::Full, "there is no room");
    done(store.revoke(cutoff(3)).await);
    for n in 0..ROOM {
        let subject = format!("user {n}");
        assert_denied(&rule, &token(&subject, "1", START), "it was acknowledged").await;
    }
    done(store.revoke(expiring("1", &setup, 600)).await);
    assert_denied(&rule, &token("alice", "1", START), "denials have a room of their own").await;
}
