//! Payroll: an API that pays workers, as an example of a service behind Portcullis.
//!
//! Where to look: `auth.rs` is who may come in, `revocation.rs` how tokens stop working, `keys.rs`
//! the keys that sign them, `routes/` what each request needs and does. The rest is what any
//! service has: a command line, a database, passwords.

mod auth;
mod banner;
mod body;
mod cli;
mod db;
mod keys;
mod password;
mod problem;
mod revocation;
mod routes;
mod serve;
mod slowdown;
mod users;

use std::io::{self, IsTerminal as _};

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
    match cli.command {
        Some(Command::AddUser(options)) => users::add(options).await,
        None => serve::serve(&cli.serve).await,
    }
}
