//! Beginning and ending: settings, readiness, catching up, shutting down.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis::feed::{Batch, Chunk, Feed, FeedError, FeedErrorKind, Start};
use portcullis::{Entry, Position, Replica, Revoke, StoreErrorKind, Target};
use portcullis_testing::{MemoryCursor, MemoryFeed};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::support::{
    BOUND, ISSUER, Silent, TokioClock, deny, is_denied, passes, replica, unfilled,
};

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
    let waited = replica.caught_up(Duration::from_secs(1)).await;
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
    store.revoke(Entry::deny(Target::token(ISSUER, "1"))).await.unwrap();
    store.hang();
    let asked = Instant::now();
    let waited = replica.caught_up(Duration::from_millis(250)).await;
    assert_eq!(waited.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert_eq!(asked.elapsed(), Duration::from_millis(250));
    store.heal();
    replica.caught_up(BOUND).await.unwrap();
    assert!(is_denied(&replica, "1").await);
}

#[tokio::test(start_paused = true)]
async fn catching_up_needs_no_more_than_a_round_that_begins_afterwards() {
    let store = MemoryFeed::new();
    let replica = replica(Silent(store.clone())).await;
    sleep(BOUND / 10).await;
    let asked = Instant::now();
    deny(&store, "1").await;
    replica.caught_up(BOUND).await.unwrap();
    assert!(asked.elapsed() <= Duration::from_millis(5), "{:?}", asked.elapsed());
    assert!(is_denied(&replica, "1").await);
}

/// The receipt has a position that the copy was at long ago, in a log that is no more.
#[tokio::test(start_paused = true)]
async fn catching_up_is_not_taken_in_by_a_store_that_went_back() {
    let store = MemoryFeed::new();
    for n in 0..10 {
        deny(&store, &n.to_string()).await;
    }
    let replica = replica(Silent(store.clone())).await;
    assert_eq!(replica.status().position, Some(Position::new(10)));
    for round in 0..5 {
        store.lose_last(5);
        if round % 2 == 0 {
            store.begin_epoch();
        }
        let jti = format!("after {round}");
        deny(&store, &jti).await;
        replica.caught_up(BOUND).await.unwrap();
        assert!(is_denied(&replica, &jti).await, "{jti}");
    }
}

/// Reads one entry at a time. The second read fails, and by then more was written: the round goes on to where it was to end.
struct Interrupted {
    store: MemoryFeed,
    reads: AtomicU64,
    failed: Notify,
}

impl Feed for Interrupted {
    type Cursor = MemoryCursor;
    type Page = usize;

    async fn start(&self) -> Result<Start<MemoryCursor>, FeedError> {
        self.store.start().await
    }

    async fn snapshot(&self, page: Option<&usize>) -> Result<Chunk<usize>, FeedError> {
        self.store.snapshot(page).await
    }

    async fn read(&self, after: &MemoryCursor) -> Result<Batch<MemoryCursor>, FeedError> {
        let read = self.store.read(after).await?;
        if read.has_more() && self.reads.fetch_add(1, Ordering::Relaxed) == 1 {
            self.failed.notify_one();
            return Err(FeedError::new(FeedErrorKind::Unavailable, "interrupted"));
        }
        Ok(read)
    }
}

#[tokio::test(start_paused = true)]
async fn a_round_that_was_interrupted_grants_no_wish_that_came_after_it_began() {
    let store = MemoryFeed::new().with_page(1);
    let feed =
        Interrupted { store: store.clone(), reads: AtomicU64::new(0), failed: Notify::new() };
    let feed = Arc::new(feed);
    let replica = replica(Arc::clone(&feed)).await;
    for n in 0..4 {
        deny(&store, &n.to_string()).await;
    }
    let everything = replica.caught_up(BOUND);
    let interrupting = async {
        feed.failed.notified().await;
        deny(&store, "late").await;
        replica.caught_up(BOUND).await.unwrap();
        assert!(is_denied(&replica, "late").await);
    };
    let (everything, ()) = tokio::join!(everything, interrupting);
    everything.unwrap();
    assert_eq!(replica.status().failures, 1);
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
                store.revoke(entry).await.unwrap();
                replica.caught_up(BOUND).await.unwrap();
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
    assert!(builder().with_staleness_bound(Duration::from_millis(30)).build().is_ok());
}
