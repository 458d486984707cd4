//! What is refused: by the server, and by the store before it asks.

use std::time::SystemTime;

use portcullis_core::{CutoffStore, Entry, Revoke, StoreErrorKind, Target};
use portcullis_postgres::PostgresStore;
use portcullis_support::{Outcome, PostgresServer};

use crate::common::{Add, chain, connect, deny, on_tokio, patient, stranger, tell, token, verdict};

pub(crate) fn add(add: Add<'_>) {
    add("refusals::what_makes_no_sense_is_refused_at_once", nonsense);
    add("refusals::a_wrong_password_is_told_and_not_shown", wrong_password);
    add("refusals::tables_made_by_hand_serve_a_user_with_few_rights", few_rights);
    add("refusals::tables_are_made_once_by_however_many", made_once);
    add("refusals::a_store_is_initialised_once_by_however_many", initialised_once);
    add("refusals::a_removal_wins_within_a_transaction_too", one_transaction);
    add("refusals::tables_of_another_version_are_refused", other_version);
    add("refusals::what_has_expired_is_dropped_in_parts", purged);
}

fn nonsense() -> Outcome {
    let server = PostgresServer::start(&[])?;
    on_tokio(async {
        for builder in [
            patient("http://127.0.0.1"),
            patient(server.url()).with_schema(""),
            patient(server.url()).with_schema("x".repeat(51)),
            patient(server.url()).with_timeout(std::time::Duration::ZERO),
            patient(server.url()).with_page(0),
        ] {
            let shown = format!("{builder:?}");
            let error = builder.connect().await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Invalid, "{shown}: {error}");
        }
        let builder = patient(server.url()).without_migrations();
        let error = builder.connect().await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Uninitialised, "{error:?}");
        let store = connect(&server.url()).await;
        let error = store.revoke(Entry::not_before_now(token("1"))).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Invalid);
        tell(&server.url(), "DROP SCHEMA portcullis CASCADE").await;
        let error = deny(&store, "1").await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Uninitialised, "{error:?}");
    })
}

fn wrong_password() -> Outcome {
    let server = PostgresServer::start(&[])?;
    on_tokio(async {
        tell(&server.url(), "CREATE ROLE bob LOGIN PASSWORD 'right'").await;
        let rules = "local all all trust\nhost all postgres 127.0.0.1/32 trust\n\
                     host all all 127.0.0.1/32 scram-sha-256\n";
        std::fs::write(server.data().join("pg_hba.conf"), rules).unwrap();
        tell(&server.url(), "SELECT pg_reload_conf()").await;
        tell(&server.url(), "GRANT CREATE ON DATABASE postgres TO bob").await;
        let url =
            |password| format!("postgres://bob:{password}@127.0.0.1:{}/postgres", server.port());
        let refused = async || patient(url("hunter2")).connect().await.is_err();
        crate::common::eventually("passwords are asked for", refused).await;
        let builder = patient(url("hunter2"));
        assert!(!format!("{builder:?}").contains("hunter2"));
        let error = builder.connect().await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        assert!(!format!("{error:?} {}", chain(&error)).contains("hunter2"), "{error:?}");
        let store = connect(&url("right")).await;
        deny(&store, "1").await.unwrap();
        assert!(verdict(&store, "1").await.is_denied());
    })
}

fn few_rights() -> Outcome {
    let server = PostgresServer::start(&[])?;
    on_tokio(async {
        let admin = stranger(&server.url()).await;
        let by_hand = format!(
            "BEGIN; CREATE SCHEMA mine; SET LOCAL search_path = mine, pg_temp; {}; COMMIT;
             CREATE ROLE app LOGIN; GRANT USAGE ON SCHEMA mine TO app;
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA mine TO app",
            PostgresStore::SCHEMA
        );
        admin.batch_execute(&by_hand).await.unwrap();
        let url = format!("postgres://app@127.0.0.1:{}/postgres", server.port());
        let store = patient(url).with_schema("mine").without_migrations();
        let store = store.connect().await.unwrap();
        assert!(store.initialise().await.unwrap() && !store.initialise().await.unwrap());
        let cutoff = store.cutoff(&Target::everything()).await.unwrap().unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let late = cutoff.as_secs().abs_diff(now as i64);
        assert!(late < 60, "stamped with the server's clock, {late} s off");
        deny(&store, "1").await.unwrap();
        assert!(verdict(&store, "1").await.is_denied());
        portcullis_core::feed::Feed::start(&store).await.unwrap();
    })
}

fn made_once() -> Outcome {
    let server = PostgresServer::start(&[])?;
    on_tokio(async {
        let stores: Vec<_> = (0..8)
            .map(|_| {
                let url = server.url();
                tokio::spawn(async move {
                    let builder = patient(url);
                    builder.connect().await.unwrap().initialise().await.unwrap()
                })
            })
            .collect();
        let mut done = 0;
        for store in stores {
            done += usize::from(store.await.unwrap());
        }
        assert_eq!(done, 1, "it is initialised once");
    })
}

fn other_version() -> Outcome {
    let server = PostgresServer::start(&[])?;
    on_tokio(async {
        connect(&server.url()).await;
        tell(&server.url(), "UPDATE portcullis.meta SET version = 2").await;
        let error = patient(server.url()).connect().await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Invalid);
        assert!(error.to_string().contains("version 2"), "{error}");
    })
}

fn purged() -> Outcome {
    use portcullis_core::{Clock, Retention};
    use portcullis_testing::TestClock;

    let server = PostgresServer::start(&[])?;
    on_tokio(async {
        let clock = TestClock::at(1_700_000_000);
        let builder = patient(server.url()).with_clock(clock.clone());
        let builder = builder.with_retention(Retention::default());
        let store = builder.connect().await.unwrap();
        store.insecure_initialise_trusting_all_tokens().await.unwrap();
        for n in 0..30 {
            let exp = clock.now().saturating_add(std::time::Duration::from_secs(60));
            store.revoke(Entry::deny(token(&n.to_string())).expiring_at(exp)).await.unwrap();
        }
        assert_eq!(store.purge(10).await.unwrap(), 0, "nothing has expired");
        clock.advance(std::time::Duration::from_secs(3_600));
        deny(&store, "new").await.unwrap();
        let mut dropped = Vec::new();
        while dropped.last() != Some(&0) {
            dropped.push(store.purge(20).await.unwrap());
        }
        assert_eq!(dropped, [20, 10, 0]);
        assert_eq!(store.usage().await.unwrap().denials, 1);
        assert!(verdict(&store, "new").await.is_denied());

        // of two writes the later expiry counts
        for secs in [3_000, 60] {
            let exp = clock.now().saturating_add(std::time::Duration::from_secs(secs));
            store.revoke(Entry::deny(token("both")).expiring_at(exp)).await.unwrap();
        }
        clock.advance(std::time::Duration::from_secs(2_000));
        assert_eq!(store.purge(20).await.unwrap(), 0);
        assert!(verdict(&store, "both").await.is_denied());
        // what was written last stays, by which a store is known to have lost nothing
        clock.advance(std::time::Duration::from_secs(100_000_000));
        store.purge(20).await.unwrap();
        assert!(verdict(&store, "never denied").await.is_allowed());
    })
}

/// They wait for each other.
fn initialised_once() -> Outcome {
    let server = PostgresServer::start(&[])?;
    on_tokio(async {
        let store = patient(server.url()).connect().await.unwrap();
        let other = stranger(&server.url()).await;
        let initialise = "BEGIN; SELECT portcullis.initialise(false, 0, NULL, NULL)";
        other.batch_execute(initialise).await.unwrap();
        let waiting = tokio::spawn({
            let store = store.clone();
            async move { store.initialise().await }
        });
        let third = stranger(&server.url()).await;
        let blocked = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock')";
        let waits = async || third.query_one(blocked, &[]).await.unwrap().get(0);
        crate::common::eventually("it waits", waits).await;
        other.batch_execute("COMMIT").await.unwrap();
        assert!(!waiting.await.unwrap().unwrap(), "it was done by the other");
    })
}

/// By the functions of the schema, for services that call them in a transaction of their own.
fn one_transaction() -> Outcome {
    let server = PostgresServer::start(&[])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        let issuer = crate::common::ISSUER;
        let both = format!(
            "BEGIN;
             SELECT portcullis.list(true, 'jti', '{issuer}', '1', 'bob', NULL, NULL, 1000, NULL);
             SELECT portcullis.revoke('removed', 'sub', '{issuer}', 'bob', NULL, NULL, NULL, NULL, NULL,
                 1::smallint, 1000, 1000, false, NULL, NULL, NULL);
             COMMIT"
        );
        tell(&server.url(), &both).await;
        assert!(!portcullis_core::AllowlistStore::is_allowed(&store, &token("1")).await.unwrap());
    })
}
