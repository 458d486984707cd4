//! Serving: the page, the forger's page on another port, and an orderly end.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::{self, App};
use crate::forger;

/// Serves until Ctrl-C.
pub(crate) async fn serve(listen: SocketAddr, lifetime: Duration) -> anyhow::Result<()> {
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
    let port = listener.local_addr()?.port();
    let elsewhere = TcpListener::bind((listen.ip(), 0)).await?;
    let forgers = elsewhere.local_addr()?;

    let (stop, stopping) = watch::channel(false);
    let app = App::new(lifetime, forgers, stopping.clone())?;
    let service = app::router(app)?.into_make_service_with_connect_info::<SocketAddr>();
    let forger = forger::router(&format!("http://localhost:{port}/api/payments"));

    print(port, lifetime);
    let stopped = |mut stopping: watch::Receiver<bool>| async move {
        // an error means that there is nobody left to say so
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    let page = axum::serve(listener, service).with_graceful_shutdown(stopped(stopping.clone()));
    let forger = axum::serve(elsewhere, forger).with_graceful_shutdown(stopped(stopping));
    let signal = async {
        let result = tokio::signal::ctrl_c().await;
        stop.send_replace(true);
        result
    };
    tokio::try_join!(page, forger, signal)?;
    Ok(())
}

/// What a first-time visitor reads. Whether anybody reads it does not matter to the service.
fn print(port: u16, lifetime: Duration) {
    let text = format!(
        "Open http://localhost:{port} in a browser.

  1. Sign in as bob or alice. The page shows what the browser keeps, what script can read of it (nothing), and what
     anybody can read in a token.
  2. Watch the ring: a token lives {seconds} seconds here, and is renewed without you.
  3. As alice, pay. Then let somebody else's pages try it: 401 from another site, 403 from a neighbour on this host.
  4. Sign in with a second browser (a private window), and sign out everywhere in the first: the other is out too.

Press Ctrl-C to stop.
",
        seconds = lifetime.as_secs()
    );
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        tracing::warn!(%error, "nobody reads the banner");
    }
}
