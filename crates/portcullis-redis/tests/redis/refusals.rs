//! Servers that are not to be trusted with revocations, and writes that they refuse.

use portcullis_core::{Entry, Revoke, StoreErrorKind};
use portcullis_support::{Outcome, RedisServer};

use crate::common::{Add, chain, connect, deny, on_tokio, patient, tell, token, verdict};

pub(crate) fn add(add: Add<'_>) {
    add("refusals::a_server_that_evicts_is_refused_unless_by_name", evicting);
    add("refusals::a_wrong_password_is_told_and_not_shown", wrong_password);
    add("refusals::a_user_with_few_rights_is_enough", few_rights);
    add("refusals::a_replica_is_refused", replica);
    add("refusals::a_server_without_memory_refuses_writes_and_keeps_denying", out_of_memory);
    add("refusals::what_makes_no_sense_is_refused_at_once", nonsense);
}

fn evicting() -> Outcome {
    for policy in ["allkeys-lru", "volatile-ttl", "allkeys-random"] {
        let server = RedisServer::start(&[&format!("maxmemory-policy {policy}")])?;
        on_tokio(async {
            let error = patient(server.url()).connect().await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Invalid);
            assert!(chain(&error).contains(policy), "{error}");
            let builder = patient(server.url()).insecure_accept_any_eviction_policy();
            builder.connect().await.unwrap();
        })?;
    }
    Ok(())
}

fn wrong_password() -> Outcome {
    let server = RedisServer::start(&["requirepass right", "user eve on >wr0ng ~* &* +ping"])?;
    on_tokio(async {
        let at = format!("127.0.0.1:{}", server.port());
        for credentials in [":hunter2@", "bob:hunter2@", "eve:wr0ng@", ""] {
            let builder = patient(format!("redis://{credentials}{at}"));
            assert!(!format!("{builder:?}").contains("hunter2"));
            let error = builder.connect().await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{credentials}");
            for secret in ["hunter2", "wr0ng"] {
                assert!(!chain(&error).contains(secret), "{}", chain(&error));
                assert!(!format!("{error:?}").contains(secret), "{error:?}");
            }
        }
        let store = connect(&format!("redis://:right@{at}/3")).await;
        deny(&store, "1").await.unwrap();
        assert!(verdict(&store, "1").await.is_denied());
    })
}

/// Those that the README names, and a store of another prefix that is out of reach.
fn few_rights() -> Outcome {
    let rights =
        "~{portcullis}:* +@read +@write +@scripting +@connection +info +time +cluster|slots";
    let server = RedisServer::start(&[&format!("user app on >right {rights}")])?;
    on_tokio(async {
        let url = format!("redis://app:right@127.0.0.1:{}", server.port());
        let store = connect(&url).await;
        let cursor = portcullis_core::feed::Feed::start(&store).await.unwrap().cursor().clone();
        deny(&store, "1").await.unwrap();
        assert!(verdict(&store, "1").await.is_denied());
        let batch = portcullis_core::feed::Feed::read(&store, &cursor).await.unwrap();
        assert_eq!(batch.changes().len(), 1);
        let error = patient(&url).with_prefix("other").connect().await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    })
}

fn replica() -> Outcome {
    let primary = RedisServer::start(&[])?;
    let replica = RedisServer::start(&[&format!("replicaof 127.0.0.1 {}", primary.port())])?;
    on_tokio(async {
        let error = patient(replica.url()).connect().await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(chain(&error).contains("replica"), "{error}");
    })
}

fn out_of_memory() -> Outcome {
    let server = RedisServer::start(&["maxmemory 4mb"])?;
    on_tokio(async {
        let store = connect(&server.url()).await;
        let mut written = 0;
        let error = loop {
            match deny(&store, &format!("{written} {}", "x".repeat(2_000))).await {
                Ok(_) => written += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), StoreErrorKind::Full, "{error:?}");
        assert!(written > 100, "{written}");
        for n in 0..written {
            let jti = format!("{n} {}", "x".repeat(2_000));
            assert!(verdict(&store, &jti).await.is_denied(), "{n} of {written}");
        }
        // what is refused leaves nothing behind
        let before = store.usage().await.unwrap();
        assert_eq!(before.denials, written);
        deny(&store, "one more").await.unwrap_err();
        assert_eq!(store.usage().await.unwrap(), before);
        let () = tell(&server.url(), &["CONFIG", "SET", "maxmemory", "100mb"]).await;
        deny(&store, "one more").await.unwrap();
    })
}

fn nonsense() -> Outcome {
    let server = RedisServer::start(&[])?;
    on_tokio(async {
        for builder in [
            patient("http://127.0.0.1"),
            patient(server.url()).with_prefix(""),
            patient(server.url()).with_prefix("a}b"),
            patient(server.url()).with_timeout(std::time::Duration::ZERO),
            patient(server.url()).with_log_length(0),
            patient(server.url()).with_page(0),
        ] {
            let shown = format!("{builder:?}");
            let error = builder.connect().await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Invalid, "{shown}: {error}");
        }
        let store = connect(&server.url()).await;
        let error = store.revoke(Entry::not_before_now(token("1"))).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Invalid);
        // somebody else's value under one of our names
        let () = tell(&server.url(), &["DEL", "{portcullis}:denials"]).await;
        let () = tell(&server.url(), &["SET", "{portcullis}:denials", "x"]).await;
        let error = store.revoke(Entry::deny(token("1"))).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
    })
}
