//! Servers and connections that fail, and what is noticed of it.

use std::time::Duration;

use portcullis_core::feed::{Feed, FeedErrorKind};
use portcullis_core::{StoreErrorKind, Verdict};
use portcullis_support::{Outcome, RedisServer};

use crate::common::{Add, chain, connect, deny, on_tokio, patient, tell, verdict};

pub(crate) fn add(add: Add<'_>) {
    add("faults::a_restart_is_not_felt_by_the_next_question", restarted);
    add("faults::a_connection_that_was_closed_unnoticed_is_not_felt", unnoticed);
    add("faults::a_store_that_goes_back_is_an_outage", goes_back);
    add("faults::flushall_is_an_outage_and_not_a_pass", flushall);
    add("faults::a_primary_that_becomes_a_replica_answers_no_more", demoted);
    add("faults::a_wake_up_comes_long_before_the_next_regular_read", woken);
}

fn restarted() -> Outcome {
    let server = RedisServer::start(&["appendonly yes", "appendfsync always"])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        deny(&store, "1").await.unwrap();
        let cursor = store.start().await.unwrap().cursor().clone();
        let _server = server.restart().unwrap();
        assert!(verdict(&store, "1").await.is_denied());
        deny(&store, "2").await.unwrap();
        // a server that came back may have lost something: that is looked at, not assumed
        let kind = store.read(&cursor).await.map(|_| ()).map_err(|error| error.kind());
        assert_eq!(kind, Err(FeedErrorKind::NewEpoch));
    })
}

/// By the same epoch, so that somebody restored what was.
fn goes_back() -> Outcome {
    let server = RedisServer::start(&[])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        deny(&store, "1").await.unwrap();
        assert!(verdict(&store, "1").await.is_denied());
        let _: i64 = tell(&server.url(), &["HINCRBY", "{portcullis}:meta", "position", "-1"]).await;
        let Verdict::Unavailable(outage) = verdict(&store, "1").await else { panic!() };
        assert!(chain(&outage).contains("went back"), "{}", chain(&outage));
    })
}

fn flushall() -> Outcome {
    let server = RedisServer::start(&[])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        deny(&store, "1").await.unwrap();
        let () = tell(&server.url(), &["FLUSHALL"]).await;
        let outage = verdict(&store, "1").await;
        assert!(matches!(outage, Verdict::Unavailable(_)), "{outage:?}");
    })
}

fn demoted() -> Outcome {
    let (server, other) = (RedisServer::start(&[])?, RedisServer::start(&[])?);
    on_tokio(async {
        let store = connect(&server.url()).await;
        deny(&store, "1").await.unwrap();
        let cursor = store.start().await.unwrap().cursor().clone();
        let port = other.port().to_string();
        let () = tell(&server.url(), &["REPLICAOF", "127.0.0.1", &port]).await;
        assert!(matches!(verdict(&store, "1").await, Verdict::Unavailable(_)));
        let refused = deny(&store, "2").await.map_err(|error| error.kind());
        assert_eq!(refused, Err(StoreErrorKind::Unavailable));
        // told so by the answer, or by a new connection that is refused
        let kind = store.read(&cursor).await.map(|_| ()).map_err(|error| error.kind());
        let kinds = [FeedErrorKind::NotPrimary, FeedErrorKind::Unavailable];
        assert!(kind.is_err_and(|kind| kinds.contains(&kind)), "{kind:?}");
    })
}

fn woken() -> Outcome {
    let server = RedisServer::start(&[])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        let reader = patient(server.url()).connect().await.unwrap();
        let mut cursor = reader.start().await.unwrap().cursor().clone();
        for n in 0..20 {
            let changed = reader.changed(&cursor);
            let jti = n.to_string();
            let write = deny(&store, &jti);
            let both = async { tokio::join!(changed, write) };
            let (_, written) =
                tokio::time::timeout(Duration::from_secs(30), both).await.expect("it is woken");
            let batch = reader.read(&cursor).await.unwrap();
            assert!(batch.position() >= written.unwrap());
            cursor = batch.cursor().clone();
        }
    })
}

/// Nothing else runs between the restart and the question, so that the task of the connection can't have seen its end.
fn unnoticed() -> Outcome {
    let server = RedisServer::start(&["appendonly yes", "appendfsync always"])?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = connect(&server.url()).await;
        deny(&store, "1").await.unwrap();
        let _server = server.restart().unwrap();
        assert!(verdict(&store, "1").await.is_denied());
    });
    Ok(())
}
