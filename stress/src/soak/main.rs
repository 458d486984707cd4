//! The soak: a real server under load, while tokens are minted and revoked, keys rotate, and the store
//! fails in every way that can be arranged. A model knows what may be answered; an answer that it does not
//! explain makes the run fail. `cargo xtask soak`, and docs/soak.md.
#![expect(clippy::print_stdout, reason = "a command-line tool talks by printing")]
#![allow(missing_docs, reason = "the crate is a program")]

mod actors;
mod client;
mod faults;
mod log;
mod model;
mod random;
#[path = "../resident.rs"]
mod resident;
mod server;
mod stats;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use portcullis::Algorithm;
use portcullis_issuer::{SigningKey, SigningKeys, TokenIssuer};
use portcullis_sqlite::SqliteStore;
use tokio::task::JoinSet;

use client::World;
use log::LastLine;
use server::{AUDIENCE, Flaky, ISSUER};
use stats::{Counts, Stats};

/// How many clients ask at a time.
const CLIENTS: u64 = 8;
/// How long a token lives; clients keep using it for a while after.
const LIFETIME: Duration = Duration::from_secs(5);
/// How long a key that was rotated out verifies.
const OVERLAP: Duration = Duration::from_secs(8);

fn main() -> Result<()> {
    let duration = duration(std::env::args().skip(1))?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (counts, memory) = runtime.block_on(soak(duration))?;
    runtime.shutdown_background();
    report(&counts, &memory, duration)
}

/// `--minutes N`, of which N may be a fraction.
fn duration(mut args: impl Iterator<Item = String>) -> Result<Duration> {
    let mut minutes = 30.0;
    while let Some(arg) = args.next() {
        if arg != "--minutes" {
            bail!("there is no option {arg}; --minutes N is one");
        }
        minutes = args.next().and_then(|n| n.parse().ok()).context("--minutes needs a number")?;
    }
    Duration::try_from_secs_f64(minutes * 60.0).context("--minutes needs a number")
}

/// Runs everybody for that long; gives the counts, and resident memory in KiB at each twentieth.
async fn soak(duration: Duration) -> Result<(Counts, Vec<u64>)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("revocations.db");
    let store = SqliteStore::builder(&path)
        .with_busy_timeout(Duration::from_millis(200))
        .waive_initial_cutoff()
        .open()?;
    let flaky = Flaky::new(store.clone());
    let keys = SigningKeys::builder()
        .overlap(OVERLAP)
        .key(SigningKey::generate(Algorithm::ES256)?)
        .build()?;
    let issuer = TokenIssuer::builder(ISSUER, keys.clone())
        .audience(AUDIENCE)
        .plain_jwt()
        .lifetime(LIFETIME)
        .build()?;
    let address = server::start(keys.verification_keys(), flaky.clone()).await?;
    let world = World {
        address,
        model: Arc::default(),
        pool: Arc::default(),
        stats: Arc::new(Stats::new(LastLine::listen())),
    };

    let mut tasks = JoinSet::new();
    tasks.spawn(actors::mint(issuer, Arc::clone(&world.pool)));
    tasks.spawn(actors::revoke(Arc::clone(&world.model), Arc::clone(&world.pool), store));
    tasks.spawn(actors::rotate(Arc::clone(&world.model), keys));
    tasks.spawn(faults::inject(Arc::clone(&world.model), flaky, path));
    for number in 0..CLIENTS {
        tasks.spawn(client::run(world.clone(), number));
    }

    let end = Instant::now() + duration;
    let mut memory = Vec::new();
    while Instant::now() < end {
        tokio::select! {
            // memory is looked at twenty times
            () = tokio::time::sleep(duration / 20) => memory.extend(resident::resident_kib()),
            Some(ended) = tasks.join_next() => {
                ended??;
                bail!("an actor gave up");
            }
        }
    }
    tasks.shutdown().await;
    Ok((world.stats.counts(), memory))
}

fn report(counts: &Counts, memory: &[u64], duration: Duration) -> Result<()> {
    let total = counts.answered("");
    let per_second = total as f64 / duration.as_secs_f64();
    println!(
        "{total} requests in {:.1} minutes, {per_second:.0} a second",
        duration.as_secs_f64() / 60.0
    );
    for ((action, answer), count) in &counts.answers {
        println!("  {action:<8} {answer:<28} {count:>10}");
    }
    for (name, times) in [("while all was well", &counts.calm), ("during faults", &counts.faulty)] {
        println!(
            "{name}: p50 {:.2?}, p99 {:.2?}, worst {:.2?}",
            times.quantile(0.50),
            times.quantile(0.99),
            times.worst()
        );
    }
    if let (Some(&first), Some(&last)) = (memory.get(memory.len() / 4), memory.last()) {
        println!(
            "resident memory: {:.1} MiB after a quarter, {:.1} MiB at the end, drift {:+.1} MiB",
            first as f64 / 1024.0,
            last as f64 / 1024.0,
            (last as f64 - first as f64) / 1024.0
        );
        let all: Vec<_> = memory.iter().map(|kib| format!("{:.1}", *kib as f64 / 1024.0)).collect();
        println!("  at each twentieth: {}", all.join(" "));
    }
    println!("unexplained: {}", counts.unexplained_count);
    for what in &counts.unexplained {
        println!("  {what}");
    }
    if counts.unexplained_count > 0 {
        bail!("{} answers are not explained", counts.unexplained_count);
    }
    // a soak that provoked nothing shows nothing
    for (answer, seconds) in [
        ("200", 0),
        ("401 revoked", 5),
        ("401 expired", 10),
        ("401 unknown-key", 30),
        ("503 revocation-unavailable", 30),
    ] {
        if duration.as_secs() >= seconds && counts.answered(answer) == 0 {
            bail!("nothing was answered {answer}");
        }
    }
    Ok(())
}
