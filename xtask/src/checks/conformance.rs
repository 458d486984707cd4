//! `docs/conformance.md` and the tests stay in step: every rule is there once, and every test that is named exists.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::verdict;
use crate::command::root;

const PAGE: &str = "docs/conformance.md";

/// The letters that rules begin with, how many of each there are, and whether tests have to show them now.
const RULES: &[(&str, u32, bool)] = &[
    ("JWS", 7, true),
    ("JWA", 3, true),
    ("JWK", 2, true),
    ("JWT", 6, true),
    ("BCP", 17, true),
    ("BEA", 9, true),
    ("AT", 10, true),
    ("DP", 17, false),
    ("MT", 4, false),
    ("PR", 6, false),
    ("SU", 3, false),
    ("BL", 10, false),
    ("MC", 10, false),
    ("SE", 2, false),
    ("TS", 2, false),
    ("TX", 1, false),
    ("CA", 1, false),
];

/// Where tests are.
const SOURCES: &[&str] = &["crates", "examples", "fuzz/targets", "tests", "xtask"];

pub(super) fn run() -> Result<()> {
    let page = std::fs::read_to_string(root().join(PAGE)).with_context(|| PAGE.to_owned())?;
    let mut tests = Vec::new();
    for source in SOURCES {
        walk(Path::new(source), &mut tests)?;
    }
    verdict(&findings(&page, &tests))
}

/// A test: the file it is in, from the root of the repository, and its name.
pub(super) struct Test {
    file: PathBuf,
    name: String,
}

impl Test {
    #[cfg(test)]
    pub(super) fn new(file: &str, name: &str) -> Self {
        Self { file: file.into(), name: name.to_owned() }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// True if `path` is its name after folders and files that it is in: `attacks::claims::name`.
    pub(super) fn is(&self, path: &str) -> bool {
        let mut segments = path.rsplit("::");
        let within = |segment: &str| {
            self.file.with_extension("").components().any(|part| part.as_os_str() == segment)
        };
        segments.next() == Some(&*self.name) && segments.all(within)
    }
}

pub(super) fn walk(directory: &Path, tests: &mut Vec<Test>) -> Result<()> {
    let absolute = root().join(directory);
    for entry in std::fs::read_dir(&absolute).with_context(|| directory.display().to_string())? {
        let entry = entry?;
        let path = directory.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            walk(&path, tests)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(root().join(&path))?;
            tests.extend(
                names(&source).map(|name| Test { file: path.clone(), name: name.to_owned() }),
            );
        }
    }
    Ok(())
}

/// The names of the tests in a source.
fn names(source: &str) -> impl Iterator<Item = &str> {
    let mut lines = source.lines().map(str::trim);
    std::iter::from_fn(move || {
        lines.find(|line| *line == "#[test]" || line.starts_with("#[tokio::test"))?;
        let function = lines
            .find_map(|line| line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn ")))?;
        function.split('(').next()
    })
}

fn findings(page: &str, tests: &[Test]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for (id, held_by) in rules(page) {
        *seen.entry(id).or_default() += 1;
        let letters = id.split('-').next().unwrap_or_default();
        let known = RULES.iter().find(|(prefix, ..)| *prefix == letters);
        let required = known.is_some_and(|(.., required)| *required);
        let mut shown = false;
        for path in tests_in(held_by) {
            shown = true;
            if !tests.iter().any(|test| test.is(path)) {
                findings.push(format!("{id}: there is no test `{path}`"));
            }
        }
        let planned = held_by.starts_with("planned");
        let excused = planned || held_by.starts_with("does not apply: ");
        if !shown && !excused {
            findings.push(format!(
                "{id}: neither a test, nor `planned`, nor `does not apply: ` and why"
            ));
        }
        if required && planned {
            findings.push(format!("{id}: is planned, and has to be shown"));
        }
    }
    for (letters, count, _) in RULES {
        for number in 1..=*count {
            let id = format!("{letters}-{number}");
            match seen.remove(&*id) {
                None => findings.push(format!("{id}: is not there")),
                Some(1) => {}
                Some(times) => findings.push(format!("{id}: is there {times} times")),
            }
        }
    }
    findings.extend(seen.keys().map(|id| format!("{id}: is no rule that this check knows")));
    findings
}

/// The rows of the page's tables: the number of the rule and how it is held.
fn rules(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        let (id, _, held_by) = (cells.next()?, cells.next()?, cells.next()?);
        (id != "id").then_some((id, held_by))
    })
}

/// The paths in backticks.
pub(super) fn tests_in(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2).filter(|code| code.contains("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(file: &str, name: &str) -> Test {
        Test { file: file.into(), name: name.to_owned() }
    }

    /// The findings about one rule, on a page with all the others in order.
    fn check(id: &str, held_by: &str) -> Vec<String> {
        let tests = [test("tests/tests/attacks/claims.rs", "a"), test("crates/x/src/kind.rs", "b")];
        let mut page = String::from("| id | rule | held by |\n|---|---|---|\n");
        for (letters, count, _) in RULES {
            for number in 1..=*count {
                let row = format!("{letters}-{number}");
                if row == id {
                    page += held_by;
                } else {
                    page += &format!("| {row} | text | `kind::b` |\n");
                }
            }
        }
        findings(&page, &tests)
    }

    #[test]
    fn a_rule_is_held_by_a_test_or_excused() {
        for good in [
            "`attacks::claims::a`",
            "`claims::a`, `kind::b`",
            "`claims::a`; and `nothing` else",
            "does not apply: it is not there",
        ] {
            assert!(check("JWS-3", &format!("| JWS-3 | text | {good} |\n")).is_empty(), "{good}");
        }
        assert!(check("DP-1", "| DP-1 | text | planned |\n").is_empty());
        for bad in
            ["", "yes", "`a`", "`attacks::claims::b`", "`other::a`", "`claims::aa`", "planned"]
        {
            let found = check("JWS-3", &format!("| JWS-3 | text | {bad} |\n"));
            assert!(!found.is_empty(), "{bad}");
        }
        assert_eq!(check("DP-1", "| DP-1 | text | planned; `claims::x` |\n").len(), 1);
    }

    #[test]
    fn a_rule_is_there_once() {
        assert_eq!(check("AT-10", "").as_slice(), ["AT-10: is not there"]);
        let twice = "| AT-10 | text | `kind::b` |\n".repeat(2);
        assert_eq!(check("AT-10", &twice).as_slice(), ["AT-10: is there 2 times"]);
        let other = "| AT-10 | text | `kind::b` |\n| AT-11 | text | `kind::b` |\n";
        assert_eq!(check("AT-10", other).as_slice(), ["AT-11: is no rule that this check knows"]);
    }

    #[test]
    fn tests_are_found_by_their_attribute() {
        let source = "
            #[test]
            fn one() {}
            fn helper() {}
            #[tokio::test(flavor = \"multi_thread\")]
            #[expect(dead_code)]
            async fn two() {}
        ";
        assert_eq!(names(source).collect::<Vec<_>>(), ["one", "two"]);
    }
}
