//! What the tests share: a runtime, stores, questions, and a plain connection to do harm with.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis_core::{
    Denylist, Entry, Position, Revocation, Revoke, StoreError, Target, Timestamp, TokenView,
    Verdict,
};
use portcullis_postgres::{PostgresStore, PostgresStoreBuilder};
use portcullis_support::Outcome;
use portcullis_testing::suite::Setup;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::Client;

pub(crate) const ISSUER: &str = "https://idp.example.com";
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// Adds a test by its name.
pub(crate) type Add<'a> = &'a mut dyn FnMut(&str, fn() -> Outcome);

pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs a test on a runtime of its own.
pub(crate) fn on_tokio(test: impl Future<Output = ()>) -> Outcome {
    runtime().block_on(test);
    Ok(())
}

/// A store beside all others on the server of this URL.
pub(crate) fn builder(url: &str) -> PostgresStoreBuilder {
    static STORES: AtomicUsize = AtomicUsize::new(0);
    let number = STORES.fetch_add(1, Ordering::Relaxed);
    PostgresStore::builder(url).with_schema(format!("test \"{number}"))
}

/// An empty store that obeys a setup.
pub(crate) async fn empty(url: &str, setup: Setup) -> PostgresStore {
    let store = builder(url)
        .with_clock(setup.clock)
        .with_retention(setup.retention)
        .with_limits(setup.limits)
        .with_page(u32::try_from(setup.page).unwrap())
        .with_timeout(Duration::from_secs(5))
        .connect()
        .await
        .unwrap();
    assert!(store.insecure_initialise_trusting_all_tokens().await.unwrap());
    store
}

/// A store by the clock of its server.
pub(crate) async fn connect(url: &str) -> PostgresStore {
    let store = PostgresStore::connect(url).await.unwrap();
    store.insecure_initialise_trusting_all_tokens().await.unwrap();
    store
}

pub(crate) fn token(jti: &str) -> Target<'_> {
    Target::token(ISSUER, jti)
}

pub(crate) async fn deny(store: &PostgresStore, jti: &str) -> Result<Position, StoreError> {
    store.revoke(Entry::deny(token(jti))).await.map(|receipt| receipt.position())
}

/// What a denylist over the store says of a token.
pub(crate) async fn verdict(store: &PostgresStore, jti: &str) -> Verdict {
    let view = TokenView::new(ISSUER).with_token_id(jti).with_issued_at(NOW);
    Denylist::new(store.clone()).check(&view).await
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

/// Asks again until it is so, for half a minute at most.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..3_000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come to be: {what}");
}

/// The text of an error and of its causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
