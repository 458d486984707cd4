//! What is left after a server was killed in the middle of many writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use portcullis_core::feed::{Feed, FeedErrorKind};
use portcullis_core::{StoreErrorKind, Verdict};
use portcullis_redis::RedisStore;
use portcullis_support::{Outcome, RedisServer};

use crate::common::{Add, connect, deny, eventually, on_tokio, verdict};

pub(crate) fn add(add: Add<'_>) {
    add("durable::with_an_append_only_file_nothing_acknowledged_is_lost", with_append_only_file);
    add("durable::without_persistence_the_loss_is_noticed", without_persistence);
}

const WRITERS: usize = 4;

/// Writes until it is told to stop, and tells how many of each writer's were acknowledged.
async fn burst(store: &RedisStore, mut kill: impl FnMut()) -> Vec<usize> {
    let stop = Arc::new(AtomicBool::new(false));
    let done: Arc<[AtomicUsize; WRITERS]> = Arc::default();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, stop, done) = (store.clone(), Arc::clone(&stop), Arc::clone(&done));
            tokio::spawn(async move {
                let mut n = 0;
                while !stop.load(Ordering::Acquire) {
                    match deny(&store, &format!("{writer} {n}")).await {
                        Ok(_) => n += 1,
                        Err(error) => {
                            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
                            break;
                        }
                    }
                    done[writer].store(n, Ordering::Release);
                }
            })
        })
        .collect();
    let written = || done.iter().map(|done| done.load(Ordering::Acquire)).collect::<Vec<_>>();
    eventually("they write", async || written().iter().all(|n| *n > 20)).await;
    kill();
    stop.store(true, Ordering::Release);
    for writer in writers {
        writer.await.unwrap();
    }
    written()
}

fn with_append_only_file() -> Outcome {
    let mut server = RedisServer::start(&["appendonly yes", "appendfsync always"])?;
    on_tokio(async {
        for round in 0..3 {
            let store = connect(&server.url()).await;
            let written = burst(&store, || server.kill().unwrap()).await;
            server = server.restart().unwrap();
            for (writer, count) in written.into_iter().enumerate() {
                for n in 0..count {
                    let jti = format!("{writer} {n}");
                    let verdict = verdict(&store, &jti).await;
                    assert!(verdict.is_denied(), "{jti} of {count} in round {round}: {verdict:?}");
                }
            }
        }
    })
}

fn without_persistence() -> Outcome {
    let mut server = RedisServer::start(&[])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        let cursor = store.start().await.unwrap().cursor().clone();
        burst(&store, || server.kill().unwrap()).await;
        let _server = server.restart().unwrap();
        // neither the tokens that were denied nor any other gets an answer
        for jti in ["0 0", "never denied"] {
            let verdict = verdict(&store, jti).await;
            assert!(matches!(verdict, Verdict::Unavailable(_)), "{verdict:?}");
        }
        let refused = deny(&store, "1").await.map_err(|error| error.kind());
        assert_eq!(refused, Err(StoreErrorKind::Uninitialised));
        for error in [store.start().await.map(|_| ()), store.read(&cursor).await.map(|_| ())] {
            let kind = error.map_err(|error| error.kind());
            assert_eq!(kind, Err(FeedErrorKind::Uninitialised));
        }
        // until somebody says that it is to be used as it is: what was issued so far is refused
        assert!(store.initialise().await.unwrap());
        assert!(!store.initialise().await.unwrap(), "it is initialised once");
        let everything = portcullis_core::Target::everything();
        let cutoff = portcullis_core::CutoffStore::cutoff(&store, &everything).await.unwrap();
        let age = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let late = cutoff.unwrap().as_secs().abs_diff(age.as_secs() as i64);
        assert!(late < 60, "stamped with the server's clock, {late} s off");
        assert!(verdict(&store, "never denied").await.is_allowed());
        let kind = store.read(&cursor).await.map(|_| ()).map_err(|error| error.kind());
        assert_eq!(kind, Err(FeedErrorKind::NewEpoch));
        tokio::time::timeout(Duration::from_secs(30), store.usage()).await.unwrap().unwrap();
    })
}
