//! Clients that prove who they are by a signature: no shared secret, a key of their own, and a token for an hour.
//!
//! Where to look: `server.rs` is the token endpoint and the API behind it, `client.rs` what a client does: make a key, sign an
//! assertion. `cli.rs` and `banner.rs` are the program around.

mod banner;
mod cli;
mod client;
mod server;

use std::io::{self, IsTerminal as _, Write as _};

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    let printed = match cli.command {
        None => return server::serve(&cli.serve).await,
        Some(Command::Keygen(options)) => client::keygen(&options)?,
        Some(Command::Sign(options)) => client::sign(&options)?,
    };
    writeln!(io::stdout(), "{printed}")?;
    Ok(())
}
