//! `cargo xtask lint`: every check that is not a test.

mod build;
mod conformance;
mod deny;
mod faults;
mod invariants;
mod lints;
mod msrv;
mod package;
mod sizes;
mod statics;
mod texts;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// One thing that is checked.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    run: fn() -> Result<()>,
}

/// Every check, the quick ones first.
pub(crate) const ALL: &[Check] = &[
    Check { name: "fmt", about: "the source is formatted", run: build::fmt },
    Check {
        name: "texts",
        about: "no file names a machine or a registry's hosts",
        run: texts::run,
    },
    Check { name: "invariants", about: "who may depend on whom", run: invariants::run },
    Check { name: "lints", about: "every crate forbids unsafe code", run: lints::run },
    Check { name: "statics", about: "no process-global state", run: statics::run },
    Check {
        name: "sizes",
        about: "docs/dependencies.md has every dependency and every size",
        run: sizes::run,
    },
    Check {
        name: "conformance",
        about: "every rule of docs/conformance.md names tests that exist",
        run: conformance::run,
    },
    Check {
        name: "faults",
        about: "every row of docs/remote-keys.md names tests that exist",
        run: faults::run,
    },
    Check { name: "msrv", about: "the minimum Rust version holds", run: msrv::run },
    Check { name: "deny", about: "licences, banned crates and sources", run: deny::run },
    Check { name: "clippy", about: "no warning in any target", run: build::clippy },
    Check { name: "doc", about: "the documentation builds without a warning", run: build::doc },
    Check {
        name: "features",
        about: "each feature of each crate compiles alone",
        run: build::features,
    },
    Check { name: "bench", about: "every case of the benches runs once", run: build::bench },
    Check { name: "package", about: "each crate can be published", run: package::run },
    Check { name: "abuse", about: "each case of hostile input runs", run: build::abuse },
    Check {
        name: "soak",
        about: "a minute under load and faults, every answer explained",
        run: crate::soak::minute,
    },
];

/// Runs the named checks, or all of them, to the end even if one fails.
pub(crate) fn run(names: &[String]) -> Result<()> {
    if let Some(name) = names.iter().find(|&name| !ALL.iter().any(|check| check.name == name)) {
        bail!("there is no check `{name}`");
    }
    let chosen =
        ALL.iter().filter(|check| names.is_empty() || names.iter().any(|name| name == check.name));
    let mut results = Vec::new();
    for check in chosen {
        println!("\n== {}: {}", check.name, check.about);
        let start = Instant::now();
        let result = (check.run)();
        if let Err(error) = &result {
            println!("error: {error:#}");
        }
        results.push((check.name, result.is_ok(), start.elapsed()));
    }
    print!("\n{}", report(&results));
    let failed: Vec<_> = results.iter().filter(|(_, ok, _)| !ok).map(|(name, ..)| *name).collect();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn report(results: &[(&str, bool, Duration)]) -> String {
    let mut text = "== checks\n".to_owned();
    for (name, ok, time) in results {
        text += &format!(
            "{name:<11} {:<6} {:>6.1} s\n",
            if *ok { "ok" } else { "FAILED" },
            time.as_secs_f64()
        );
    }
    text
}

/// Fails with all findings, one a line.
fn verdict(findings: &[String]) -> Result<()> {
    if !findings.is_empty() {
        bail!("{} finding(s)\n  {}", findings.len(), findings.join("\n  "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_says_which_check_failed() {
        let text =
            report(&[("fmt", true, Duration::from_millis(1500)), ("doc", false, Duration::ZERO)]);
        assert!(
            text.contains("fmt         ok        1.5 s") && text.contains("doc         FAILED"),
            "{text}"
        );
    }

    #[test]
    fn a_finding_is_a_failure() {
        assert!(verdict(&[]).is_ok());
        assert!(verdict(&["here".into()]).unwrap_err().to_string().contains("here"));
    }
}
