//! One subject's many denials become one cutoff, which a denylist honours by itself.

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::state::Limits;
use portcullis_core::{
    Clock, CutoffStore, Denylist, DenylistStore, Entry, IatCutoff, Revoke, StoreErrorKind, Target,
    Timestamp,
};

use super::{ISSUER, START, Setup, assert_denied, assert_passes, assert_refused, done, token};

cases! {
    $
    /// Tests that a store collapses one subject's many denials into one cutoff:
    /// `collapse_tests!(make)` with an `async fn make(setup: Setup) -> S`.
    ///
    /// See [`suite`](crate::suite).
    collapse_tests, collapse, make: (Setup) -> S: (CutoffStore + DenylistStore + Revoke) {
        one_denial_too_many_signs_the_subject_out,
        what_was_denied_stays_denied_whenever_it_was_issued,
        others_are_not_touched,
        repeating_a_denial_does_not_count,
        a_sign_out_loop_does_not_fill_the_store,
        denials_that_have_expired_do_not_count,
        a_denial_counts_as_long_as_it_is_kept,
        a_denial_whose_subject_is_told_later_counts,
        a_session_too_many_is_refused,
        only_tokens_and_sessions_count,
        an_ordinary_cutoff_does_not_leak_into_the_denylist,
    }
}

const LIMIT: usize = 4;

fn setup() -> Setup {
    Setup::new().with_limits(Limits::default().denials_per_subject(LIMIT))
}

fn deny(subject: &str, jti: &str) -> Entry {
    let exp = Timestamp::from_secs(START.as_secs() + 600);
    Entry::deny(Target::token(ISSUER, jti)).of_subject(subject).expiring_at(exp)
}

async fn deny_many<S: Revoke>(store: &S, subject: &str, count: usize) {
    for n in 0..count {
        done(store.revoke(deny(subject, &format!("{subject} {n}"))).await);
    }
}

/// With a denylist alone, without any rule of cutoffs.
pub async fn one_denial_too_many_signs_the_subject_out<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let setup = setup();
    let store = Arc::new(make(setup.clone()).await);
    let rule = Denylist::new(Arc::clone(&store));
    deny_many(&*store, "bob", LIMIT).await;
    let (before, undenied) = (setup.clock.now(), token("bob", "undenied", START));
    assert_passes(&rule, &undenied, "so many are denied one by one").await;

    let long_ago = Timestamp::from_secs(START.as_secs() - 3_600);
    let dead = deny("bob", "dead").expiring_at(long_ago);
    assert_eq!(done(store.revoke(dead).await).cutoff(), None, "there is nothing to deny");

    let receipt = done(store.revoke(deny("bob", "one too many")).await);
    assert_eq!(receipt.cutoff(), Some(before), "the receipt tells of the collapse");
    assert_denied(&rule, &token("bob", "one too many", START), "it was denied").await;
    assert_denied(&rule, &undenied, "bob is signed out").await;
    let without_iat = portcullis_core::TokenView::new(ISSUER).with_subject("bob");
    let without_iat = without_iat.with_token_id("no iat");
    assert_denied(&rule, &without_iat, "it may have been issued before").await;

    let later = Timestamp::from_secs(START.as_secs() + 1);
    assert_passes(&rule, &token("bob", "new", later), "bob has signed in again").await;
    let cutoffs = IatCutoff::new(Arc::clone(&store));
    assert_denied(&cutoffs, &undenied, "the cutoff is one for the rule of cutoffs too").await;
}

/// A denial that was acknowledged is never given up for the cutoff.
pub async fn what_was_denied_stays_denied_whenever_it_was_issued<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let store = Arc::new(make(setup()).await);
    let rule = Denylist::new(Arc::clone(&store));
    deny_many(&*store, "bob", LIMIT + 3).await;
    let later = Timestamp::from_secs(START.as_secs() + 300);
    for n in 0..LIMIT {
        let jti = format!("bob {n}");
        assert_denied(&rule, &token("bob", &jti, later), "it was denied by name").await;
    }
}

/// Neither another subject, nor the same subject of another issuer, nor denials without a subject.
pub async fn others_are_not_touched<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let store = Arc::new(make(setup()).await);
    let rule = Denylist::new(Arc::clone(&store));
    deny_many(&*store, "bob", LIMIT + 1).await;
    assert_passes(&rule, &token("alice", "1", START), "alice is not bob").await;
    let other = portcullis_core::TokenView::new(super::OTHER_ISSUER);
    let other = other.with_subject("bob").with_token_id("1").with_issued_at(START);
    assert_passes(&rule, &other, "it is another issuer's bob").await;
    for n in 0..2 * LIMIT {
        let entry = Entry::deny(Target::token(ISSUER, &format!("anonymous {n}")));
        assert_eq!(done(store.revoke(entry).await).cutoff(), None, "whose it is is not known");
    }
}

/// Retries are no sign-outs, and neither is the end of a grace period ahead of its time.
pub async fn repeating_a_denial_does_not_count<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let setup = setup();
    let store = Arc::new(make(setup.clone()).await);
    let rule = Denylist::new(Arc::clone(&store));
    for _ in 0..3 {
        deny_many(&*store, "bob", LIMIT).await;
    }
    assert_passes(&rule, &token("bob", "undenied", START), "only so many are denied").await;

    let (grace, exp) = (setup.after(Duration::from_secs(60)), setup.after(Duration::from_secs(90)));
    for n in 0..LIMIT {
        let jti = format!("carol {n}");
        let later = Entry::deny_from(Target::token(ISSUER, &jti), grace).of_subject("carol");
        for entry in [later.expiring_at(exp), deny("carol", &jti)] {
            assert_eq!(done(store.revoke(entry).await).cutoff(), None, "it is the same token");
        }
    }
    let receipt = done(store.revoke(deny("carol", "one too many")).await);
    assert!(receipt.cutoff().is_some(), "so many of carol's are denied");
}

/// Nobody's sign-outs keep everybody else's from being written.
pub async fn a_sign_out_loop_does_not_fill_the_store<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let limits = Limits::default().denials(2 * LIMIT).denials_per_subject(LIMIT);
    let setup = Setup::new().with_limits(limits);
    let store = Arc::new(make(setup.clone()).await);
    let rule = Denylist::new(Arc::clone(&store));
    for n in 0..20 * LIMIT {
        setup.clock.advance(Duration::from_millis(1_100));
        let (jti, now) = (format!("{n}"), setup.clock.now());
        done(store.revoke(deny("bob", &jti)).await);
        assert_denied(&rule, &token("bob", &jti, now), "every sign-out works").await;
    }
    done(store.revoke(deny("alice", "hers")).await);
    assert_denied(&rule, &token("alice", "hers", START), "there is room for alice").await;
}

/// The limit is for what the store holds, not for a lifetime.
pub async fn denials_that_have_expired_do_not_count<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let setup = setup();
    let store = Arc::new(make(setup.clone()).await);
    for n in 0..5 * LIMIT {
        let exp = setup.after(Duration::from_secs(10));
        let entry = Entry::deny(Target::token(ISSUER, &format!("{n}"))).of_subject("bob");
        let receipt = done(store.revoke(entry.expiring_at(exp)).await);
        assert_eq!(receipt.cutoff(), None, "few of bob's denials are alive at any time");
        // only the time of day, so that no store gets to clean up in the meantime
        setup.clock.set(setup.after(Duration::from_secs(60)));
    }
}

/// However soon those beside it expire, and also where it was to be kept less long at first.
pub async fn a_denial_counts_as_long_as_it_is_kept<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let setup = setup();
    let store = make(setup.clone()).await;
    let deny = async |jti: &str, secs| {
        let exp = setup.after(Duration::from_secs(secs));
        let entry = Entry::deny(Target::token(ISSUER, jti)).of_subject("bob").expiring_at(exp);
        done(store.revoke(entry).await).cutoff()
    };
    for n in 1..LIMIT {
        let jti = n.to_string();
        for secs in [10, 6_000, 10] {
            assert_eq!(deny(&jti, secs).await, None, "it is the same token");
        }
    }
    assert_eq!(deny("short", 10).await, None, "so many are denied one by one");
    setup.clock.set(setup.after(Duration::from_secs(600)));
    assert_eq!(deny("another", 10).await, None, "one of bob's has expired");
    assert!(deny("one too many", 10).await.is_some(), "the others have not");
}

/// Who denied it first may not have known whose it is, and may have had it kept longer.
pub async fn a_denial_whose_subject_is_told_later_counts<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let setup = setup();
    let store = make(setup.clone()).await;
    let exp = |secs| setup.after(Duration::from_secs(secs));
    for n in 0..LIMIT {
        let entry = Entry::deny(Target::token(ISSUER, &n.to_string()));
        let anonymous = entry.clone().expiring_at(exp(6_000 + n as u64));
        for entry in [anonymous, entry.of_subject("bob").expiring_at(exp(10))] {
            assert_eq!(done(store.revoke(entry).await).cutoff(), None, "so many are kept");
        }
    }
    setup.clock.set(exp(600));
    let entry = Entry::deny(Target::token(ISSUER, "one too many")).of_subject("bob");
    let receipt = done(store.revoke(entry.expiring_at(exp(10))).await);
    assert!(receipt.cutoff().is_some(), "those that are kept are bob's");
}

/// What is broader has a room of its own, and cutoffs can't stand for it.
pub async fn only_tokens_and_sessions_count<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let store = make(setup()).await;
    for n in 0..2 * LIMIT {
        let entry = Entry::deny(Target::client(ISSUER, &format!("client {n}"))).of_subject("bob");
        assert_eq!(done(store.revoke(entry).await).cutoff(), None, "it is a client");
    }
    for n in 0..LIMIT {
        let receipt = done(store.revoke(deny("bob", &format!("{n}"))).await);
        assert_eq!(receipt.cutoff(), None, "bob has few denied tokens");
    }
}

/// No cutoff can stand for a session, which may still be given new tokens.
pub async fn a_session_too_many_is_refused<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let store = make(setup()).await;
    let deny = |subject, n: usize| {
        Entry::deny(Target::session(ISSUER, &format!("{subject} {n}"))).of_subject(subject)
    };
    for n in 0..LIMIT {
        done(store.revoke(deny("bob", n)).await);
    }
    let refused = store.revoke(deny("bob", LIMIT)).await;
    assert_refused(refused, StoreErrorKind::Full, "bob has too many sessions");
    done(store.revoke(deny("bob", 0)).await);
    done(store.revoke(deny("alice", 0)).await);
}

/// Who configures only a denylist has not asked for cutoffs.
pub async fn an_ordinary_cutoff_does_not_leak_into_the_denylist<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: CutoffStore + DenylistStore + Revoke,
{
    let store = Arc::new(make(setup()).await);
    let rule = Denylist::new(Arc::clone(&store));
    done(store.revoke(Entry::not_before_now(Target::subject(ISSUER, "bob"))).await);
    assert_passes(&rule, &token("bob", "1", START), "a cutoff is no denial").await;
}
