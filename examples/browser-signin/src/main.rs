//! Signing in with a browser: the token is in a cookie that no script can read, is renewed unseen, and ends with a click.
//!
//! Where to look: `auth.rs` is what the layer checks, `sessions.rs` signing in, renewing and signing out, `account.rs` what
//! is worth protecting. `activity.rs`, `page.rs` and `forger.rs` are there to be looked at.

mod account;
mod activity;
mod app;
mod auth;
mod forger;
mod limits;
mod page;
mod passwords;
mod problem;
mod serve;
mod sessions;

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use tracing_subscriber::EnvFilter;

/// Signing in with a browser: a token in a cookie that no script can read.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// Where to listen, on this machine. The cookies are for https or for localhost, so others could not sign in.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,

    /// How long a token lives before the page renews it. Short, to be watched.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(2..=3600))]
    lifetime: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    anyhow::ensure!(
        cli.listen.ip().is_loopback(),
        "{} can be reached by others: this example serves plain http, for this machine only",
        cli.listen
    );
    serve::serve(cli.listen, Duration::from_secs(cli.lifetime)).await
}
