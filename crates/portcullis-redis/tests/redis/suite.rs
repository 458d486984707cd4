//! The suite about faults that every feed must pass, and how each fault is brought about here.

use std::ops::Deref;
use std::sync::Mutex;

use portcullis_redis::RedisStore;
use portcullis_support::stores::Kind;
use portcullis_support::{Outcome, Proxy, RedisServer};
use portcullis_testing::suite::feed_faults::{self, FeedFaults};

use crate::common::{Add, PATIENCE, Redis, on_tokio, stranger, tell};

pub(crate) fn add(add: Add<'_>) {
    add("suite::faults_of_keys_that_were_restored", keys_restored);
    add("suite::faults_of_a_replica_that_was_promoted", replica_promoted);
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

/// The keys that end so: there is one of each for every store on the server, and here only one store.
async fn trim_log(url: &str) {
    let logs: Vec<String> = tell(url, &["KEYS", "*:log"]).await;
    for log in logs {
        let _: i64 = tell(url, &["XTRIM", &log, "MAXLEN", "1"]).await;
    }
}

impl FeedFaults for Restored {
    type Store = RedisStore;

    fn store(&self) -> impl Deref<Target = RedisStore> {
        &self.store
    }

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
        let store = Redis::empty(&url, setup, PATIENCE).await;
        Restored { store, url: url.clone(), backup: Mutex::default() }
    }))
}

impl FeedFaults for FailedOver {
    type Store = RedisStore;

    fn store(&self) -> impl Deref<Target = RedisStore> {
        &self.store
    }

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
        let store = Redis::empty(&RedisServer::url_at(proxy.port()), setup, PATIENCE).await;
        FailedOver { store, primary, proxy, replica: Mutex::default() }
    }))
}
