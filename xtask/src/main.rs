//! The project's own commands: `cargo xtask test` runs every test, `cargo xtask lint` every other check, `cargo xtask
//! soak` a server under load, `cargo xtask staleness` a fleet that shares a store.
//!
//! They work from a plain Rust installation, print each command they run, and exit non-zero if anything failed.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks by printing"
)]

mod apt;
mod checks;
mod command;
mod graph;
mod playwright;
mod soak;
mod staleness;
mod test;
mod tools;
mod totals;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask <command>

  test [-- ARGS]   unit, integration and documentation tests; ARGS go to the test runner
  soak [--minutes N]
                   a server under load with rotation, revocation and faults, for 30 minutes unless said otherwise
  staleness [--store STORE] [--verifiers N] [--seconds S] [--bound-ms B]
                   how long a revoked token works on several processes while their store is harmed
  lint [CHECK..]   all the other checks, or only those named:";

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut args: Vec<String>) -> Result<()> {
    if args.is_empty() || ["help", "--help", "-h"].contains(&args[0].as_str()) {
        println!("{}", usage());
        return Ok(());
    }
    let command = args.remove(0);
    match command.as_str() {
        "test" => {
            if args.first().is_some_and(|arg| arg == "--") {
                args.remove(0);
            }
            test::run(&args)
        }
        "soak" => soak::run(&args),
        "staleness" => staleness::run(&args),
        "lint" => checks::run(&args),
        other => bail!("there is no command `{other}`\n{}", usage()),
    }
}

fn usage() -> String {
    let mut text = USAGE.to_owned();
    for check in checks::ALL {
        text.push_str(&format!("\n      {:<11} {}", check.name, check.about));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_command_is_an_error_that_lists_the_known_ones() {
        let error = run(vec!["tset".into()]).unwrap_err().to_string();
        assert!(
            error.contains("tset") && error.contains("test [-- ARGS]") && error.contains("clippy"),
            "{error}"
        );
    }

    #[test]
    fn an_unknown_check_is_an_error() {
        let error = run(vec!["lint".into(), "clipy".into()]).unwrap_err().to_string();
        assert!(error.contains("clipy"), "{error}");
    }
}
