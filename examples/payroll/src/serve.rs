//! Serving: from the options to a listening service, and to its orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::auth;
use crate::banner::Banner;
use crate::cli::Serve;
use crate::db::Db;
use crate::keys::KeyRing;
use crate::password::Passwords;
use crate::revocation::Revocations;
use crate::routes::{App, router};
use crate::slowdown::Slowdown;
use crate::users;

/// How long requests that are under way may take to finish after the signal to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until a signal says to stop.
pub(crate) async fn serve(options: &Serve) -> anyhow::Result<()> {
    let file = &options.database.file;
    let db = Db::open(file)?;
    let listener = TcpListener::bind(&options.listen)
        .await
        .with_context(|| format!("listening on {}", options.listen))?;
    let address = listener.local_addr()?;
    // Everybody knows their passwords, so they are for those who can reach this machine anyway.
    let demo_users = address.ip().to_canonical().is_loopback();
    if demo_users {
        users::add_demo_users(&db).await?;
    }
    let demo_names = db.demo_users().await?;
    let has_users = !db.has_no_users().await?;

    let rules = options.rules();
    let refused = if demo_users { Vec::new() } else { demo_names.clone() };
    let revocations = Revocations::open(file, rules)?;
    let keys = KeyRing::load(db.clone()).await?;
    let layer = auth::layer(keys.verification_keys(), revocations.rule(refused))?;
    let app = App {
        db: db.clone(),
        keys,
        revocations: Arc::new(revocations),
        passwords: Arc::new(Passwords::new()?),
        slowdown: Arc::new(Slowdown::new()),
        demo_users,
    };
    let service = router(app, layer).into_make_service_with_connect_info::<SocketAddr>();
    // answers are small: sending them at once is worth more than filling packets
    let listener = listener.tap_io(|stream| {
        // an error means that the client is gone, which reading will tell
        let _ = stream.set_nodelay(true);
    });

    // Before the banner, so that whoever has read it may stop the service.
    let mut signals = Signals::new()?;
    Banner { address, file, rules, demo_users, demo_names: &demo_names, has_users }.print();

    let (stop, stopped) = oneshot::channel::<()>();
    let drained = axum::serve(listener, service).with_graceful_shutdown(async {
        // an error means that the sender is gone, and so is the reason to go on
        let _ = stopped.await;
    });
    let stopping = async {
        signals.recv().await;
        tracing::info!("stopping: no new connections; requests under way may finish");
        drop(stop);
        tokio::select! {
            () = tokio::time::sleep(DRAIN) => tracing::warn!("giving up on the requests still under way"),
            () = signals.recv() => tracing::warn!("told twice to stop: not waiting any longer"),
        }
    };
    tokio::select! {
        result = drained => result?,
        () = stopping => {}
    }
    db.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// The signals that mean to stop.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The signals that mean to stop.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self)
    }

    async fn recv(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // cannot be told to stop, so does not
            std::future::pending::<()>().await;
        }
    }
}
