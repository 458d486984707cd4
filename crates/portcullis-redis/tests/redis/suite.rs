//! The suites that every store and every feed must pass, and how each fault is brought about here.

use portcullis_core::feed::{Batch, Chunk, Feed, FeedError, Start};
use portcullis_core::{Entry, Revoke, Revoked, StoreError};
use portcullis_redis::{RedisCursor, RedisPage, RedisStore};
use portcullis_support::{Outcome, Proxy, RedisServer};
use portcullis_testing::suite::feed_faults::FeedFaults;
use portcullis_testing::suite::{
    self, Setup, collapse, cutoffs, denials, feed, feed_faults, generations, limits, listings,
};
use std::sync::Mutex;
use std::time::Duration;

use crate::common::{Add, empty, on_tokio, runtime, stranger, tell};

pub(crate) fn add(add: Add<'_>) {
    add("suite::cutoffs", || each(async |url| cutoffs::all(make(url)).await));
    add("suite::denials", || each(async |url| denials::all(make(url)).await));
    add("suite::limits", || each(async |url| limits::all(make(url)).await));
    add("suite::collapse", || each(async |url| collapse::all(make(url)).await));
    add("suite::generations", || each(async |url| generations::all(make(url)).await));
    add("suite::listings", || each(async |url| listings::all(make(url)).await));
    add("suite::feed", || each(async |url| feed::all(make(url)).await));
    add("suite::no_check_passes_after_an_acknowledged_revocation", concurrency);
    add("suite::an_outage_is_no_answer", outages);
    add("suite::faults_of_keys_that_were_restored", keys_restored);
    add("suite::faults_of_a_replica_that_was_promoted", replica_promoted);
}

fn make(url: &str) -> impl AsyncFn(Setup) -> RedisStore {
    async move |setup| empty(url, setup).await
}

fn each(test: impl AsyncFnOnce(&str)) -> Outcome {
    let server = RedisServer::start(&[])?;
    on_tokio(test(&server.url()))
}

fn concurrency() -> Outcome {
    let server = RedisServer::start(&[])?;
    let (url, runtime) = (server.url(), runtime());
    runtime.block_on(suite::concurrency(make(&url), |future| runtime.handle().block_on(future)));
    Ok(())
}

/// A frozen server, and a connection that nobody knows to be dead.
fn outages() -> Outcome {
    let server = RedisServer::start(&[])?;
    let proxy = Proxy::start(server.port())?;
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let make = async |setup: Setup| {
        let store = crate::common::builder(&url)
            .with_clock(setup.clock)
            .with_retention(setup.retention)
            .with_timeout(Duration::from_millis(300));
        let store = store.connect().await.unwrap();
        store.insecure_initialise_trusting_all_tokens().await.unwrap();
        store
    };
    on_tokio(async {
        suite::outage(make, async || server.freeze().unwrap(), async || server.thaw().unwrap())
            .await;
        suite::outage(make, async || proxy.stall(), async || proxy.resume()).await;
        let mend = async || {
            proxy.point_to(server.port());
        };
        let nowhere = portcullis_support::free_port().unwrap();
        let cut = async || {
            proxy.point_to(nowhere);
            proxy.cut();
        };
        suite::outage(make, cut, mend).await;
    })
}

/// A store whose keys somebody restores from what they were, in a server that goes on running.
struct Restored {
    store: RedisStore,
    url: String,
    backup: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
}

/// A store behind an address that follows a failover.
struct FailedOver {
    store: RedisStore,
    primary: RedisServer,
    proxy: Proxy,
    replica: Mutex<Option<RedisServer>>,
}

/// Both are followed and written to as the store is.
macro_rules! as_its_store {
    ($type:ty) => {
        impl Feed for $type {
            type Cursor = RedisCursor;
            type Page = RedisPage;

            async fn start(&self) -> Result<Start<RedisCursor>, FeedError> {
                self.store.start().await
            }

            async fn snapshot(
                &self,
                page: Option<&RedisPage>,
            ) -> Result<Chunk<RedisPage>, FeedError> {
                self.store.snapshot(page).await
            }

            async fn read(&self, after: &RedisCursor) -> Result<Batch<RedisCursor>, FeedError> {
                self.store.read(after).await
            }
        }

        impl Revoke for $type {
            async fn revoke(&self, entry: Entry) -> Result<Revoked, StoreError> {
                self.store.revoke(entry).await
            }
        }
    };
}

as_its_store!(Restored);
as_its_store!(FailedOver);

/// The keys that end so: there is one of each for every store on the server, and here only one store.
async fn trim_log(url: &str) {
    let logs: Vec<String> = tell(url, &["KEYS", "*:log"]).await;
    for log in logs {
        let _: i64 = tell(url, &["XTRIM", &log, "MAXLEN", "1"]).await;
    }
}

impl FeedFaults for Restored {
    async fn trim(&self) {
        trim_log(&self.url).await;
    }

    async fn back_up(&self) {
        let mut connection = stranger(&self.url).await;
        let keys: Vec<Vec<u8>> =
            redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
        let mut backup = Vec::new();
        for key in keys {
            let dump = redis::cmd("DUMP").arg(&key).query_async(&mut connection).await.unwrap();
            backup.push((key, dump));
        }
        *self.backup.lock().unwrap() = backup;
    }

    async fn restore(&self) {
        self.lose_everything().await;
        let mut connection = stranger(&self.url).await;
        let backup = self.backup.lock().unwrap().clone();
        for (key, dump) in backup {
            let mut command = redis::cmd("RESTORE");
            let () = command.arg(key).arg(0).arg(dump).query_async(&mut connection).await.unwrap();
        }
    }

    async fn lose_everything(&self) {
        let () = tell(&self.url, &["FLUSHALL"]).await;
    }
}

fn keys_restored() -> Outcome {
    let server = RedisServer::start(&[])?;
    let url = server.url();
    on_tokio(feed_faults::all(async |setup| {
        let () = tell(&url, &["FLUSHALL"]).await;
        let store = empty(&url, setup).await;
        Restored { store, url: url.clone(), backup: Mutex::default() }
    }))
}

impl FeedFaults for FailedOver {
    async fn trim(&self) {
        trim_log(&self.primary.url()).await;
    }

    /// A replica follows until now and no longer.
    async fn back_up(&self) {
        let follow = format!("replicaof 127.0.0.1 {}", self.primary.port());
        let replica = RedisServer::start(&[&follow]).unwrap();
        loop {
            let info: String = tell(&replica.url(), &["INFO", "replication"]).await;
            if info.contains("master_link_status:up") {
                break;
            }
        }
        let acknowledged: i64 = tell(&self.primary.url(), &["WAIT", "1", "30000"]).await;
        assert_eq!(acknowledged, 1, "the replica has everything");
        replica.freeze().unwrap();
        *self.replica.lock().unwrap() = Some(replica);
    }

    /// The primary is gone, and the replica takes its place with what it has.
    async fn restore(&self) {
        self.primary.freeze().unwrap();
        let url = {
            let replica = self.replica.lock().unwrap();
            let replica = replica.as_ref().unwrap();
            self.proxy.point_to(replica.port());
            replica.thaw().unwrap();
            replica.url()
        };
        let () = tell(&url, &["REPLICAOF", "NO", "ONE"]).await;
        self.proxy.cut();
    }

    /// A restart without persistence.
    async fn lose_everything(&self) {
        let fresh = RedisServer::start(&[]).unwrap();
        self.proxy.point_to(fresh.port());
        *self.replica.lock().unwrap() = Some(fresh);
        self.proxy.cut();
    }
}

fn replica_promoted() -> Outcome {
    on_tokio(feed_faults::all(async |setup| {
        // what a frozen replica is sent is lost for it when the primary drops it
        let primary = RedisServer::start(&["client-output-buffer-limit replica 1 0 0"]).unwrap();
        let proxy = Proxy::start(primary.port()).unwrap();
        let store = empty(&format!("redis://127.0.0.1:{}", proxy.port()), setup).await;
        FailedOver { store, primary, proxy, replica: Mutex::default() }
    }))
}
