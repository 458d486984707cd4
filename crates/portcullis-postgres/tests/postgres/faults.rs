//! Servers and connections that fail, and what is noticed of it.

use std::process::Command;
use std::time::Duration;

use portcullis_core::feed::{Feed, FeedErrorKind};
use portcullis_core::{StoreErrorKind, Verdict};
use portcullis_support::{Outcome, PostgresServer, Program};

use crate::common::{Add, chain, connect, deny, eventually, on_tokio, patient, tell, verdict};

pub(crate) fn add(add: Add<'_>) {
    add("faults::a_restart_is_not_felt_by_the_next_question", restarted);
    add("faults::a_standby_answers_nothing", standby);
    add("faults::a_dump_restored_elsewhere_is_not_initialised", dump);
    add("faults::a_store_that_goes_back_is_an_outage", goes_back);
    add("faults::a_wake_up_comes_long_before_the_next_regular_read", woken);
}

fn restarted() -> Outcome {
    let server = PostgresServer::start(&[])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        for n in 0..8 {
            deny(&store, &n.to_string()).await.unwrap();
        }
        let cursor = store.start().await.unwrap().cursor().clone();
        let _server = server.restart().unwrap();
        eventually("it answers again", async || verdict(&store, "1").await.is_denied()).await;
        deny(&store, "new").await.unwrap();
        // a server that came back may have lost something: that is looked at, not assumed
        let kind = store.read(&cursor).await.map(|_| ()).map_err(|error| error.kind());
        assert_eq!(kind, Err(FeedErrorKind::NewEpoch));
    })
}

fn standby() -> Outcome {
    let primary = PostgresServer::start(&[])?;
    on_tokio(async {
        let store = connect(&primary.url()).await;
        deny(&store, "1").await.unwrap();
        let standby = primary.standby(&[]).unwrap();
        let store = patient(standby.url()).connect().await.unwrap();
        let outage = verdict(&store, "1").await;
        assert!(matches!(&outage, Verdict::Unavailable(_)), "{outage:?}");
        let error = deny(&store, "2").await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        let kind = store.start().await.map(|_| ()).map_err(|error| error.kind());
        assert_eq!(kind, Err(FeedErrorKind::NotPrimary));
        let kind = store.snapshot(None).await.map(|_| ()).map_err(|error| error.kind());
        assert_eq!(kind, Err(FeedErrorKind::NotPrimary));
        let error = store.initialise().await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    })
}

fn dump() -> Outcome {
    let (old, new) = (PostgresServer::start(&[])?, PostgresServer::start(&[])?);
    let directory = Program::POSTGRES.directory();
    on_tokio(async {
        let store = connect(&old.url()).await;
        deny(&store, "1").await.unwrap();
        let dumped = Command::new(directory.join("pg_dump")).arg(old.url()).output().unwrap();
        assert!(dumped.status.success(), "{dumped:?}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), dumped.stdout).unwrap();
        let restored = Command::new(directory.join("psql"))
            .args(["-q", "-v", "ON_ERROR_STOP=1", "-f"])
            .arg(file.path())
            .arg(new.url())
            .output()
            .unwrap();
        assert!(restored.status.success(), "{restored:?}");

        let store = patient(new.url()).connect().await.unwrap();
        let error = deny(&store, "2").await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Uninitialised, "{error:?}");
        assert!(matches!(verdict(&store, "1").await, Verdict::Unavailable(_)));
        assert!(store.insecure_initialise_trusting_all_tokens().await.unwrap());
        assert!(verdict(&store, "1").await.is_denied(), "what was dumped is there");
        // and what is written now is followed, whatever the numbers of the old transactions
        let cursor = store.start().await.unwrap().cursor().clone();
        deny(&store, "2").await.unwrap();
        let batch = store.read(&cursor).await.unwrap();
        assert_eq!(batch.changes().len(), 1, "{batch:?}");
    })
}

/// Somebody deletes what was written last.
fn goes_back() -> Outcome {
    let server = PostgresServer::start(&[])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        for jti in ["1", "2"] {
            deny(&store, jti).await.unwrap();
        }
        assert!(verdict(&store, "2").await.is_denied());
        tell(&server.url(), "DELETE FROM portcullis.facts WHERE convert_from(id, 'UTF8') = '2'")
            .await;
        let Verdict::Unavailable(outage) = verdict(&store, "1").await else { panic!() };
        assert!(chain(&outage).contains("went back"), "{}", chain(&outage));
    })
}

fn woken() -> Outcome {
    let server = PostgresServer::start(&[])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        let reader = patient(server.url()).connect().await.unwrap();
        let mut cursor = reader.start().await.unwrap().cursor().clone();
        for n in 0..20 {
            // the first wake-up may be missed while the reader begins to listen
            let write = async {
                let mut interval = tokio::time::interval(Duration::from_millis(200));
                loop {
                    interval.tick().await;
                    deny(&store, &format!("{n}")).await.unwrap();
                }
            };
            let woken = async {
                tokio::select! {
                    () = reader.changed(&cursor) => {}
                    () = write => {}
                }
            };
            tokio::time::timeout(Duration::from_secs(30), woken).await.expect("it is woken");
            let batch = reader.read(&cursor).await.unwrap();
            assert!(!batch.changes().is_empty());
            cursor = batch.cursor().clone();
        }
    })
}
