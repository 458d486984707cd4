//! Servers and connections that fail, and what is noticed of it.

use std::process::Command;
use std::time::Duration;

use portcullis_core::feed::{Feed, FeedErrorKind};
use portcullis_core::{AllowlistStore, AllowlistWriter, StoreErrorKind, Target, Verdict};
use portcullis_support::{Outcome, PostgresServer, Program};

use crate::common::{
    Add, ISSUER, chain, connect, deny, eventually, on_tokio, patient, stranger, tell, token,
    verdict,
};

pub(crate) fn add(add: Add<'_>) {
    add("faults::a_restart_is_not_felt_by_the_next_question", restarted);
    add("faults::a_standby_answers_nothing", standby);
    add("faults::a_dump_restored_elsewhere_is_not_initialised", dump);
    add("faults::a_dump_restored_in_place_is_another_epoch", restored_in_place);
    add("faults::a_connection_that_was_closed_unnoticed_is_not_felt", unnoticed);
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
        let error = store.is_allowed(&token("1")).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        let error = deny(&store, "2").await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        assert!(chain(&error).contains("standby"), "{}", chain(&error));
        let kind = store.start().await.map(|_| ()).map_err(|error| error.kind());
        assert_eq!(kind, Err(FeedErrorKind::NotPrimary));
        let kind = store.snapshot(None).await.map(|_| ()).map_err(|error| error.kind());
        assert_eq!(kind, Err(FeedErrorKind::NotPrimary));
        let error = store.initialise().await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    })
}

/// Puts a dump of a database into another.
fn restore(from: &str, into: &str, between: impl FnOnce()) {
    let directory = Program::POSTGRES.directory();
    let dumped = Command::new(directory.join("pg_dump")).arg(from).output().unwrap();
    assert!(dumped.status.success(), "{dumped:?}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), dumped.stdout).unwrap();
    between();
    let restored = Command::new(directory.join("psql"))
        .args(["-q", "-v", "ON_ERROR_STOP=1", "-f"])
        .arg(file.path())
        .arg(into)
        .output()
        .unwrap();
    assert!(restored.status.success(), "{restored:?}");
}

fn dump() -> Outcome {
    let (old, new) = (PostgresServer::start(&[])?, PostgresServer::start(&[])?);
    on_tokio(async {
        // the transactions of the old cluster have much larger numbers than those of the new one will ever have here
        let burn = "CREATE TABLE burnt (n int); DO $$ BEGIN FOR n IN 1..3000 LOOP
                BEGIN INSERT INTO burnt VALUES (n); EXCEPTION WHEN others THEN NULL; END; END LOOP; END $$";
        tell(&old.url(), burn).await;
        let store = connect(&old.url()).await;
        deny(&store, "1").await.unwrap();
        for jti in ["bob's", "alice's"] {
            store.allow(token(jti), jti.strip_suffix("'s"), None).await.unwrap();
        }
        store.remove(Target::subject(ISSUER, "alice")).await.unwrap();
        restore(&old.url(), &new.url(), || {});

        let store = patient(new.url()).connect().await.unwrap();
        let error = deny(&store, "2").await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Uninitialised, "{error:?}");
        assert!(matches!(verdict(&store, "1").await, Verdict::Unavailable(_)));
        let error = store.is_allowed(&token("bob's")).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Uninitialised, "{error:?}");
        let kind = store.start().await.map(|_| ()).map_err(|error| error.kind());
        assert_eq!(kind, Err(FeedErrorKind::Uninitialised));
        assert!(store.insecure_initialise_trusting_all_tokens().await.unwrap());
        assert!(verdict(&store, "1").await.is_denied(), "what was dumped is there");
        // and what is written now is followed, whatever the numbers of the old transactions
        let cursor = store.start().await.unwrap().cursor().clone();
        deny(&store, "2").await.unwrap();
        let cursor = store.read(&cursor).await.unwrap().cursor().clone();
        deny(&store, "3").await.unwrap();
        let batch = store.read(&cursor).await.unwrap();
        assert_eq!(batch.changes().len(), 1, "{batch:?}");
        // and so are removals
        assert!(!store.is_allowed(&token("alice's")).await.unwrap());
        assert!(store.is_allowed(&token("bob's")).await.unwrap());
        store.remove(Target::subject(ISSUER, "bob")).await.unwrap();
        assert!(!store.is_allowed(&token("bob's")).await.unwrap());
        store.allow(token("alice's new"), Some("alice"), None).await.unwrap();
        assert!(store.is_allowed(&token("alice's new")).await.unwrap());
        // whoever knew the other cluster does not take this one for it, and gone back
        let epoch = "SELECT epoch::text FROM portcullis.meta";
        let epochs = [&old, &new].map(async |server| {
            let row = stranger(&server.url()).await.query_one(epoch, &[]).await.unwrap();
            row.get::<_, String>(0)
        });
        let [old, new] = epochs;
        assert_ne!(old.await, new.await);
    })
}

/// Into the cluster that it was taken from, while the server runs.
fn restored_in_place() -> Outcome {
    let server = PostgresServer::start(&[])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        deny(&store, "1").await.unwrap();
        let client = stranger(&server.url()).await;
        let dropped = "DROP SCHEMA portcullis CASCADE";
        let cursor = store.start().await.unwrap().cursor().clone();
        let drop = || {
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(client.batch_execute(dropped)).unwrap();
            });
        };
        restore(&server.url(), &server.url(), drop);
        assert!(verdict(&store, "1").await.is_denied());
        let kind = store.read(&cursor).await.map(|_| ()).map_err(|error| error.kind());
        assert_eq!(kind, Err(FeedErrorKind::NewEpoch));
    })
}

/// Nothing else runs between the restart and the question, so that the task of the connection can't have seen its end.
fn unnoticed() -> Outcome {
    let server = PostgresServer::start(&[])?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = connect(&server.url()).await;
        for n in 0..8 {
            deny(&store, &n.to_string()).await.unwrap();
        }
        let _server = server.restart().unwrap();
        let verdict = verdict(&store, "1").await;
        assert!(verdict.is_denied(), "{verdict:?}");
    });
    Ok(())
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
