//! The minimum Rust version: stated once, kept by ourselves and by everything that a user gets with us.

use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, semver::Version};

use super::verdict;
use crate::command::{self, output, root};
use crate::graph::{self, Brought, Features, Member};

pub(super) fn run() -> Result<()> {
    let metadata = graph::metadata()?;
    let members = graph::members(&metadata);
    let published: Vec<_> = members.iter().filter(|member| member.published).collect();
    let ours = stated(&metadata)?;
    println!("the minimum is Rust {ours}");

    let mut findings = Vec::new();
    let read = |name| {
        std::fs::read_to_string(root().join(name)).with_context(|| format!("{name} can't be read"))
    };
    findings.extend(clippy_knows(&read("Cargo.toml")?, &read("clippy.toml")?, &ours));
    for member in &published {
        let brought = graph::brought_by(&member.name, Features::All)?;
        findings.extend(too_new(&member.name, &brought, &ours, |package| {
            rust_version(&metadata, package)
        }));
    }
    verdict(&findings)?;

    let toolchains = output(Command::new("rustup").args(["toolchain", "list"])).unwrap_or_default();
    match installed(&toolchains, &ours) {
        Some(toolchain) => build(toolchain, &published),
        None => {
            println!(
                "not run: a build with Rust {ours}, which is not installed (rustup toolchain install {ours}); \
                 what our own code uses was left to clippy's incompatible_msrv"
            );
            Ok(())
        }
    }
}

/// The version that the workspace states, which all its members inherit.
fn stated(metadata: &Metadata) -> Result<Version> {
    let mut versions =
        metadata.workspace_packages().into_iter().map(|package| package.rust_version.clone());
    let first = versions.next().flatten().context("the workspace states no rust-version")?;
    anyhow::ensure!(
        versions.all(|version| version.as_ref() == Some(&first)),
        "the members state different versions"
    );
    Ok(first)
}

fn rust_version(metadata: &Metadata, brought: &Brought) -> Option<Version> {
    let same = |package: &&cargo_metadata::Package| {
        *package.name == brought.name && package.version == brought.version
    };
    metadata.packages.iter().find(same)?.rust_version.clone()
}

/// The packages that say they need a newer Rust. One that says nothing is taken at its word.
fn too_new(
    member: &str,
    brought: &[Brought],
    ours: &Version,
    needs: impl Fn(&Brought) -> Option<Version>,
) -> Vec<String> {
    let mut findings: Vec<_> = brought
        .iter()
        .filter_map(|package| {
            needs(package).filter(|needed| needed > ours).map(|needed| (package, needed))
        })
        .map(|(package, needed)| {
            format!(
                "{member} brings {} {} along, which needs Rust {needed}",
                package.name, package.version
            )
        })
        .collect();
    findings.sort();
    findings.dedup();
    findings
}

/// Clippy must know the version, and must be told to look for what is newer.
fn clippy_knows(manifest: &str, clippy: &str, ours: &Version) -> Vec<String> {
    let has = |text: &str, line: &str| {
        text.lines().any(|found| found.split('#').next().unwrap_or("").trim() == line)
    };
    let mut findings = Vec::new();
    if !has(manifest, "incompatible_msrv = \"warn\"")
        && !has(manifest, "incompatible_msrv = \"deny\"")
    {
        findings.push("clippy's incompatible_msrv is not on in Cargo.toml".to_owned());
    }
    let short = format!("msrv = \"{}.{}\"", ours.major, ours.minor);
    if !has(clippy, &short) && !has(clippy, &format!("msrv = \"{ours}\"")) {
        findings.push(format!("clippy.toml does not say {short}"));
    }
    findings
}

/// The toolchain of that version, in the words of `rustup toolchain list`.
fn installed<'t>(toolchains: &'t str, ours: &Version) -> Option<&'t str> {
    let name = |line: &'t str| line.split(' ').next().unwrap_or_default();
    let short = format!("{}.{}", ours.major, ours.minor);
    toolchains.lines().map(name).find(|name| {
        let version = name.split('-').next().unwrap_or_default();
        version == short || version.strip_prefix(&short).is_some_and(|patch| patch.starts_with('.'))
    })
}

fn build(toolchain: &str, published: &[&Member]) -> Result<()> {
    // Through rustup, because the `cargo` that started us stays what it is. A target directory of its own keeps the
    // two compilers from throwing away each other's work.
    let mut command = Command::new("rustup");
    command.current_dir(root()).args(["run", toolchain, "cargo", "check", "--all-features"]);
    command.args(["--target-dir", "target/msrv"]);
    command.args(published.iter().map(|member| format!("--package={}", member.name)));
    command::run(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn a_dependency_that_needs_a_newer_rust_is_found() {
        let brought =
            [Brought { name: "dep".into(), version: version("2.0.0"), features: Vec::new() }];
        let check = |needed: Option<&str>| {
            too_new("portcullis", &brought, &version("1.88.0"), |_| needed.map(version)).len()
        };
        assert_eq!(check(Some("1.89.0")), 1);
        assert_eq!(check(Some("1.88.0")), 0);
        assert_eq!(check(None), 0);
    }

    #[test]
    fn clippy_must_be_told() {
        let check = |manifest, clippy| clippy_knows(manifest, clippy, &version("1.88.0")).len();
        assert_eq!(check("incompatible_msrv = \"warn\"", "msrv = \"1.88\""), 0);
        assert_eq!(
            check("incompatible_msrv = \"deny\"", "msrv = \"1.88.0\" # as in Cargo.toml"),
            0
        );
        assert_eq!(check("# incompatible_msrv = \"warn\"", "msrv = \"1.87\""), 2);
    }

    #[test]
    fn the_toolchain_is_recognised_by_its_version() {
        let list = "stable-x86_64-unknown-linux-gnu (active, default)\n1.88.0-x86_64-unknown-linux-gnu\n1.8-x\n";
        assert_eq!(installed(list, &version("1.88.0")), Some("1.88.0-x86_64-unknown-linux-gnu"));
        assert_eq!(
            installed("1.88-x86_64-unknown-linux-gnu", &version("1.88.0")),
            Some("1.88-x86_64-unknown-linux-gnu")
        );
        assert_eq!(installed(list, &version("1.89.0")), None);
        assert_eq!(installed("1.880-x", &version("1.88.0")), None);
    }
}
