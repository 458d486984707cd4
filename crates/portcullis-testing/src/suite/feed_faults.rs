//! What a feed has to notice: a log that was cut off, or that is no longer the one that was read.

use std::future::Future;
use std::ops::Deref;

use portcullis_core::feed::{Feed, FeedError, FeedErrorKind};
use portcullis_core::{Entry, Revoke, Target};

use super::feed::Copy;
use super::{ISSUER, Setup, done};

/// A store under test that can be harmed the way that its kind of store is in real life.
///
/// Implement it in your tests, for a struct that holds the store and what it takes to harm it.
pub trait FeedFaults {
    /// What is followed and written to.
    type Store: Feed + Revoke;

    /// The store as it is now: `&self.store` where harm leaves it open, an `Arc` of another one where it is opened again.
    fn store(&self) -> impl Deref<Target = Self::Store>;

    /// Cuts the log off before its last entry, or asks the store to keep no more than that.
    fn trim(&self) -> impl Future<Output = ()> + Send;

    /// Remembers the whole store as it is now: takes a backup, or stops a replica from following.
    fn back_up(&self) -> impl Future<Output = ()> + Send;

    /// Goes back to what was remembered: restores the backup, or promotes the replica. Where that
    /// leaves the store without an epoch or in another one, it is to stay so.
    fn restore(&self) -> impl Future<Output = ()> + Send;

    /// Loses everything, as after `FLUSHALL`, a restart without persistence, or on a new disk.
    fn lose_everything(&self) -> impl Future<Output = ()> + Send;
}

cases! {
    $
    /// Tests what a [`Feed`](portcullis_core::feed::Feed) notices: `feed_faults_tests!(make)` with an
    /// `async fn make(setup: Setup) -> S`, where `S` is a
    /// [`FeedFaults`](crate::suite::feed_faults::FeedFaults).
    ///
    /// See [`suite`](crate::suite).
    feed_faults_tests, feed_faults, make: (Setup) -> S: (FeedFaults) {
        a_reader_that_a_trimmed_log_left_behind_is_told,
        a_reader_at_the_end_of_a_trimmed_log_is_not_disturbed,
        a_store_that_lost_its_last_writes_is_noticed,
        a_store_that_lost_its_last_writes_and_wrote_on_is_noticed,
        a_store_that_lost_everything_is_no_empty_one,
    }
}

fn deny(jti: &str) -> Entry {
    Entry::deny(Target::token(ISSUER, jti))
}

#[track_caller]
fn assert_needs_snapshot<T>(result: Result<T, FeedError>, because: &str) {
    match result {
        Ok(_) => panic!("{because}: and the reader was not told"),
        Err(error) => assert!(error.kind().needs_snapshot(), "{because}: {error:?}"),
    }
}

/// And finds everything in a new snapshot.
pub async fn a_reader_that_a_trimmed_log_left_behind_is_told<S: FeedFaults>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let fragile = make(setup.clone()).await;
    done(fragile.store().revoke(deny("first")).await);
    let mut slow = Copy::of(&*fragile.store(), &setup).await;
    for n in 0..50 {
        done(fragile.store().revoke(deny(&n.to_string())).await);
    }
    fragile.trim().await;
    match slow.try_read(&*fragile.store()).await {
        Ok(_) => panic!("entries are missing, and the reader was not told"),
        Err(error) => assert_eq!(error.kind(), FeedErrorKind::Gap, "{error:?}"),
    }
    let mut copy = Copy::of(&*fragile.store(), &setup).await;
    copy.round(&*fragile.store()).await;
    for n in 0..50 {
        assert!(copy.denies(&Target::token(ISSUER, &n.to_string())), "{n} is in no snapshot");
    }
    assert!(copy.denies(&Target::token(ISSUER, "first")));
}

/// A snapshot after every trimming would be a storm of them.
pub async fn a_reader_at_the_end_of_a_trimmed_log_is_not_disturbed<S: FeedFaults>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let fragile = make(setup.clone()).await;
    let mut copy = Copy::of(&*fragile.store(), &setup).await;
    for n in 0..20 {
        done(fragile.store().revoke(deny(&n.to_string())).await);
    }
    copy.round(&*fragile.store()).await;
    fragile.trim().await;
    copy.round(&*fragile.store()).await;
    done(fragile.store().revoke(deny("after")).await);
    copy.round(&*fragile.store()).await;
    assert!(copy.denies(&Target::token(ISSUER, "after")));
}

/// A backup that was restored, a replica that was promoted too early.
pub async fn a_store_that_lost_its_last_writes_is_noticed<S: FeedFaults>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let fragile = make(setup.clone()).await;
    done(fragile.store().revoke(deny("before")).await);
    fragile.back_up().await;
    let mut copy = Copy::of(&*fragile.store(), &setup).await;
    done(fragile.store().revoke(deny("lost")).await);
    copy.round(&*fragile.store()).await;
    fragile.restore().await;
    assert_needs_snapshot(copy.try_read(&*fragile.store()).await, "a write that was read is lost");
}

/// The new writes take the places of the lost ones, and more.
pub async fn a_store_that_lost_its_last_writes_and_wrote_on_is_noticed<S: FeedFaults>(
    make: &impl AsyncFn(Setup) -> S,
) {
    for new in [1, 2, 9] {
        let setup = Setup::new();
        let fragile = make(setup.clone()).await;
        done(fragile.store().revoke(deny("before")).await);
        fragile.back_up().await;
        let mut copy = Copy::of(&*fragile.store(), &setup).await;
        for n in 0..2 {
            done(fragile.store().revoke(deny(&format!("lost {n}"))).await);
        }
        copy.round(&*fragile.store()).await;
        fragile.restore().await;
        for n in 0..new {
            done(fragile.store().revoke(deny(&format!("new {n}"))).await);
        }
        assert_needs_snapshot(
            copy.try_read(&*fragile.store()).await,
            "another write has taken its place",
        );
        // and a copy that is made now is one of the new log
        let mut copy = Copy::of(&*fragile.store(), &setup).await;
        done(fragile.store().revoke(deny("later")).await);
        copy.round(&*fragile.store()).await;
        for jti in ["before", "new 0", "later"] {
            assert!(copy.denies(&Target::token(ISSUER, jti)), "{jti}");
        }
    }
}

/// It says that it is uninitialised, or, if somebody has initialised it at once, that it is another.
pub async fn a_store_that_lost_everything_is_no_empty_one<S: FeedFaults>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let fragile = make(setup.clone()).await;
    done(fragile.store().revoke(deny("1")).await);
    let mut copy = Copy::of(&*fragile.store(), &setup).await;
    copy.round(&*fragile.store()).await;
    let before = copy.epoch.clone();
    fragile.lose_everything().await;
    match copy.try_read(&*fragile.store()).await {
        Ok(_) => panic!("everything is lost, and the reader was not told"),
        Err(error) => assert!(
            error.kind().needs_snapshot() || error.kind() == FeedErrorKind::Uninitialised,
            "{error:?}"
        ),
    }
    match fragile.store().start().await {
        Ok(start) => assert_ne!(*start.epoch(), before, "an empty store is in the old epoch"),
        Err(error) => assert_eq!(error.kind(), FeedErrorKind::Uninitialised, "{error:?}"),
    }
}
