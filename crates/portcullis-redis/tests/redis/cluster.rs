//! A cluster: all keys of a store are on one of its servers, which is found whichever was asked, and again when it is another.

use std::time::Duration;

use portcullis_core::feed::{Feed, FeedErrorKind};
use portcullis_core::{StoreErrorKind, Verdict};
use portcullis_redis::RedisStore;
use portcullis_support::{Outcome, Port, RedisServer};

use crate::common::{Add, connect, deny, eventually, on_tokio, tell, verdict};

pub(crate) fn add(add: Add<'_>) {
    add("cluster::the_server_that_has_the_keys_is_found", found);
    add("cluster::a_slot_that_moves_is_followed", moved);
    add("cluster::a_failover_is_followed_when_the_server_that_was_named_is_dead", || {
        failover(true)
    });
    add("cluster::a_failover_is_followed_when_the_server_that_was_named_hangs", || failover(false));
}

/// The slots of each primary.
const RANGES: [[&str; 2]; 3] = [["0", "5460"], ["5461", "10922"], ["10923", "16383"]];

/// Three primaries, and a replica of the one that has the keys.
struct Cluster {
    servers: Vec<RedisServer>,
    /// Where they talk to each other.
    _buses: Vec<Port>,
    /// The slot of the keys, and the primary and the replica that have them.
    slot: String,
    owner: usize,
    replica: usize,
}

impl Cluster {
    async fn start() -> Self {
        let start = |_| {
            let bus = Port::keep().unwrap();
            let bus_port = format!("cluster-port {}", bus.number());
            let settings = [
                "cluster-enabled yes",
                "cluster-node-timeout 1000",
                // of a replica that has waited for long: it is the only one
                "cluster-replica-validity-factor 0",
                &bus_port,
            ];
            (RedisServer::start(&settings).unwrap(), bus)
        };
        let (servers, buses): (Vec<_>, Vec<_>) = (0..4).map(start).unzip();
        let urls: Vec<_> = servers.iter().map(RedisServer::url).collect();
        for (url, [first, last]) in urls.iter().zip(RANGES) {
            let () = tell(url, &["CLUSTER", "ADDSLOTSRANGE", first, last]).await;
        }
        for (server, bus) in servers.iter().zip(&buses).skip(1) {
            let (port, bus) = (server.port().to_string(), bus.number().to_string());
            let () = tell(&urls[0], &["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).await;
        }
        let slot: u16 = tell(&urls[0], &["CLUSTER", "KEYSLOT", "{portcullis}:meta"]).await;
        let owner = RANGES.iter().position(|[_, last]| slot <= last.parse().unwrap()).unwrap();
        let cluster = Self { servers, _buses: buses, slot: slot.to_string(), owner, replica: 3 };
        cluster.whole("cluster_known_nodes:4").await;
        let id = cluster.id(owner).await;
        let () = tell(&urls[3], &["CLUSTER", "REPLICATE", &id]).await;
        let follows = async || {
            let info: String = tell(&urls[3], &["INFO", "replication"]).await;
            info.contains("role:slave") && info.contains("master_link_status:up")
        };
        eventually("the replica follows", follows).await;
        cluster.whole("cluster_size:3").await;
        cluster
    }

    /// Until all agree that everything is served, and that this is so.
    async fn whole(&self, so: &str) {
        for server in &self.servers {
            let whole = async || {
                let info: String = tell(&server.url(), &["CLUSTER", "INFO"]).await;
                info.contains("cluster_state:ok") && info.contains(so)
            };
            eventually(so, whole).await;
        }
    }

    async fn id(&self, server: usize) -> String {
        tell(&self.servers[server].url(), &["CLUSTER", "MYID"]).await
    }

    fn url(&self, server: usize) -> String {
        self.servers[server].url()
    }
}

fn found() -> Outcome {
    on_tokio(async {
        let cluster = Cluster::start().await;
        for named in 0..cluster.servers.len() {
            let store = connect(&cluster.url(named)).await;
            let mut cursor = store.start().await.unwrap().cursor().clone();
            for n in 0..3 {
                let jti = format!("{named} {n}");
                let woken = tokio::time::timeout(Duration::from_secs(30), store.changed(&cursor));
                let (woken, position) = tokio::join!(woken, deny(&store, &jti));
                assert!(woken.is_ok());
                assert!(verdict(&store, &jti).await.is_denied());
                let batch = store.read(&cursor).await.unwrap();
                assert!(batch.position() >= position.unwrap());
                cursor = batch.cursor().clone();
            }
        }
        // all have written to the same store, and all of it is in one slot
        let store = connect(&cluster.url(0)).await;
        for named in 0..cluster.servers.len() {
            assert!(verdict(&store, &format!("{named} 0")).await.is_denied());
        }
        let keys: Vec<String> = tell(&cluster.url(cluster.owner), &["KEYS", "*"]).await;
        assert!(keys.len() >= 3, "{keys:?}");
        for key in keys {
            let slot: u16 = tell(&cluster.url(0), &["CLUSTER", "KEYSLOT", &key]).await;
            assert_eq!(slot.to_string(), cluster.slot, "{key}");
        }
        for other in (0..RANGES.len()).filter(|other| *other != cluster.owner) {
            let keys: u64 = tell(&cluster.url(other), &["DBSIZE"]).await;
            assert_eq!(keys, 0);
        }
    })
}

/// Neither a pass nor a denial.
async fn assert_outage(store: &RedisStore) {
    for jti in ["1", "never denied"] {
        let outage = verdict(store, jti).await;
        assert!(matches!(outage, Verdict::Unavailable(_)), "{jti}: {outage:?}");
    }
    let refused = deny(store, "2").await.map_err(|error| error.kind());
    assert_eq!(refused, Err(StoreErrorKind::Unavailable));
}

fn moved() -> Outcome {
    on_tokio(async {
        let cluster = Cluster::start().await;
        let (from, to) = (cluster.owner, (cluster.owner + 1) % RANGES.len());
        let (from_url, to_url) = (cluster.url(from), cluster.url(to));
        let (from_id, to_id) = (cluster.id(from).await, cluster.id(to).await);
        let store = connect(&cluster.url(to)).await;
        deny(&store, "1").await.unwrap();
        let cursor = store.start().await.unwrap().cursor().clone();
        let keys: Vec<String> = tell(&from_url, &["KEYS", "*"]).await;

        let set = ["CLUSTER", "SETSLOT", &cluster.slot];
        let () = tell(&to_url, &[&set[..], &["IMPORTING", &from_id]].concat()).await;
        let () = tell(&from_url, &[&set[..], &["MIGRATING", &to_id]].concat()).await;
        let port = cluster.servers[to].port().to_string();
        let (some, rest) = keys.split_at(2);
        for keys in [some, rest] {
            let keys: Vec<_> = keys.iter().map(String::as_str).collect();
            let migrate = ["MIGRATE", "127.0.0.1", &port, "", "0", "10000", "KEYS"];
            let _: String = tell(&from_url, &[&migrate[..], &keys].concat()).await;
            // some of them here and some there, then all of them there and the slot still here
            assert_outage(&store).await;
        }
        for url in [&to_url, &from_url] {
            let () = tell(url, &[&set[..], &["NODE", &to_id]].concat()).await;
        }
        eventually("it is found", async || verdict(&store, "1").await.is_denied()).await;
        assert!(verdict(&store, "never denied").await.is_allowed());
        deny(&store, "2").await.unwrap();
        // another server numbers its pages and its log in another way
        let kind = store.read(&cursor).await.map(|_| ()).map_err(|error| error.kind());
        assert_eq!(kind, Err(FeedErrorKind::NewEpoch));
        let cursor = store.start().await.unwrap().cursor().clone();
        deny(&store, "3").await.unwrap();
        assert_eq!(store.read(&cursor).await.unwrap().changes().len(), 1);
    })
}

/// The primary that has the keys, and was named, is gone or hangs, and its replica takes its place.
fn failover(dies: bool) -> Outcome {
    on_tokio(async {
        let mut cluster = Cluster::start().await;
        let (owner, replica) = (cluster.owner, cluster.replica);
        let builder = RedisStore::builder(cluster.url(owner));
        let store = builder.with_timeout(Duration::from_secs(2)).connect().await.unwrap();
        store.insecure_initialise_trusting_all_tokens().await.unwrap();
        let cursor = store.start().await.unwrap().cursor().clone();
        deny(&store, "1").await.unwrap();
        assert!(verdict(&store, "1").await.is_denied());
        let has_it = async || {
            let offset = async |server: usize| {
                let info: String = tell(&cluster.url(server), &["INFO", "replication"]).await;
                let line = info.lines().find(|line| line.starts_with("master_repl_offset:"));
                line.unwrap().to_owned()
            };
            offset(owner).await == offset(replica).await
        };
        eventually("the replica has everything", has_it).await;
        match dies {
            true => cluster.servers[owner].kill().unwrap(),
            false => cluster.servers[owner].freeze().unwrap(),
        }
        // no answer in between is a pass
        let found = async || match verdict(&store, "1").await {
            Verdict::Unavailable(_) => false,
            verdict => {
                assert!(verdict.is_denied(), "{verdict:?}");
                true
            }
        };
        eventually("the new primary is found", found).await;
        deny(&store, "2").await.unwrap();
        let anew = async || match store.read(&cursor).await {
            Err(error) => error.kind() == FeedErrorKind::NewEpoch,
            Ok(batch) => panic!("another server is another log: {batch:?}"),
        };
        eventually("the feed has found it too", anew).await;
        store.start().await.unwrap();
        if !dies {
            // the old primary finds out that it is none any more, and is in nobody's way
            cluster.servers[owner].thaw().unwrap();
            cluster.whole("cluster_size:3").await;
            assert!(verdict(&store, "2").await.is_denied());
        }
    })
}
