//! `cargo xtask staleness`: N processes that verify and one that revokes share a store, which is harmed meanwhile.
//! Afterwards comes the verdict: how long a token worked after its revocation was acknowledged, on one clock that no
//! process can set, and whether that was ever longer than was promised.
#![expect(clippy::print_stdout, reason = "a command-line tool talks by printing")]

mod args;
mod children;
mod clock;
mod history;
mod judge;
mod revoker;
mod rig;
mod run;
mod verifier;

use std::process::ExitCode;

use anyhow::Result;

use crate::args::{Args, Role};

fn main() -> Result<ExitCode> {
    let args = Args::parse(std::env::args().skip(1))?;
    match args.role {
        Role::Verifier => verifier::run(&args).map(|()| ExitCode::SUCCESS),
        Role::Revoker => revoker::run(&args).map(|()| ExitCode::SUCCESS),
        Role::Run => run::run(&args),
    }
}
