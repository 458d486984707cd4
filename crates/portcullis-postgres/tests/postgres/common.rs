//! What the tests share beside what those of all stores do: how a store is made, and a plain connection to do harm with.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis_postgres::{PostgresStore, PostgresStoreBuilder};
use portcullis_support::PostgresServer;
use portcullis_support::stores::Kind;
use portcullis_testing::suite::Setup;
use tokio_postgres::Client;

pub(crate) use portcullis_support::chain;
pub(crate) use portcullis_support::stores::{
    Add, ISSUER, NOW, PATIENCE, burst, deny, eventually, on_tokio, token, verdict,
};

/// How the tests of every store make one.
pub(crate) struct Postgres;

impl Kind for Postgres {
    type Server = PostgresServer;
    type Store = PostgresStore;

    /// Nothing else has transactions: what is open at a time is the tests' own.
    const SETTINGS: &[&str] = &["autovacuum=off", "fsync=off"];

    async fn empty(url: &str, setup: Setup, patience: Duration) -> PostgresStore {
        static STORES: AtomicUsize = AtomicUsize::new(0);
        let schema = format!("test \"{}", STORES.fetch_add(1, Ordering::Relaxed));
        let connect = async |patience| {
            let builder = PostgresStore::builder(url).with_schema(schema.clone());
            builder
                .with_clock(setup.clock.clone())
                .with_retention(setup.retention)
                .with_limits(setup.limits)
                .with_page(u32::try_from(setup.page).unwrap())
                .with_timeout(patience)
                .connect()
                .await
                .unwrap()
        };
        let store = connect(PATIENCE).await;
        assert!(store.insecure_initialise_trusting_all_tokens().await.unwrap());
        if patience == PATIENCE { store } else { connect(patience).await }
    }
}

/// A store that gives up late: on a machine with much else to do a server that works may be slow to answer.
pub(crate) fn patient(url: impl Into<String>) -> PostgresStoreBuilder {
    PostgresStore::builder(url).with_timeout(PATIENCE)
}

/// A store by the clock of its server.
pub(crate) async fn connect(url: &str) -> PostgresStore {
    let store = patient(url).connect().await.unwrap();
    store.insecure_initialise_trusting_all_tokens().await.unwrap();
    store
}

/// Somebody else's connection to the server of this URL.
pub(crate) async fn stranger(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Has the server do something.
pub(crate) async fn tell(url: &str, sql: &str) {
    stranger(url).await.batch_execute(sql).await.unwrap();
}
