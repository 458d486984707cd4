//! Services that call services. Orders mints a token for Billing and for nobody else; Billing trusts Orders by the keys that
//! Orders publishes, and Google service accounts by theirs.
//!
//! Where to look: `billing.rs` is whom a service trusts, and for what; `orders.rs` a service that mints tokens, publishes
//! its keys and calls another; `google.rs` what a service account does that signs for itself. `certificates.rs` and `tls.rs`
//! are TLS with an authority of our own, `cli.rs`, `serve.rs` and `banner.rs` the program around.

mod banner;
mod billing;
mod certificates;
mod cli;
mod google;
mod orders;
mod problem;
mod serve;
mod tls;

use std::io::{self, IsTerminal as _};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = cli::Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    serve::run(cli).await
}
