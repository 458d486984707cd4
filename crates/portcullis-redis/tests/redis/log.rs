//! A log that somebody has meddled with, or that lacks something: nobody follows it as if it were whole. And what is tidied up.

use std::time::Duration;

use portcullis_core::feed::{Feed, FeedErrorKind};
use portcullis_core::{AllowlistWriter, Clock, Entry, Position, Retention, Revoke};
use portcullis_redis::{RedisCursor, RedisStore};
use portcullis_support::stores::token;
use portcullis_support::{Outcome, RedisServer};
use portcullis_testing::TestClock;

use crate::common::{Add, connect, deny, on_tokio, patient, tell, verdict};

pub(crate) fn add(add: Add<'_>) {
    add("log::one_with_a_hole_is_not_followed", hole);
    add("log::one_that_ends_elsewhere_than_the_store_says_is_not_followed", other_end);
    add("log::one_that_ends_before_what_was_read_is_another", ends_before);
    add("log::a_part_of_it_tells_the_position_of_that_part", parts);
    add("log::listings_leave_no_hole_in_it", listings);
    add("log::nobody_is_woken_by_what_another_epoch_had", woken_by_nothing);
    add("log::it_is_kept_no_longer_than_it_was_said", trimmed);
    add("log::what_has_expired_is_dropped_by_later_writes", dropped);
    add("log::a_store_that_was_half_lost_can_be_initialised", half_lost);
}

async fn cursor(store: &RedisStore) -> RedisCursor {
    store.start().await.unwrap().cursor().clone()
}

async fn refused(store: &RedisStore, after: &RedisCursor) -> FeedErrorKind {
    store.read(after).await.unwrap_err().kind()
}

fn hole() -> Outcome {
    let server = RedisServer::start(&[])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        let after = cursor(&store).await;
        let mut positions = Vec::new();
        for n in 0..3 {
            positions.push(deny(&store, &n.to_string()).await.unwrap());
        }
        let at_end = cursor(&store).await;
        let drop = async |position| {
            let entry = format!("{position}-0");
            let _: i64 = tell(&server.url(), &["XDEL", "{portcullis}:log", &entry]).await;
        };
        drop(positions[1]).await;
        assert_eq!(refused(&store, &after).await, FeedErrorKind::Gap);
        store.read(&at_end).await.unwrap();
        // without the entry that was read nobody can tell whether it is the same log
        drop(positions[2]).await;
        assert_eq!(refused(&store, &at_end).await, FeedErrorKind::Gap);
    })
}

fn other_end() -> Outcome {
    let server = RedisServer::start(&[])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        let after = cursor(&store).await;
        deny(&store, "1").await.unwrap();
        let meta = "{portcullis}:meta";
        let nonce: String = tell(&server.url(), &["HGET", meta, "nonce"]).await;
        let _: i64 = tell(&server.url(), &["HSET", meta, "nonce", "another"]).await;
        assert_eq!(refused(&store, &after).await, FeedErrorKind::Corrupt);
        let _: i64 = tell(&server.url(), &["HSET", meta, "nonce", &nonce]).await;
        let after = store.read(&after).await.unwrap().cursor().clone();
        // an entry that is said to be there and is not
        let _: i64 = tell(&server.url(), &["HINCRBY", meta, "logged", "1"]).await;
        assert_eq!(refused(&store, &after).await, FeedErrorKind::Corrupt);
    })
}

fn ends_before() -> Outcome {
    let server = RedisServer::start(&[])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        deny(&store, "1").await.unwrap();
        let after = cursor(&store).await;
        let _: i64 = tell(&server.url(), &["HINCRBY", "{portcullis}:meta", "logged", "-1"]).await;
        assert_eq!(refused(&store, &after).await, FeedErrorKind::Diverged);
    })
}

/// One entry at a time, so that a position beyond it would be that of a write which was not returned.
fn parts() -> Outcome {
    let server = RedisServer::start(&[])?;
    on_tokio(async {
        let store = patient(server.url()).with_page(1).connect().await.unwrap();
        store.insecure_initialise_trusting_all_tokens().await.unwrap();
        let mut after = cursor(&store).await;
        let mut positions = Vec::new();
        for n in 0..5 {
            positions.push(deny(&store, &n.to_string()).await.unwrap());
        }
        for (n, position) in positions.iter().enumerate() {
            let batch = store.read(&after).await.unwrap();
            assert_eq!((batch.changes().len(), batch.position()), (1, *position));
            assert_eq!(batch.has_more(), n < 4);
            after = batch.cursor().clone();
        }
    })
}

/// They take positions and are in no log.
fn listings() -> Outcome {
    let server = RedisServer::start(&[])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        let mut after = cursor(&store).await;
        for n in 0..3 {
            let jti = n.to_string();
            let listed = store.allow(token(&jti), None, None).await.unwrap();
            let batch = store.read(&after).await.unwrap();
            assert_eq!((batch.changes().len(), batch.position()), (0, listed));
            let denied = deny(&store, &jti).await.unwrap();
            let batch = store.read(&after).await.unwrap();
            assert_eq!((batch.changes().len(), batch.position()), (1, denied));
            after = batch.cursor().clone();
        }
    })
}

fn woken_by_nothing() -> Outcome {
    let server = RedisServer::start(&[])?;
    on_tokio(async {
        let store = patient(server.url()).with_page(1).connect().await.unwrap();
        store.insecure_initialise_trusting_all_tokens().await.unwrap();
        let mut after = cursor(&store).await;
        for n in 0..5 {
            deny(&store, &n.to_string()).await.unwrap();
        }
        for _ in 0..4 {
            after = store.read(&after).await.unwrap().cursor().clone();
        }
        // whoever listens has heard of the last one, and has nothing on its way
        tokio::time::timeout(Duration::from_secs(30), store.changed(&after)).await.unwrap();
        let () = tell(&server.url(), &["FLUSHALL"]).await;
        store.insecure_initialise_trusting_all_tokens().await.unwrap();
        // the numbers of this one begin anew
        let after = cursor(&store).await;
        let changed = store.changed(&after);
        assert!(tokio::time::timeout(Duration::from_millis(1), changed).await.is_err());
        let changed = tokio::time::timeout(Duration::from_secs(30), store.changed(&after));
        let (changed, written) = tokio::join!(changed, deny(&store, "1"));
        assert!(changed.is_ok() && written.is_ok());
    })
}

fn trimmed() -> Outcome {
    let server = RedisServer::start(&["stream-node-max-entries 10"])?;
    on_tokio(async {
        let store = patient(server.url()).with_log_length(20).connect().await.unwrap();
        store.insecure_initialise_trusting_all_tokens().await.unwrap();
        let behind = cursor(&store).await;
        for n in 0..200 {
            deny(&store, &n.to_string()).await.unwrap();
        }
        // trimmed by whole nodes of the stream
        let length: u64 = tell(&server.url(), &["XLEN", "{portcullis}:log"]).await;
        assert!((20..40).contains(&length), "{length}");
        assert_eq!(refused(&store, &behind).await, FeedErrorKind::Gap);
    })
}

fn dropped() -> Outcome {
    let server = RedisServer::start(&[])?;
    on_tokio(async {
        let clock = TestClock::at(1_700_000_000);
        let store = patient(server.url()).with_clock(clock.clone()).connect().await.unwrap();
        store.insecure_initialise_trusting_all_tokens().await.unwrap();
        let denied = async |jti: &str, subject: &str| {
            let exp = clock.now().saturating_add(Duration::from_secs(60));
            let entry = Entry::deny(token(jti)).of_subject(subject).expiring_at(exp);
            store.revoke(entry).await.unwrap();
        };
        for n in 0..30 {
            denied(&n.to_string(), &format!("user {n}")).await;
        }
        assert_eq!(store.usage().await.unwrap().denials, 30);
        clock.advance(Duration::from_secs(3_600));
        // each drops some
        for n in 0..10 {
            denied(&format!("new {n}"), "bob").await;
        }
        assert_eq!(store.usage().await.unwrap().denials, 10);
        let counts: u64 = tell(&server.url(), &["HLEN", "{portcullis}:subjects"]).await;
        let expiring: u64 = tell(&server.url(), &["ZCARD", "{portcullis}:expiry"]).await;
        assert_eq!((counts, expiring), (1, 11), "bob's, and the denials");
    })
}

/// The key that says what the store is was deleted, and the log was not.
fn half_lost() -> Outcome {
    let server = RedisServer::start(&[])?;
    on_tokio(async {
        let retention = Retention::default().max_lifetime(Duration::from_secs(3_600));
        let store = patient(server.url()).with_retention(retention).connect().await.unwrap();
        store.insecure_initialise_trusting_all_tokens().await.unwrap();
        for n in 0..3 {
            deny(&store, &n.to_string()).await.unwrap();
        }
        let _: i64 =
            tell(&server.url(), &["DEL", "{portcullis}:meta", "{portcullis}:expiry"]).await;
        assert!(store.initialise().await.unwrap());
        let expiring: u64 = tell(&server.url(), &["ZCARD", "{portcullis}:expiry"]).await;
        assert_eq!(expiring, 1, "the cutoff for everything is not kept for ever");
        assert!(verdict(&store, "1").await.is_denied(), "what is left denies");
        let after = cursor(&store).await;
        let position = deny(&store, "new").await.unwrap();
        assert!(position < Position::new(5), "it begins anew: {position}");
        assert_eq!(store.read(&after).await.unwrap().changes().len(), 1);
    })
}
