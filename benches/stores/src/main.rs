//! What the stores of a fleet cost: `cargo run --release -p portcullis-bench-stores -- --store redis`.
//!
//! One line for each figure. The server is started for it, in a temporary folder, and keeps what it acknowledges on the disk. All
//! replicas are in this process, so with many of them they share its processors; a snapshot is read by a process of its own.
#![expect(clippy::print_stdout, reason = "a command-line tool talks by printing")]

mod measure;
mod rig;
mod snapshot;

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
    /// What to measure: everything that the store has, unless set.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Figure>,
    /// Read the snapshot of the store at this address. What measures snapshots starts itself like this.
    #[arg(long, hide = true)]
    snapshot_of: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Redis,
    Postgres,
    Sqlite,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Figure {
    /// Revocations a second.
    Writes,
    /// From the acknowledgement to the copies.
    Lag,
    /// What copies ask of a server while nothing is written.
    Rest,
    /// From the end of an outage of a server to the next answer.
    Outage,
    /// A new copy of everything: its time and memory.
    Snapshot,
}

impl Figure {
    /// Those of a store. A file has no connections to be cut, and nobody to be asked.
    fn of(kind: Kind) -> &'static [Figure] {
        match kind {
            Kind::Sqlite => &[Self::Writes, Self::Lag, Self::Snapshot],
            _ => &[Self::Writes, Self::Lag, Self::Rest, Self::Outage, Self::Snapshot],
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { store, entries, seconds, mut only, snapshot_of } = Arguments::parse();
    if let Some(address) = snapshot_of {
        return match store {
            Kind::Redis => snapshot::read(rig::open_redis(&address).await?, entries).await,
            Kind::Postgres => snapshot::read(rig::open_postgres(&address).await?, entries).await,
            Kind::Sqlite => snapshot::read(rig::open_sqlite(&address)?, entries).await,
        };
    }
    if only.is_empty() {
        only = Figure::of(store).to_vec();
    }
    if let Some(figure) = only.iter().find(|figure| !Figure::of(store).contains(figure)) {
        anyhow::bail!("{store:?} has no figure for {figure:?}: it has no server");
    }
    match store {
        Kind::Redis => measure::all(&rig::Redis::start().await?, &only, entries, seconds).await,
        Kind::Postgres => {
            measure::all(&rig::Postgres::start().await?, &only, entries, seconds).await
        }
        Kind::Sqlite => measure::all(&rig::Sqlite::start()?, &only, entries, seconds).await,
    }
}
