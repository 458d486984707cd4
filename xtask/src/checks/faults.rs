//! `docs/remote-keys.md` and the tests of faults stay in step: every row names tests that exist, and every test of a
//! fault is named.

use std::path::Path;

use anyhow::{Context, Result};

use super::conformance::{Test, tests_in, walk};
use super::verdict;
use crate::command::root;

const PAGE: &str = "docs/remote-keys.md";

/// Where the tests are.
const TESTS: &str = "crates/portcullis-oidc/tests/it";

/// The files whose tests are about faults only, so that each of them has to be in a table.
const FAULTS: &[&str] = &["faults.rs", "rotation.rs", "unknown.rs"];

pub(super) fn run() -> Result<()> {
    let page = std::fs::read_to_string(root().join(PAGE)).with_context(|| PAGE.to_owned())?;
    let mut tests = Vec::new();
    walk(Path::new(TESTS), &mut tests)?;
    verdict(&findings(&page, &tests))
}

fn findings(page: &str, tests: &[Test]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut named = Vec::new();
    for (fault, shown_by) in rows(page) {
        let paths: Vec<_> = tests_in(shown_by).collect();
        if paths.is_empty() {
            findings.push(format!("{fault}: no test shows it"));
        }
        for path in &paths {
            if !tests.iter().any(|test| test.is(path)) {
                findings.push(format!("{fault}: there is no test `{path}`"));
            }
        }
        named.extend(paths);
    }
    if named.is_empty() {
        findings.push(format!("{PAGE} has no table of faults"));
    }
    let about_faults = |test: &&Test| {
        test.file().file_name().is_some_and(|name| FAULTS.iter().any(|file| *file == name))
    };
    for test in tests.iter().filter(about_faults) {
        if !named.iter().any(|path| test.is(path)) {
            findings.push(format!("{} is in no table of {PAGE}", test.name()));
        }
    }
    findings
}

/// The rows of the tables of faults: what happens, and the tests.
fn rows(page: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut in_table = false;
    page.lines().filter_map(move |line| {
        let cells: Vec<_> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [fault, .., shown_by] = *cells.as_slice() else { return None };
        if cells.len() != 5 {
            in_table = false;
        } else if fault == "fault" {
            in_table = true;
            return None;
        }
        in_table.then_some((fault, shown_by))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "| fault | known | unknown | long | shown by |\n|---|---|---|---|---|\n";

    fn check(rows: &str) -> Vec<String> {
        let test = |file: &str, name: &str| Test::new(file, name);
        findings(&format!("{HEAD}{rows}"), &[test("it/faults.rs", "a"), test("it/ending.rs", "b")])
    }

    #[test]
    fn rows_and_tests_stay_in_step() {
        assert!(check("| x | 200 | 503 | – | `faults::a` |\n").is_empty());
        assert!(check("| x | 200 | 503 | – | `faults::a`, `ending::b` |\n").is_empty());
        // a row without a test, one whose test is gone, a test without a row
        assert_eq!(check("| x | 200 | 503 | – | `faults::a` |\n| y | 1 | 2 | 3 | – |\n").len(), 1);
        assert_eq!(check("| x | 200 | 503 | – | `faults::a`, `faults::z` |\n").len(), 1);
        assert_eq!(check("| x | 200 | 503 | – | `ending::b` |\n").len(), 1);
        assert_eq!(check("").len(), 2);
    }

    #[test]
    fn other_tables_are_passed_over() {
        let other = "\n| what | answer |\n|---|---|\n| a | b |\n";
        assert!(check(&format!("| x | 200 | 503 | – | `faults::a` |\n{other}")).is_empty());
    }
}
