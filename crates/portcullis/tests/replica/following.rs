//! Following a store: what is written arrives, in all rules, through gaps and epochs.

use std::time::Duration;

use portcullis::feed::FeedErrorKind;
use portcullis::{
    CutoffStore, DenylistStore, Entry, IatCutoff, MinGeneration, Revocation, Revoke, Target,
    Timestamp,
};
use portcullis_testing::MemoryFeed;
use tokio::time::{Instant, sleep};

use crate::support::{BOUND, ISSUER, NOW, Silent, deny, is_denied, passes, replica, token};

#[tokio::test(start_paused = true)]
async fn a_write_is_denied_once_the_replica_has_caught_up() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    for n in 0..10 {
        let jti = n.to_string();
        assert!(passes(&replica, &jti).await);
        let receipt = store.revoke(Entry::deny(Target::token(ISSUER, &jti))).await.unwrap();
        replica.caught_up(Duration::from_secs(1)).await.unwrap();
        assert!(is_denied(&replica, &jti).await);
        assert!(replica.status().position >= Some(receipt.position()));
    }
}

#[tokio::test(start_paused = true)]
async fn all_rules_answer_from_it() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    let bob = Target::subject(ISSUER, "bob");
    let (cutoffs, generations) =
        (IatCutoff::new(replica.clone()), MinGeneration::new(replica.clone()));
    let old = token("1").with_generation(6);
    let allowed = |verdict: Option<portcullis::Verdict>| verdict.unwrap().is_allowed();
    assert!(allowed(cutoffs.peek(&old)) && allowed(generations.peek(&old)));
    store.revoke(Entry::not_before(bob, NOW)).await.unwrap();
    store.revoke(Entry::min_generation(bob, 7)).await.unwrap();
    replica.caught_up(Duration::from_secs(1)).await.unwrap();
    assert!(!allowed(cutoffs.peek(&old)) && !allowed(generations.peek(&old)));
    let new = token("1").with_generation(7).with_issued_at(Timestamp::from_secs(1_700_000_001));
    assert!(allowed(cutoffs.peek(&new)) && allowed(generations.peek(&new)));
}

#[tokio::test(start_paused = true)]
async fn a_wake_up_brings_a_write_at_once() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    // in the middle of the pause between two rounds
    sleep(BOUND / 10).await;
    let written = Instant::now();
    deny(&store, "1").await;
    while !is_denied(&replica, "1").await {
        sleep(Duration::from_millis(1)).await;
    }
    assert!(written.elapsed() <= Duration::from_millis(10), "{:?}", written.elapsed());
}

#[tokio::test(start_paused = true)]
async fn without_wake_ups_a_write_is_there_after_a_third_of_the_bound() {
    let store = MemoryFeed::new();
    let replica = replica(Silent(store.clone())).await;
    for n in 0..20 {
        let written = Instant::now();
        let jti = n.to_string();
        deny(&store, &jti).await;
        while !is_denied(&replica, &jti).await {
            sleep(Duration::from_millis(1)).await;
        }
        assert!(written.elapsed() <= BOUND / 3 + Duration::from_millis(2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_writes_takes_few_rounds() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    let (before, began) = (replica.status().progress.rounds, Instant::now());
    for n in 0..1_000 {
        deny(&store, &n.to_string()).await;
        sleep(Duration::from_millis(1)).await;
    }
    sleep(Duration::from_millis(10)).await;
    assert!(is_denied(&replica, "999").await);
    let rounds = u128::from(replica.status().progress.rounds - before);
    assert!(rounds <= began.elapsed().as_millis() / 5 + 2, "{rounds} rounds");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_store_is_asked_three_times_within_the_bound() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    let before = store.calls();
    sleep(10 * BOUND).await;
    let calls = store.calls() - before;
    assert!((30..=34).contains(&calls), "{calls} calls in ten bounds");
    assert!(replica.status().age.unwrap() <= BOUND / 3);
}

#[tokio::test(start_paused = true)]
async fn a_new_epoch_forgets_no_denial() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    deny(&store, "before").await;
    sleep(BOUND).await;
    let (epoch, version) = (replica.status().epoch, DenylistStore::version(&replica));
    assert!(epoch.is_some() && version.is_some());

    store.lose_everything();
    store.begin_epoch();
    deny(&store, "after").await;
    sleep(BOUND).await;
    for jti in ["before", "after"] {
        assert!(is_denied(&replica, jti).await, "{jti}");
    }
    assert!(passes(&replica, "neither").await);
    let status = replica.status();
    assert!(status.ready && !status.failing && status.epoch != epoch);
    assert_eq!(status.progress.rebuilds, 1);
    assert!(DenylistStore::version(&replica) > version, "an answer of before is asked for again");
    assert_eq!(DenylistStore::version(&replica), CutoffStore::version(&replica));
}

#[tokio::test(start_paused = true)]
async fn a_promoted_replica_that_lacks_the_last_writes_is_noticed_though_it_wrote_on() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    deny(&store, "1").await;
    deny(&store, "lost").await;
    sleep(BOUND).await;
    store.lose_last(1);
    for jti in ["2", "3"] {
        deny(&store, jti).await;
    }
    sleep(BOUND).await;
    for jti in ["1", "lost", "2", "3"] {
        assert!(is_denied(&replica, jti).await, "{jti}");
    }
    assert_eq!(replica.status().last_error.unwrap().kind(), FeedErrorKind::Diverged);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_was_trimmed_under_it_is_no_gap() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    store.fail_with(FeedErrorKind::Unavailable);
    sleep(BOUND).await;
    store.heal();
    for n in 0..50 {
        deny(&store, &n.to_string()).await;
    }
    store.trim();
    sleep(BOUND).await;
    for n in 0..50 {
        assert!(is_denied(&replica, &n.to_string()).await, "{n}");
    }
    assert_eq!(replica.status().last_error.unwrap().kind(), FeedErrorKind::Gap);
    assert!(replica.is_ready());
}
