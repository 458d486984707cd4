//! Connections with TLS: to a server that has proved who it is, or none.

use std::time::{Duration, Instant};

use portcullis_core::feed::Feed;
use portcullis_core::{StoreErrorKind, Verdict};
use portcullis_postgres::PostgresStoreBuilder;
use portcullis_support::{Authority, Outcome, PostgresServer};

use crate::common::{Add, chain, deny, eventually, on_tokio, patient, verdict};

pub(crate) fn add(add: Add<'_>) {
    add("tls::the_server_has_to_prove_who_it_is", proven);
    add("tls::nothing_is_said_in_the_clear_where_tls_is_insisted_on", insisted);
    add("tls::a_server_that_insists_on_tls_is_an_outage_without_it", without);
    add("tls::a_server_that_falls_silent_in_the_handshake_is_not_waited_for", silent);
}

/// A server with a certificate for `localhost`, which takes connections by this line of `pg_hba.conf` only.
fn start(authority: &Authority, rule: &str) -> std::io::Result<PostgresServer> {
    PostgresServer::start_after(&["ssl=on"], |data| {
        authority.issue(&["localhost"], data)?;
        std::fs::write(data.join("pg_hba.conf"), format!("{rule}\n"))
    })
}

const WITH_TLS: &str = "hostssl all all 127.0.0.1/32 trust";

fn url(host: &str, server: &PostgresServer, mode: &str) -> String {
    format!("postgres://postgres@{host}:{}/postgres?sslmode={mode}", server.port())
}

/// The text of the outage, which comes without a wait.
async fn refused(builder: PostgresStoreBuilder) -> String {
    let limit = Duration::from_secs(20);
    let begun = Instant::now();
    let error = builder.with_timeout(limit).connect().await.unwrap_err();
    assert!(begun.elapsed() < limit, "it is told, not waited for");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    chain(&error)
}

fn proven() -> Outcome {
    // both of the same name
    let (right, wrong) = (Authority::new()?, Authority::new()?);
    let server = start(&right, WITH_TLS)?;
    on_tokio(async {
        let builder = || patient(url("localhost", &server, "require"));
        let store = builder().with_roots(right.pem()).connect().await.unwrap();
        store.insecure_initialise_trusting_all_tokens().await.unwrap();
        let cursor = store.start().await.unwrap().cursor().clone();
        deny(&store, "1").await.unwrap();
        assert!(verdict(&store, "1").await.is_denied());
        assert_eq!(store.read(&cursor).await.unwrap().changes().len(), 1);
        // what listens has a connection of its own
        let heard = async || {
            let cursor = store.start().await.unwrap().cursor().clone();
            let wait = tokio::time::timeout(Duration::from_secs(1), store.changed(&cursor));
            tokio::join!(wait, deny(&store, "2")).0.is_ok()
        };
        eventually("it is woken", heard).await;

        let told = refused(builder().with_roots(wrong.pem())).await;
        assert!(told.contains("invalid peer certificate"), "{told}");
        let elsewhere = patient(url("127.0.0.1", &server, "require"));
        let told = refused(elsewhere.with_roots(right.pem())).await;
        assert!(told.contains("certificate not valid for name \"127.0.0.1\""), "{told}");

        let error = builder().with_roots("no PEM").connect().await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Invalid, "{error:?}");
        // those of the operating system do not know it either, if there are any
        let error = builder().connect().await.unwrap_err();
        let kinds = [StoreErrorKind::Unavailable, StoreErrorKind::Invalid];
        assert!(kinds.contains(&error.kind()), "{error:?}");
    })
}

fn insisted() -> Outcome {
    let authority = Authority::new()?;
    // it has no certificate, and would take anybody
    let server = PostgresServer::start(&[])?;
    on_tokio(async {
        let builder = patient(url("localhost", &server, "require"));
        let told = refused(builder.with_roots(authority.pem())).await;
        assert!(told.contains("server does not support TLS"), "{told}");
        // what other clients call it: told apart from an address that is none
        for mode in ["verify-full", "verify-ca", "allow"] {
            let builder = patient(url("localhost", &server, mode));
            let error = builder.connect().await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Invalid, "{error:?}");
            assert!(error.to_string().contains("sslmode=require"), "{error}");
        }
    })
}

fn without() -> Outcome {
    let authority = Authority::new()?;
    let server = start(&authority, WITH_TLS)?;
    on_tokio(async {
        for mode in ["disable", "prefer"] {
            let told = refused(patient(url("localhost", &server, mode))).await;
            assert!(told.contains("no encryption"), "{told}");
        }
    })
}

/// The address is that of a server which accepts connections and says nothing.
fn silent() -> Outcome {
    let authority = Authority::new()?;
    let server = start(&authority, WITH_TLS)?;
    on_tokio(async {
        let builder = patient(url("localhost", &server, "require"));
        let builder = builder.with_roots(authority.pem());
        let store = builder.with_timeout(Duration::from_secs(2)).connect().await.unwrap();
        store.insecure_initialise_trusting_all_tokens().await.unwrap();
        deny(&store, "1").await.unwrap();
        server.freeze().unwrap();
        // the connections are made anew, each in vain
        for _ in 0..6 {
            let outage = verdict(&store, "1").await;
            assert!(matches!(&outage, Verdict::Unavailable(_)), "{outage:?}");
        }
        server.thaw().unwrap();
        eventually("it answers again", async || verdict(&store, "1").await.is_denied()).await;
    })
}
