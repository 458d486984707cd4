//! Beginning and ending: settings, readiness, catching up, shutting down.

use std::time::Duration;

use portcullis::feed::FeedErrorKind;
use portcullis::{Entry, Position, Replica, Revoke, StoreErrorKind, Target};
use portcullis_testing::MemoryFeed;
use tokio::time::{Instant, sleep};

use crate::support::{BOUND, ISSUER, TokioClock, is_denied, passes, replica, unfilled};

#[tokio::test(start_paused = true)]
async fn the_task_ends_with_the_last_clone() {
    let store = MemoryFeed::new();
    let (first, follower) =
        Replica::builder(store.clone()).with_clock(TokioClock::new()).build().unwrap();
    let task = tokio::spawn(follower.run());
    first.ready().await.unwrap();
    let second = first.clone();
    drop(first);
    sleep(10 * BOUND).await;
    assert!(!task.is_finished() && passes(&second, "1").await);
    drop(second);
    task.await.unwrap();
    let calls = store.calls();
    sleep(10 * BOUND).await;
    assert_eq!(store.calls(), calls, "nobody asks any more");
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_in_the_middle_of_a_call_or_a_pause() {
    for breaking in [MemoryFeed::hang, |store: &MemoryFeed| {
        store.fail_with(FeedErrorKind::Unavailable);
    }] {
        let store = MemoryFeed::new();
        breaking(&store);
        let (replica, follower) = Replica::builder(store.clone()).build().unwrap();
        let task = tokio::spawn(follower.run());
        sleep(Duration::from_secs(100)).await;
        let dropped = Instant::now();
        drop(replica);
        task.await.unwrap();
        assert_eq!(dropped.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_shutdown_it_answers_until_it_is_too_old() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    replica.shut_down().await;
    let calls = store.calls();
    assert!(passes(&replica, "1").await);
    sleep(BOUND + Duration::from_millis(1)).await;
    assert!(!replica.is_ready());
    assert_eq!(store.calls(), calls);
    let waited = replica.caught_up(Position::new(9), Duration::from_secs(1)).await;
    assert_eq!(waited.unwrap_err().kind(), StoreErrorKind::Unavailable);
    replica.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_nobody_runs_says_so() {
    let (replica, follower) = Replica::builder(MemoryFeed::new()).build().unwrap();
    drop(follower);
    assert_eq!(replica.ready().await.unwrap_err().kind(), StoreErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn catching_up_is_bounded() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    let receipt = store.revoke(Entry::deny(Target::token(ISSUER, "1"))).await.unwrap();
    store.hang();
    let asked = Instant::now();
    let waited = replica.caught_up(receipt.position(), Duration::from_millis(250)).await;
    assert_eq!(waited.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert_eq!(asked.elapsed(), Duration::from_millis(250));
    store.heal();
    replica.caught_up(receipt.position(), BOUND).await.unwrap();
    assert!(is_denied(&replica, "1").await);
}

/// A position may mean nothing here: of another epoch, or beyond the end of a log that was restored.
#[tokio::test(start_paused = true)]
async fn catching_up_needs_no_more_than_a_round_that_begins_afterwards() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    sleep(BOUND / 10).await;
    let asked = Instant::now();
    let written = store.revoke(Entry::deny(Target::token(ISSUER, "1"))).await.unwrap();
    let beyond = Position::new(written.position().get() + 1_000);
    replica.caught_up(beyond, BOUND).await.unwrap();
    assert!(asked.elapsed() <= Duration::from_millis(5), "{:?}", asked.elapsed());
    assert!(is_denied(&replica, "1").await);
}

#[tokio::test(start_paused = true)]
async fn everybody_who_waits_catches_up() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    let waiting: Vec<_> = (0..100)
        .map(|n| {
            let (store, replica) = (store.clone(), replica.clone());
            tokio::spawn(async move {
                sleep(Duration::from_micros(n * 37)).await;
                let jti = n.to_string();
                let entry = Entry::deny(Target::token(ISSUER, &jti));
                let receipt = store.revoke(entry).await.unwrap();
                replica.caught_up(receipt.position(), BOUND).await.unwrap();
                assert!(is_denied(&replica, &jti).await);
            })
        })
        .collect();
    for task in waiting {
        task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn it_tells_how_it_is() {
    let store = MemoryFeed::new();
    let replica = unfilled(store.clone());
    let status = replica.status();
    assert!(!status.ready && status.age.is_none() && status.epoch.is_none());
    replica.ready().await.unwrap();
    for n in 0..5 {
        store.revoke(Entry::deny(Target::token(ISSUER, &n.to_string()))).await.unwrap();
    }
    sleep(BOUND).await;
    let status = replica.status();
    assert!(status.ready && !status.failing && status.last_error.is_none());
    assert_eq!((status.usage.denials, status.progress.read), (5, 5));
    assert!(status.progress.rounds > 2);
    let shown = format!("{replica:?}");
    assert!(shown.contains("ready: true") && !shown.contains(ISSUER), "{shown}");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let builder = || Replica::builder(MemoryFeed::new());
    let (short, second) = (Duration::from_millis(29), Duration::from_secs(1));
    for (builder, says) in [
        (builder().with_staleness_bound(short), "staleness bound of 29ms"),
        (builder().with_call_timeout(Duration::ZERO), "call timeout of 0ns"),
        (builder().with_staleness_bound(second).with_call_timeout(second), "call timeout of 1s"),
        (builder().with_snapshot_timeout(Duration::ZERO), "snapshot timeout of zero"),
    ] {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(builder().build().unwrap().0.staleness_bound(), Duration::from_secs(3));
}
