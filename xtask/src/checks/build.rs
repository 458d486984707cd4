//! The checks that are cargo's own: formatting, clippy, documentation, each feature on its own, and that benches run.

use anyhow::Result;

use crate::command::{cargo, run};
use crate::graph::{self, Member};

pub(super) fn fmt() -> Result<()> {
    run(&mut cargo(["fmt", "--all", "--check"]))
}

pub(super) fn clippy() -> Result<()> {
    run(&mut cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))
}

pub(super) fn doc() -> Result<()> {
    run(cargo(["doc", "--workspace", "--no-deps", "--all-features"])
        .env("RUSTDOCFLAGS", "-Dwarnings"))
}

/// Runs each case once. How long it took is for nobody to judge.
pub(super) fn abuse() -> Result<()> {
    run(&mut cargo(["test", "--package", "portcullis-stress", "--benches", "--", "--once"]))
}

/// Builds every published crate the way a user may: with no feature, and with each one alone.
///
/// With clippy, so that what is unused without a feature shows too. All features together are the check `clippy`.
pub(super) fn features() -> Result<()> {
    let members = graph::members(&graph::metadata()?);
    for member in members.iter().filter(|member| member.published) {
        for features in combinations(member) {
            run(cargo([
                "clippy",
                "--no-deps",
                "--package",
                &member.name,
                "--no-default-features",
            ])
            .args(features.map(|feature| format!("--features={feature}")))
            .args(["--", "-D", "warnings"]))?;
        }
    }
    Ok(())
}

/// Without optimisation, which is built already, and without judging time. Other people's layers are left
/// out: they are a graph of their own.
pub(super) fn bench() -> Result<()> {
    run(cargo(["bench", "--profile", "dev", "--package", "portcullis-bench"]).args([
        "--",
        "--once",
        "--no-peers",
    ]))
}

/// No feature, then each alone. `default` is only a set of others, but users get exactly that set.
fn combinations(member: &Member) -> Vec<Option<&str>> {
    [None].into_iter().chain(member.features.iter().map(|feature| Some(feature.as_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_feature_and_each_one_alone() {
        let member =
            Member { features: vec!["default".into(), "tokio".into()], ..Member::default() };
        assert_eq!(combinations(&member), [None, Some("default"), Some("tokio")]);
        assert_eq!(combinations(&Member::default()), [None]);
    }
}
