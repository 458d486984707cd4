//! The bound: what is said within it, beyond it, and by which policy.

use std::time::Duration;

use portcullis::feed::FeedErrorKind;
use portcullis::{
    AfterStale, Denylist, DenylistStore, FailurePolicy, IatCutoff, Replica, Revocation, Verdict,
};
use portcullis_testing::MemoryFeed;
use tokio::time::{Instant, sleep, sleep_until};

use crate::support::{BOUND, ask, deny, is_denied, is_out, passes, replica, token, unfilled};

const STALE: FailurePolicy =
    FailurePolicy::Stale { max: Duration::from_secs(60), then: AfterStale::Closed };
const STALE_OPEN: FailurePolicy =
    FailurePolicy::Stale { max: Duration::from_secs(60), then: AfterStale::Open };

const FAULTS: [FeedErrorKind; 4] = [
    FeedErrorKind::Unavailable,
    FeedErrorKind::NotPrimary,
    FeedErrorKind::Uninitialised,
    FeedErrorKind::Corrupt,
];

/// As long ago as the copy is complete.
fn age(replica: &Replica) -> Duration {
    replica.status().age.unwrap()
}

#[tokio::test(start_paused = true)]
async fn before_it_is_filled_it_is_an_outage_whatever_the_policy() {
    for kind in FAULTS {
        let store = MemoryFeed::new();
        store.fail_with(kind);
        let replica = unfilled(store.clone());
        sleep(10 * BOUND).await;
        for policy in [FailurePolicy::Closed, FailurePolicy::Open, STALE, STALE_OPEN] {
            assert!(is_out(&replica, policy, "1").await, "{policy:?} after {kind:?}");
        }
        assert!(!replica.is_ready());
        assert_eq!(DenylistStore::version(&replica), None);
        assert_eq!(replica.status().last_error.unwrap().kind(), kind);
        store.heal();
        replica.ready().await.unwrap();
        assert!(passes(&replica, "1").await);
    }
}

#[tokio::test(start_paused = true)]
async fn it_answers_up_to_its_bound_and_not_longer() {
    for kind in FAULTS {
        let store = MemoryFeed::new();
        let replica = replica(store.clone()).await;
        deny(&store, "revoked").await;
        sleep(BOUND).await;
        store.fail_with(kind);
        let complete = Instant::now() - age(&replica);
        sleep_until(complete + BOUND).await;
        assert!(passes(&replica, "1").await, "{kind:?}: it is as old as it may be");
        assert!(DenylistStore::version(&replica).is_some());
        sleep(Duration::from_millis(1)).await;
        assert!(is_out(&replica, FailurePolicy::Closed, "1").await, "{kind:?}: it is too old");
        assert!(!replica.is_ready());
        assert_eq!(DenylistStore::version(&replica), None, "kept answers are asked for again");
        for policy in [FailurePolicy::Closed, FailurePolicy::Open, STALE, STALE_OPEN] {
            let verdict = ask(&replica, policy, "revoked").await;
            assert!(verdict.is_denied(), "{policy:?}: {verdict:?} of what is known to be denied");
        }
        store.heal();
        sleep(BOUND).await;
        assert!(passes(&replica, "1").await, "{kind:?}: it is fresh again");
    }
}

#[tokio::test(start_paused = true)]
async fn open_lets_pass_and_counts() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    let rule = Denylist::new(replica.clone()).on_outage(FailurePolicy::Open);
    store.fail_with(FeedErrorKind::Unavailable);
    assert!(matches!(rule.check(&token("1")).await, Verdict::Allowed));
    sleep(2 * BOUND).await;
    for n in 1..=3 {
        match rule.check(&token("1")).await {
            Verdict::AllowedUnchecked(outage) => assert_eq!(outage.rule(), "denylist"),
            other => panic!("{other:?}"),
        }
        assert_eq!(rule.unchecked(), n);
    }
}

#[tokio::test(start_paused = true)]
async fn stale_answers_until_its_own_bound() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    deny(&store, "revoked").await;
    sleep(BOUND).await;
    store.fail_with(FeedErrorKind::Unavailable);
    let complete = Instant::now() - age(&replica);
    let (closed, open) = (
        Denylist::new(replica.clone()).on_outage(STALE),
        Denylist::new(replica.clone()).on_outage(STALE_OPEN),
    );
    for secs in [10, 59, 60] {
        sleep_until(complete + Duration::from_secs(secs)).await;
        for rule in [&closed, &open] {
            // from memory
            let verdict = rule.peek(&token("1"));
            assert!(matches!(verdict, Some(Verdict::Allowed)), "{verdict:?} after {secs} s");
            assert!(rule.peek(&token("revoked")).unwrap().is_denied());
        }
    }
    sleep(Duration::from_millis(1)).await;
    assert!(matches!(closed.check(&token("1")).await, Verdict::Unavailable(_)));
    assert!(matches!(open.check(&token("1")).await, Verdict::AllowedUnchecked(_)));
    for rule in [&closed, &open] {
        assert!(rule.check(&token("revoked")).await.is_denied());
    }
}

#[tokio::test(start_paused = true)]
async fn a_cutoff_that_is_known_denies_what_it_cuts_off_and_settles_nothing_else() {
    use portcullis::{Entry, Revoke, Target};

    let store = MemoryFeed::new();
    let bob = Target::subject(crate::support::ISSUER, "bob");
    store.revoke(Entry::not_before(bob, crate::support::NOW)).await.unwrap();
    let replica = replica(store.clone()).await;
    store.fail_with(FeedErrorKind::Unavailable);
    sleep(2 * BOUND).await;
    let rule = IatCutoff::new(replica);
    assert!(rule.check(&token("1")).await.is_denied());
    // a later cutoff may have been written meanwhile
    let later = token("1").with_issued_at(portcullis::Timestamp::from_secs(1_700_000_001));
    assert!(matches!(rule.check(&later).await, Verdict::Unavailable(_)));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_given_up_on_and_come_back_to_within_the_bound() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    sleep(BOUND).await;
    // as a connection whose other end has vanished: it is mended only by a new one
    store.hang();
    let hung = Instant::now();
    while store.resets() == 0 {
        sleep(Duration::from_millis(1)).await;
        assert!(hung.elapsed() < BOUND, "it waits for ever");
    }
    store.heal();
    while hung.elapsed() < 2 * BOUND {
        assert!(passes(&replica, "1").await, "after {:?}", hung.elapsed());
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_hangs_is_given_up_on() {
    let store = MemoryFeed::new();
    store.hang();
    let replica = unfilled(store.clone());
    sleep(Duration::from_secs(31)).await;
    assert!(store.resets() >= 1);
    store.heal();
    replica.ready().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_is_asked_less_and_less_often() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    store.fail_with(FeedErrorKind::Unavailable);
    sleep(BOUND).await;
    let before = store.calls();
    sleep(Duration::from_secs(100)).await;
    let calls = store.calls() - before;
    // a pause of half a second to one second each
    assert!((100..=205).contains(&calls), "{calls} calls in 100 seconds");
    assert!(replica.status().failing && replica.status().failures > 100);
    assert!(!is_denied(&replica, "1").await);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_never_fits_is_no_busy_loop() {
    let store = MemoryFeed::new();
    let replica = replica(store.clone()).await;
    store.fail_with(FeedErrorKind::Gap);
    let before = store.calls();
    sleep(Duration::from_secs(100)).await;
    let calls = store.calls() - before;
    assert!(calls <= 300, "{calls} calls in 100 seconds");
    assert!(!replica.is_ready());
}
