//! The store on real servers: the suites, and everything that can happen to a server.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod common;
mod durable;
mod faults;
mod refusals;
mod suite;
#[cfg(feature = "tls")]
mod tls;

use portcullis_support::{Outcome, Program, Trial, needs, run};

fn main() {
    let mut trials: Vec<Trial> = Vec::new();
    let mut add = |name: &str, test: fn() -> Outcome| {
        trials.push(needs(&[Program::POSTGRES], name, test));
    };
    portcullis_support::stores::add::<common::Postgres>(&mut add);
    suite::add(&mut add);
    durable::add(&mut add);
    faults::add(&mut add);
    refusals::add(&mut add);
    #[cfg(feature = "tls")]
    tls::add(&mut add);
    run(trials)
}
