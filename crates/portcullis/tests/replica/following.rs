//! Following a store: what is written arrives, in all rules, through gaps and epochs.

use std::time::Duration;

use portcullis::feed::FeedErrorKind;
use portcullis::{
    CutoffStore, DenylistStore, Entry, GenerationStore, IatCutoff, MinGeneration, Revocation,
    Revoke, Target, Timestamp,
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
async fn each_store_is_answered_from_it_by_itself_or_as_what_is_remembered() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    let (bob, one) = (Target::subject(ISSUER, "bob"), Target::token(ISSUER, "1"));
    let (denied, other) = (token("1"), Target::token(ISSUER, "2"));
    assert_eq!(replica.cutoff(&bob).await.unwrap(), None);
    assert_eq!(replica.min_generation(&bob).await.unwrap(), None);
    assert_eq!(replica.peek_denied(&denied, &[one]), Some(false));
    assert_eq!(replica.peek_token_denied(&denied), Some(false));
    store.revoke(Entry::not_before(bob, NOW)).await.unwrap();
    store.revoke(Entry::min_generation(bob, 7)).await.unwrap();
    deny(&store, "1").await;
    replica.caught_up(Duration::from_secs(1)).await.unwrap();

    assert_eq!(replica.cutoff(&bob).await.unwrap(), Some(NOW));
    assert_eq!(replica.latest_cutoff(&[one, bob]).await.unwrap(), Some(NOW));
    assert_eq!(replica.peek_cutoff(&[one, bob]), Some(Some(NOW)));
    assert_eq!(replica.peek_token_cutoff(&denied.with_subject("bob")), Some(Some(NOW)));
    assert_eq!(replica.peek_token_cutoff(&denied.with_subject("alice")), Some(None));
    assert!(DenylistStore::is_denied(&replica, &one).await.unwrap());
    assert!(!DenylistStore::is_denied(&replica, &other).await.unwrap());
    assert!(replica.is_any_denied(&denied, &[other, one]).await.unwrap());
    assert_eq!(replica.peek_denied(&denied, &[other, one]), Some(true));
    assert_eq!(replica.peek_token_denied(&denied), Some(true));
    assert_eq!(replica.peek_token_denied(&token("2")), Some(false));
    assert_eq!(replica.min_generation(&bob).await.unwrap(), Some(7));
    assert_eq!(replica.peek_min_generation(&bob), Some(Some(7)));
    let version = CutoffStore::version(&replica);
    assert!(version.is_some() && GenerationStore::version(&replica) == version);

    store.fail_with(FeedErrorKind::Unavailable);
    sleep(2 * BOUND).await;
    assert!(replica.cutoff(&bob).await.is_err() && replica.peek_cutoff(&[bob]).is_none());
    assert!(DenylistStore::is_denied(&replica, &one).await.is_err());
    assert!(replica.peek_denied(&denied, &[one]).is_none());
    assert!(replica.peek_token_denied(&denied).is_none());
    assert!(replica.peek_token_cutoff(&denied.with_subject("bob")).is_none());
    assert!(replica.min_generation(&bob).await.is_err());
    assert!(replica.peek_min_generation(&bob).is_none());
    assert_eq!(GenerationStore::version(&replica), None);
    let age = replica.status().age.unwrap();
    assert_eq!(replica.remembered_cutoff(&[bob]), Some((Some(NOW), age)));
    assert_eq!(replica.remembered_denied(&denied, &[one]), Some((true, age)));
    assert_eq!(replica.remembered_min_generation(&bob), Some((Some(7), age)));
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
