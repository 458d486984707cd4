//! What verification costs, and what it is compared with. `docs/performance.md` explains the figures.
//!
//! A case is a line of the table. To add some, write a module in `cases` and name it in `cases::all`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks by printing")]

mod case;
mod cases;
mod drive;
mod report;
mod runner;
mod watch;
mod world;

use std::process::ExitCode;

use anyhow::Result;

pub use case::Counted;

use crate::case::{Case, Counter, Setup};
use crate::world::World;

/// What the command line asks for.
#[derive(Debug, Default)]
struct Options {
    /// Every case once, without judging time.
    once: bool,
    /// Leave out other people's layers, which have to be built first.
    no_peers: bool,
    /// Only cases whose name contains one of these, or is one of them behind an equals sign.
    filters: Vec<String>,
}

impl Options {
    fn read(args: impl Iterator<Item = String>) -> Self {
        let mut options = Self::default();
        for arg in args {
            match arg.as_str() {
                "--once" => options.once = true,
                "--no-peers" => options.no_peers = true,
                // cargo says that this is a benchmark
                "--bench" => {}
                filter => options.filters.push(filter.to_owned()),
            }
        }
        options
    }

    /// The cases that are asked for.
    fn cases(&self) -> Vec<Case> {
        let mut cases = cases::all();
        cases.retain(|case| {
            (self.filters.is_empty()
                || self.filters.iter().any(|filter| is_meant(&case.name, filter)))
                && !(self.no_peers && case.name.contains("peer/"))
        });
        cases
    }
}

fn is_meant(case: &str, filter: &str) -> bool {
    filter.strip_prefix('=').map_or_else(|| case.contains(filter), |name| case == name)
}

/// Runs the benchmarks. `counting` is the path of the binary that counts allocations.
pub fn main(counting: &str) -> ExitCode {
    let mut args = std::env::args().skip(1).peekable();
    let done = match args.peek().map(String::as_str) {
        // the benchmark plays its own servers and clients, each in a process of its own
        Some("play") => cases::play(&args.skip(1).collect::<Vec<_>>()),
        _ => measure(&Options::read(args), counting),
    };
    exit(done)
}

/// Counts what the cases allocate, for the benchmark that started this process.
pub fn count(counter: fn(&mut dyn FnMut()) -> Counted) -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    exit(match args.as_slice() {
        [fill, count] if fill == "fill" => {
            count.parse().map(|count| cases::revocations::fill(count, counter)).map_err(Into::into)
        }
        _ => print_counts(&Options::read(args.into_iter()), counter),
    })
}

fn measure(options: &Options, counting: &str) -> Result<()> {
    let world = World::new(options.once, Some(counting.to_owned()));
    let results = runner::run(&options.cases(), &world, options)?;
    report::print(&results);
    let path = report::write(&results)?;
    println!("\n{}", path.display());
    Ok(())
}

fn print_counts(options: &Options, counter: Counter) -> Result<()> {
    let world = World::new(options.once, None);
    let cases = options.cases();
    // other processes are not counted here, and what is measured at once is not counted by operations
    let left_out = ["e2e/", "peer/", "threads/", "memory/"];
    for case in cases.iter().filter(|case| !left_out.iter().any(|out| case.name.contains(out))) {
        match (case.make)(&world)? {
            Setup::Repeated(mut contestant) => {
                if let Some(allocations) = contestant.allocations(counter) {
                    println!("{}\t{allocations}", case.name);
                }
            }
            Setup::Fixed(_) => {}
        }
    }
    Ok(())
}

fn exit(done: Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
