//! The `portcullis` command: keys and tokens at hand, why a token is refused, what is wrong with an
//! issuer, and a gate for what stands behind a proxy.
//!
//! Each command is a module: its arguments, and `run`. What they share: `exit` (the codes), `input`
//! (tokens and files), `keyfile` (keys of every form), `output` (what is shown, and files for secrets).
#![forbid(unsafe_code)]

mod doctor;
mod exit;
mod explain;
mod gate;
mod input;
mod inspect;
mod jwks;
mod keyfile;
mod keygen;
mod mint;
mod output;
mod span;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::exit::{Failure, Outcome};

/// Make keys, mint and explain tokens, judge issuers, guard what stands behind a proxy.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = exit::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Keygen(keygen::Args),
    Jwks(jwks::Args),
    Mint(mint::Args),
    Inspect(inspect::Args),
    Explain(explain::Args),
    Doctor(doctor::Args),
    Gate(gate::Args),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::misread(&error),
    };
    let usual = match cli.command {
        Command::Gate(_) => LevelFilter::INFO,
        // what would be logged is among the findings
        Command::Doctor(_) => LevelFilter::ERROR,
        _ => LevelFilter::WARN,
    };
    let filter = EnvFilter::builder().with_default_directive(usual.into()).from_env();
    let filter = match filter {
        Ok(filter) => filter,
        Err(error) => return exit::end(Err(Failure::usage(format_args!("RUST_LOG: {error}")))),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    exit::end(run(cli))
}

fn run(cli: Cli) -> Outcome {
    match cli.command {
        Command::Keygen(args) => keygen::run(&args),
        Command::Jwks(args) => jwks::run(&args),
        Command::Mint(args) => mint::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Gate(args) => gate::run(&args),
    }
}

/// What runs the commands that wait for somebody.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
