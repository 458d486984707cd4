//! No file of the repository speaks of one machine: its paths, or the hosts that its package tools talk to.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::verdict;
use crate::command::{output, root};

/// Put together from pieces, so that this file passes its own check.
const HOSTS: &[&str] = &[
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("registry.", "npmjs.org"),
    concat!("deb.", "debian.org"),
    concat!("files.", "pythonhosted.org"),
];
const WORKPLACE: &str = concat!("/wo", "rk/");
const SHARED: &str = concat!("../sh", "ared");

pub(super) fn run() -> Result<()> {
    // Files that are new and not ignored count too, so that the check is of use before a commit.
    let files = output(Command::new("git").current_dir(root()).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    let mut findings = Vec::new();
    for file in files.split('\0').filter(|file| !file.is_empty()) {
        // A file may be deleted and not yet committed; one that is not text has no words.
        let Ok(text) = std::fs::read_to_string(root().join(file)) else {
            continue;
        };
        findings.extend(read(Path::new(file), &text));
    }
    verdict(&findings)
}

fn read(file: &Path, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut find =
            |what: &str| findings.push(format!("{}:{}: {what}", file.display(), index + 1));
        if starts_a_path(line, WORKPLACE) {
            find("a path of one machine");
        }
        if HOSTS.iter().any(|host| line.contains(host)) {
            find("a host of a package registry");
        }
        if line.contains(SHARED) && !is_test(file) {
            find("material outside the repository, which only a test may read");
        }
    }
    findings
}

/// `/x/` as the beginning of a path, not within one.
fn starts_a_path(line: &str, path: &str) -> bool {
    let within = |c: char| c.is_alphanumeric() || "._-*}>".contains(c);
    line.match_indices(path).any(|(at, _)| !line[..at].ends_with(within))
}

fn is_test(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &str, text: &str, findings: usize) {
        assert_eq!(read(Path::new(file), text).len(), findings, "{file}: {text}");
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        check("a.md", &format!("see `{WORKPLACE}main`\n\n{WORKPLACE}t"), 2);
        check("a.md", "docs/work/plan.md and a network/work/x", 0);
    }

    #[test]
    fn hosts_are_found() {
        for host in HOSTS {
            check("a.toml", &format!("url = \"https://{host}/\""), 1);
        }
        check(
            "Cargo.lock",
            "source = \"registry+https://github.com/rust-lang/crates.io-index\"",
            0,
        );
    }

    #[test]
    fn material_outside_is_for_tests() {
        let text = format!("include_str!(\"{SHARED}/vectors.json\")");
        check("tests/src/vectors.rs", &text, 0);
        check("crates/portcullis/tests/vectors.rs", &text, 0);
        check("docs/conformance.md", &text, 1);
    }
}
