//! `unsafe` is forbidden in every crate: the workspace's lints say so, and every member inherits them.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::verdict;
use crate::command::root;
use crate::graph;

pub(super) fn run() -> Result<()> {
    let read = |path: PathBuf| {
        std::fs::read_to_string(&path).with_context(|| format!("{} can't be read", path.display()))
    };
    let mut findings = Vec::new();
    findings.extend(forbids_unsafe(&read(root().join("Cargo.toml"))?));
    for member in graph::members(&graph::metadata()?) {
        findings.extend(inherits_lints(&member.name, &read(member.manifest)?));
    }
    verdict(&findings)
}

fn inherits_lints(member: &str, manifest: &str) -> Option<String> {
    let lints = manifest.split("\n[lints]\n").nth(1).and_then(|rest| rest.lines().next());
    let inherits = lints.is_some_and(|line| line.replace(' ', "") == "workspace=true");
    (!inherits).then(|| {
        format!("{member} does not inherit the workspace's lints ([lints] workspace = true)")
    })
}

fn forbids_unsafe(manifest: &str) -> Option<String> {
    let forbids = manifest.lines().any(|line| line.replace(' ', "") == "unsafe_code=\"forbid\"");
    (!forbids).then(|| "the workspace's lints do not forbid unsafe_code".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_is_forbidden_everywhere() {
        assert!(
            inherits_lints("a", "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n").is_none()
        );
        assert!(inherits_lints("a", "[package]\n\n[lints]\nworkspace = false\n").is_some());
        assert!(
            inherits_lints("a", "[package]\nname = \"a\"\n[dependencies]\nworkspace = true\n")
                .is_some()
        );
        assert!(forbids_unsafe("[workspace.lints.rust]\nunsafe_code = \"forbid\"\n").is_none());
        assert!(forbids_unsafe("[workspace.lints.rust]\nunsafe_code = \"warn\"\n").is_some());
    }
}
