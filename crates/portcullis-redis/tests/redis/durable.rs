//! What is left after a server was killed in the middle of many writes.

use std::time::Duration;

use portcullis_core::feed::{Feed, FeedErrorKind};
use portcullis_core::{StoreErrorKind, Verdict};
use portcullis_support::{Outcome, RedisServer};

use crate::common::{Add, burst, connect, deny, on_tokio, verdict};

pub(crate) fn add(add: Add<'_>) {
    add("durable::with_an_append_only_file_nothing_acknowledged_is_lost", with_append_only_file);
    add("durable::without_persistence_the_loss_is_noticed", without_persistence);
}

fn with_append_only_file() -> Outcome {
    let mut server = RedisServer::start(&["appendonly yes", "appendfsync always"])?;
    on_tokio(async {
        for round in 0..3 {
            let store = connect(&server.url()).await;
            let name = round.to_string();
            let written = burst(&store, &name, || server.kill().unwrap()).await;
            server = server.restart().unwrap();
            for jti in &written {
                let verdict = verdict(&store, jti).await;
                assert!(verdict.is_denied(), "{jti} of {}: {verdict:?}", written.len());
            }
        }
    })
}

fn without_persistence() -> Outcome {
    let mut server = RedisServer::start(&[])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        let cursor = store.start().await.unwrap().cursor().clone();
        let lost = burst(&store, "lost", || server.kill().unwrap()).await;
        let _server = server.restart().unwrap();
        // neither the tokens that were denied nor any other gets an answer
        for jti in [&lost[0], "never denied"] {
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
