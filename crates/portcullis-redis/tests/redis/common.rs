//! What the tests share beside what those of all stores do: how a store is made, and a plain connection to do harm with.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis_redis::{RedisStore, RedisStoreBuilder};
use portcullis_support::RedisServer;
use portcullis_support::stores::Kind;
use portcullis_testing::suite::Setup;
use redis::{FromRedisValue, aio::MultiplexedConnection};

pub(crate) use portcullis_support::chain;
pub(crate) use portcullis_support::stores::{
    Add, PATIENCE, burst, deny, eventually, on_tokio, token, verdict,
};

/// How the tests of every store make one.
pub(crate) struct Redis;

impl Kind for Redis {
    type Server = RedisServer;
    type Store = RedisStore;

    const SETTINGS: &[&str] = &[];

    async fn empty(url: &str, setup: Setup, patience: Duration) -> RedisStore {
        static STORES: AtomicUsize = AtomicUsize::new(0);
        let prefix = format!("test {}", STORES.fetch_add(1, Ordering::Relaxed));
        let connect = async |patience| {
            let builder = RedisStore::builder(url).with_prefix(prefix.clone());
            builder
                .with_clock(setup.clock.clone())
                .with_retention(setup.retention)
                .with_limits(setup.limits)
                .with_page(setup.page)
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
pub(crate) fn patient(url: impl Into<String>) -> RedisStoreBuilder {
    RedisStore::builder(url).with_timeout(PATIENCE)
}

/// A store by the clock of its server.
pub(crate) async fn connect(url: &str) -> RedisStore {
    let store = patient(url).connect().await.unwrap();
    store.insecure_initialise_trusting_all_tokens().await.unwrap();
    store
}

/// Somebody else's connection to the server of this URL.
pub(crate) async fn stranger(url: &str) -> MultiplexedConnection {
    redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}

/// Has the server do something.
pub(crate) async fn tell<T: FromRedisValue>(url: &str, words: &[&str]) -> T {
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(word);
    }
    command.query_async(&mut stranger(url).await).await.unwrap()
}
