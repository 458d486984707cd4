//! Connections with TLS: to a server that has proved who it is, or none.

use std::time::{Duration, Instant};

use portcullis_core::feed::Feed;
use portcullis_core::{StoreErrorKind, Verdict};
use portcullis_redis::RedisStoreBuilder;
use portcullis_support::{Authority, Outcome, Port, RedisServer};

use crate::common::{Add, chain, deny, eventually, on_tokio, patient, verdict};

pub(crate) fn add(add: Add<'_>) {
    add("tls::the_server_has_to_prove_who_it_is", proven);
    add("tls::nothing_is_said_in_the_clear_where_tls_is_insisted_on", insisted);
    add("tls::a_server_that_insists_on_tls_is_an_outage_without_it", without);
    add("tls::a_server_that_falls_silent_is_not_waited_for", silent);
}

/// A server that takes no connection without TLS, what it needs as long as it runs, and its port.
type Started = (RedisServer, (tempfile::TempDir, Port), u16);

/// With a certificate for `localhost`.
fn start(authority: &Authority) -> std::io::Result<Started> {
    let (folder, kept) = (tempfile::tempdir()?, Port::keep()?);
    let port = kept.number();
    authority.issue(&["localhost"], folder.path())?;
    let file = |name: &str| folder.path().join(name).display().to_string();
    let settings = [
        "port 0".to_owned(),
        format!("tls-port {port}"),
        format!("tls-cert-file {}", file("server.crt")),
        format!("tls-key-file {}", file("server.key")),
        "tls-auth-clients no".to_owned(),
    ];
    let server = RedisServer::start(&settings.each_ref().map(String::as_str))?;
    Ok((server, (folder, kept), port))
}

/// The text of the outage, which comes without a wait.
async fn refused(builder: RedisStoreBuilder) -> String {
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
    let (_server, _kept, port) = start(&right)?;
    on_tokio(async {
        let builder = || patient(format!("rediss://localhost:{port}"));
        let store = builder().with_roots(right.pem()).connect().await.unwrap();
        store.insecure_initialise_trusting_all_tokens().await.unwrap();
        let cursor = store.start().await.unwrap().cursor().clone();
        // what listens has a connection of its own
        let woken = tokio::time::timeout(Duration::from_secs(30), store.changed(&cursor));
        let (woken, written) = tokio::join!(woken, deny(&store, "1"));
        assert!(woken.is_ok() && written.is_ok());
        assert!(verdict(&store, "1").await.is_denied());
        assert_eq!(store.read(&cursor).await.unwrap().changes().len(), 1);

        let told = refused(builder().with_roots(wrong.pem())).await;
        assert!(told.contains("invalid peer certificate"), "{told}");
        let elsewhere = patient(format!("rediss://127.0.0.1:{port}"));
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
    // it does not know TLS, would take anybody, and waits for the end of what it takes for a command
    let server = RedisServer::start(&[])?;
    on_tokio(async {
        let builder = patient(format!("rediss://localhost:{}", server.port()));
        let builder = builder.with_roots(authority.pem()).with_timeout(Duration::from_millis(500));
        let error = builder.connect().await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        assert!(error.to_string().contains("no connection with TLS"), "{error}");
    })
}

fn without() -> Outcome {
    let authority = Authority::new()?;
    let (_server, _kept, port) = start(&authority)?;
    on_tokio(async {
        refused(patient(format!("redis://localhost:{port}"))).await;
    })
}

fn silent() -> Outcome {
    let authority = Authority::new()?;
    let (server, _kept, port) = start(&authority)?;
    on_tokio(async {
        let builder = patient(format!("rediss://localhost:{port}"));
        let builder = builder.with_roots(authority.pem()).with_timeout(Duration::from_secs(2));
        let store = builder.connect().await.unwrap();
        store.insecure_initialise_trusting_all_tokens().await.unwrap();
        deny(&store, "1").await.unwrap();
        server.freeze().unwrap();
        // the second is on a new connection, which gets no further than the handshake
        for _ in 0..2 {
            let outage = verdict(&store, "1").await;
            assert!(matches!(&outage, Verdict::Unavailable(_)), "{outage:?}");
        }
        server.thaw().unwrap();
        eventually("it answers again", async || verdict(&store, "1").await.is_denied()).await;
    })
}
