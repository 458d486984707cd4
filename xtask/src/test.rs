//! `cargo xtask test`: unit and integration tests, then documentation tests, then the totals of both.

use std::ffi::OsStr;
use std::process::ExitStatus;

use anyhow::{Result, bail};

use crate::command::{cargo, succeeds, tee};
use crate::totals::{Runner, Totals};
use crate::{playwright, tools};

/// The heading of the last part of the output, which `.ci/run` repeats at its end.
const HEADING: &str = "== test totals";

/// Runs the tests; `args` go to the runner.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let mut variables = tools::provide(tools::TOOLS)?;
    if let Some((_, npm)) = variables.iter().find(|(variable, _)| *variable == "PORTCULLIS_NPM") {
        variables.push((playwright::VARIABLE, playwright::provide(npm)?));
    }

    let runner = if succeeds(&mut cargo(["nextest", "--version"])) {
        Runner::Nextest
    } else {
        println!(
            "cargo-nextest is not installed: `cargo test` runs the tests instead, only more slowly"
        );
        Runner::Libtest
    };
    let (status, output) = tee(command(runner, args).envs(variables.clone()))?;
    let mut totals = Totals::read(runner, &output);
    let mut failures = failure("the unit and integration tests", status);

    if for_doctests(args) {
        // One invocation, so that a filter that fits no documentation test is not an error.
        let (status, output) =
            tee(cargo(["test", "--workspace", "--all-features", "--doc", "--no-fail-fast", "--"])
                .args(args)
                .envs(variables))?;
        totals.add(Totals::read(Runner::Libtest, &output));
        failures.extend(failure("the documentation tests", status));
    } else {
        println!("the documentation tests were left out: the options are for the other runner");
    }

    // Where a name or an option picks tests, the others are meant to be left out.
    let strict = is_ci(std::env::var_os("CI").as_deref()) && args.is_empty();
    failures.extend(judge(&totals, strict));

    println!("\n{HEADING}");
    for line in &totals.lines {
        println!("{line}");
    }
    println!("{}", totals.summary());
    if !failures.is_empty() {
        bail!(failures.join("; "));
    }
    Ok(())
}

fn command(runner: Runner, args: &[String]) -> std::process::Command {
    // All features, so that what is behind one is tested too; every feature is additive.
    let common = ["--workspace", "--all-features", "--no-fail-fast"];
    if runner == Runner::Nextest {
        // An empty run is judged from the totals of both runners.
        let mut command = cargo(["nextest", "run"]);
        command.args(common).arg("--no-tests=pass").args(args);
        command
    } else {
        let mut command = cargo(["test"]);
        command.args(common).args(["--lib", "--bins", "--tests", "--examples", "--"]).args(args);
        command
    }
}

/// Names of tests mean the same to every runner; options do not.
fn for_doctests(args: &[String]) -> bool {
    !args.iter().any(|arg| arg.starts_with('-'))
}

fn is_ci(variable: Option<&OsStr>) -> bool {
    variable.is_some_and(|value| value == "true" || value == "1")
}

fn failure(what: &str, status: ExitStatus) -> Vec<String> {
    if status.success() { Vec::new() } else { vec![format!("{what} failed ({status})")] }
}

/// What is wrong with a run that the runners themselves were content with.
fn judge(totals: &Totals, strict: bool) -> Vec<String> {
    let mut failures = Vec::new();
    if totals.passed + totals.failed == 0 {
        failures.push("no test was run".to_owned());
    }
    if strict && totals.skipped > 0 {
        failures.push(format!("{} tests were ignored, which CI does not allow", totals.skipped));
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(args: &[&str]) -> Vec<String> {
        args.iter().map(|&arg| arg.to_owned()).collect()
    }

    fn totals(passed: u64, skipped: u64) -> Totals {
        Totals { passed, skipped, ..Totals::default() }
    }

    #[test]
    fn a_run_of_no_test_is_a_failure() {
        assert_eq!(judge(&totals(0, 0), false), ["no test was run"]);
        assert!(judge(&totals(1, 0), true).is_empty());
    }

    #[test]
    fn an_ignored_test_is_a_failure_in_ci_only() {
        assert_eq!(judge(&totals(5, 1), true).len(), 1);
        assert!(judge(&totals(5, 1), false).is_empty());
        assert!(is_ci(Some(OsStr::new("true"))));
        assert!(!is_ci(Some(OsStr::new("false"))) && !is_ci(None));
    }

    #[test]
    fn filters_reach_both_runners_and_options_only_the_first() {
        assert!(for_doctests(&[]) && for_doctests(&strings(&["cache"])));
        assert!(!for_doctests(&strings(&["-E", "test(cache)"])));
        for runner in [Runner::Nextest, Runner::Libtest] {
            let command = super::command(runner, &strings(&["cache"]));
            assert_eq!(command.get_args().last(), Some(OsStr::new("cache")));
        }
    }
}
