//! A cluster: all keys of a store are on one of its servers, which is found whichever was asked.

use portcullis_core::feed::Feed;
use portcullis_support::{Outcome, RedisServer};

use crate::common::{Add, connect, deny, eventually, on_tokio, tell, verdict};

pub(crate) fn add(add: Add<'_>) {
    add("cluster::the_server_that_has_the_keys_is_found", found);
}

fn found() -> Outcome {
    let settings = ["cluster-enabled yes", "cluster-require-full-coverage no"];
    let servers = [RedisServer::start(&settings)?, RedisServer::start(&settings)?];
    on_tokio(async {
        let urls = [servers[0].url(), servers[1].url()];
        let () = tell(&urls[0], &["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]).await;
        let () = tell(&urls[1], &["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]).await;
        let port = servers[1].port().to_string();
        let () = tell(&urls[0], &["CLUSTER", "MEET", "127.0.0.1", &port]).await;
        for url in &urls {
            let whole = async || {
                let info: String = tell(url, &["CLUSTER", "INFO"]).await;
                info.contains("cluster_slots_assigned:16384") && info.contains("cluster_state:ok")
            };
            eventually("the cluster is whole", whole).await;
        }
        for url in &urls {
            let store = connect(url).await;
            let mut cursor = store.start().await.unwrap().cursor().clone();
            for n in 0..3 {
                let jti = format!("{url} {n}");
                let position = deny(&store, &jti).await.unwrap();
                assert!(verdict(&store, &jti).await.is_denied());
                let batch = store.read(&cursor).await.unwrap();
                assert!(batch.position() >= position);
                cursor = batch.cursor().clone();
            }
        }
        // both have written to the same store
        let store = connect(&urls[0]).await;
        assert!(verdict(&store, &format!("{} 0", urls[1])).await.is_denied());
    })
}
