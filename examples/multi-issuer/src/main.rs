//! An API that trusts three issuers at once: Auth0, Entra ID and Cognito, each by its own rules.
//!
//! `issuers.rs` is what each of them is trusted for, `api.rs` what the API does with a caller,
//! `stand_ins.rs` the local issuers of the same shapes that are used where no real one is configured,
//! `banner.rs` what to try.

mod api;
mod banner;
mod issuers;
mod stand_ins;

use std::io::{self, IsTerminal, Write as _};

use anyhow::Context as _;
use portcullis_axum::{AccessClaims, JwtLayer, Verifier};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();

    let tenants = issuers::Tenants::from_env()?;
    let (tenants, stand_ins) = match tenants {
        Some(tenants) => (tenants, None),
        None => {
            let stand_ins = stand_ins::start().await?;
            (stand_ins.tenants(), Some(stand_ins))
        }
    };
    let builder = issuers::all(&tenants)?.into_iter().fold(Verifier::builder(), |b, i| b.trust(i));
    let app = api::router(JwtLayer::new(builder.build::<AccessClaims>()?));

    let listen = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&listen)
        .await
        .with_context(|| format!("LISTEN: listening on {listen}"))?;
    let banner = banner::text(listener.local_addr()?, &tenants, stand_ins.as_ref());
    // whether anybody reads it does not matter to the service
    let _ = io::stdout().write_all(banner.as_bytes());
    let stop = async {
        // an error means that no signal can be caught; then only the system can stop it
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}
