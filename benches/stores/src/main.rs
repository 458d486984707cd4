//! What the stores of a fleet cost: `cargo run --release -p portcullis-bench-stores -- --store redis`.
//!
//! One line for each figure. The server is started for it, in a temporary folder, and keeps what it acknowledges on the disk. All
//! replicas are in this process, so with many of them they share its processors.
#![expect(clippy::print_stdout, reason = "a command-line tool talks by printing")]

mod measure;
mod rig;

use clap::{Parser, ValueEnum};

/// What a store costs.
#[derive(Parser)]
struct Arguments {
    /// Which store.
    #[arg(long, value_enum, default_value_t = Kind::Redis)]
    store: Kind,
    /// How many entries a snapshot has.
    #[arg(long, default_value_t = 1_000_000)]
    entries: usize,
    /// For how long writes and rest are measured, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Redis,
    Postgres,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { store, entries, seconds } = Arguments::parse();
    match store {
        Kind::Redis => measure::all(&rig::Redis::start(entries).await?, entries, seconds).await,
        Kind::Postgres => {
            measure::all(&rig::Postgres::start(entries).await?, entries, seconds).await
        }
    }
}
