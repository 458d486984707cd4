//! Connections with TLS.

use std::process::Command;

use portcullis_core::StoreErrorKind;
use portcullis_redis::RedisStore;
use portcullis_support::{Outcome, Program, RedisServer, Trial, free_port, needs};

use crate::common::{chain, deny, on_tokio, verdict};

/// What makes the certificates.
const OPENSSL: Program = Program { name: "openssl", variable: "PORTCULLIS_OPENSSL" };

pub(crate) fn trial() -> Trial {
    needs(&[Program::REDIS, OPENSSL], "tls::the_server_has_to_prove_who_it_is", proven)
}

fn proven() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    for name in ["right", "wrong"] {
        let made = Command::new(OPENSSL.path())
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
            ])
            .args([
                "-subj",
                "/CN=localhost",
                "-days",
                "2",
                "-addext",
                "subjectAltName=DNS:localhost",
            ])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", &path(&format!("{name}.key")), "-out", &path(&format!("{name}.pem"))])
            .output()?;
        assert!(made.status.success(), "{made:?}");
    }
    let port = free_port()?;
    let settings = [
        format!("tls-port {port}"),
        format!("tls-cert-file {}", path("right.pem")),
        format!("tls-key-file {}", path("right.key")),
        "tls-auth-clients no".to_owned(),
    ];
    let _server = RedisServer::start(&settings.each_ref().map(String::as_str))?;
    let pem = |name: &str| std::fs::read(path(name)).unwrap();
    on_tokio(async {
        let url = format!("rediss://localhost:{port}");
        let store = RedisStore::builder(&url).with_roots(pem("right.pem")).connect().await.unwrap();
        store.insecure_initialise_trusting_all_tokens().await.unwrap();
        deny(&store, "1").await.unwrap();
        assert!(verdict(&store, "1").await.is_denied());

        // another authority, another name, and those of the operating system
        let other_name = format!("rediss://127.0.0.1:{port}");
        for builder in [
            RedisStore::builder(&url).with_roots(pem("wrong.pem")),
            RedisStore::builder(other_name).with_roots(pem("right.pem")),
            RedisStore::builder(&url),
        ] {
            let error = builder.connect().await.unwrap_err();
            let kinds = [StoreErrorKind::Unavailable, StoreErrorKind::Invalid];
            assert!(kinds.contains(&error.kind()), "{}", chain(&error));
        }
        let error = RedisStore::builder(&url).with_roots("no PEM").connect().await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Invalid);
    })
}
