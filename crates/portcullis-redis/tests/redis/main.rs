//! The store on real servers: the suites, and everything that can happen to a server.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod cluster;
mod common;
mod durable;
mod faults;
mod log;
mod refusals;
mod suite;
#[cfg(feature = "tls")]
mod tls;

use portcullis_support::{Outcome, Program, Trial, needs, run};

fn main() {
    let mut trials: Vec<Trial> = Vec::new();
    let mut add = |name: &str, test: fn() -> Outcome| {
        trials.push(needs(&[Program::REDIS], name, test));
    };
    portcullis_support::stores::add::<common::Redis>(&mut add);
    suite::add(&mut add);
    durable::add(&mut add);
    faults::add(&mut add);
    log::add(&mut add);
    refusals::add(&mut add);
    cluster::add(&mut add);
    #[cfg(feature = "tls")]
    tls::add(&mut add);
    run(trials)
}
