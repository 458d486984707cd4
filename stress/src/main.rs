//! `cargo bench -p portcullis-stress`: what hostile input costs to refuse, in one table and in
//! `target/bench/abuse.tsv`.
//!
//! ```console
//! $ cargo bench -p portcullis-stress                              # everything
//! $ cargo bench -p portcullis-stress -- verify                    # the cases whose name has this
//! $ cargo bench -p portcullis-stress -- memory --tokens 10000000  # more of what is counted in tokens
//! $ cargo bench -p portcullis-stress -- --once                    # each once, to see that it runs
//! ```
#![expect(clippy::print_stdout, reason = "a command-line tool talks by printing")]
#![allow(missing_docs, reason = "the crate is a program")]

mod abuse;
mod case;
mod fixture;
mod memory;
mod receive;
mod resident;
mod runner;
mod summary;
mod thread_time;

use anyhow::{Context, Result, bail};

use case::Case;

/// What was asked for.
#[derive(Debug, PartialEq)]
struct Args {
    /// Cases whose name has one of these; all if there are none.
    wanted: Vec<String>,
    once: bool,
    tokens: u64,
}

impl Args {
    fn read(args: impl Iterator<Item = String>) -> Result<Self> {
        let mut this = Self { wanted: Vec::new(), once: false, tokens: 200_000 };
        let mut args = args;
        while let Some(arg) = args.next() {
            match arg.as_str() {
                // cargo adds this one
                "--bench" => {}
                "--once" => this.once = true,
                "--tokens" => {
                    let count = args.next().context("--tokens needs a number")?;
                    this.tokens = count.parse().context("--tokens needs a number")?;
                }
                option if option.starts_with('-') => bail!("there is no option {option}"),
                wanted => this.wanted.push(wanted.to_owned()),
            }
        }
        if this.once {
            this.tokens = 200;
        }
        Ok(this)
    }

    fn wants(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|wanted| name.contains(wanted.as_str()))
    }
}

/// Every case that is measured in time.
fn cases() -> Vec<Case> {
    abuse::cases()
}

fn main() -> Result<()> {
    let args = Args::read(std::env::args().skip(1))?;
    let cases: Vec<_> = cases();
    // a case that another one's ratio is to is needed as well
    let needed: Vec<_> = cases
        .iter()
        .filter(|case| args.wants(&case.name))
        .flat_map(|case| [Some(case.name.clone()), case.against.clone()])
        .flatten()
        .collect();
    let cases: Vec<_> = cases.into_iter().filter(|case| needed.contains(&case.name)).collect();
    if !cases.is_empty() {
        let outcomes = if args.once { runner::run_once(cases) } else { runner::measure(cases) };
        print!("{}", summary::table(&outcomes));
        println!("\nwritten to {}", summary::write(&outcomes)?.display());
        abuse::report(&outcomes);
    }
    for flow in memory::FLOWS.iter().filter(|flow| args.wants(flow.name)) {
        memory::run(flow, args.tokens);
    }
    Ok(())
}
