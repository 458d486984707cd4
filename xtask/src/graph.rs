//! What cargo knows about the workspace: its members, and what each of them brings along.

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, semver::Version};

use crate::command::{cargo, output, root};

/// Reads the metadata of the workspace, dependencies included.
pub(crate) fn metadata() -> Result<Metadata> {
    let command = MetadataCommand::new().current_dir(root()).cargo_command();
    let text = output(cargo(command.get_args()).arg("--all-features"))?;
    MetadataCommand::parse(text).context("cargo metadata could not be read")
}

/// A package of the workspace, as far as the checks look at it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) published: bool,
    pub(crate) manifest: std::path::PathBuf,
    /// The features it declares, `default` among them.
    pub(crate) features: Vec<String>,
    pub(crate) needs: Vec<Need>,
}

/// One line of a member's dependency tables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Need {
    pub(crate) name: String,
    pub(crate) kind: DependencyKind,
    pub(crate) optional: bool,
    /// Without a version it can't be published as anything but a dev-dependency, which `cargo package` drops.
    pub(crate) versioned: bool,
}

/// The members of the workspace, by name.
pub(crate) fn members(metadata: &Metadata) -> Vec<Member> {
    let mut members: Vec<_> = metadata.workspace_packages().into_iter().map(member).collect();
    members.sort_by(|a, b| a.name.cmp(&b.name));
    members
}

fn member(package: &Package) -> Member {
    let needs = package.dependencies.iter().map(|dependency| Need {
        name: dependency.name.clone(),
        kind: dependency.kind,
        optional: dependency.optional,
        versioned: !dependency.req.comparators.is_empty(),
    });
    Member {
        name: package.name.to_string(),
        // `publish = false` is an empty list of registries.
        published: package.publish.as_ref().is_none_or(|registries| !registries.is_empty()),
        manifest: package.manifest_path.clone().into(),
        features: package.features.keys().cloned().collect(),
        needs: needs.collect(),
    }
}

/// With which features of a member a question is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Features {
    None,
    All,
}

/// A package that a member brings along when a user depends on it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Brought {
    pub(crate) name: String,
    pub(crate) version: Version,
    pub(crate) features: Vec<String>,
}

/// Everything that the member needs at run time on any platform, itself included.
///
/// `cargo tree` is asked, because `cargo metadata` merges the features that all members ask for.
pub(crate) fn brought_by(member: &str, features: Features) -> Result<Vec<Brought>> {
    let features = match features {
        Features::None => "--no-default-features",
        Features::All => "--all-features",
    };
    let text = output(&mut cargo([
        "tree",
        "--package",
        member,
        "--edges",
        "normal",
        "--target",
        "all",
        "--prefix",
        "none",
        "--format",
        "{p}|{f}",
        features,
    ]))?;
    text.lines()
        .map(|line| parse(line).with_context(|| format!("cargo tree printed `{line}`")))
        .collect()
}

/// Reads `http v1.3.1|default,std`; after the version may come a path or `(proc-macro)`, after the features `(*)`.
fn parse(line: &str) -> Option<Brought> {
    let (package, features) = line.split_once('|')?;
    let (name, rest) = package.split_once(" v")?;
    let version = rest.split(' ').next()?;
    let features = features.trim_end_matches("(*)").trim();
    Some(Brought {
        name: name.to_owned(),
        version: version.parse().ok()?,
        features: features
            .split(',')
            .filter(|feature| !feature.is_empty())
            .map(str::to_owned)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, name: &str, version: &str, features: &[&str]) {
        let brought = parse(line).unwrap();
        assert_eq!((brought.name.as_str(), brought.version.to_string().as_str()), (name, version));
        assert_eq!(brought.features, features);
    }

    #[test]
    fn the_lines_of_cargo_tree() {
        check("http v1.3.1|default,std", "http", "1.3.1", &["default", "std"]);
        check("cfg-if v1.0.5|", "cfg-if", "1.0.5", &[]);
        check(
            "serde_derive v1.0.229 (proc-macro)|default (*)",
            "serde_derive",
            "1.0.229",
            &["default"],
        );
        check("portcullis v0.1.0 (/a b/portcullis)| (*)", "portcullis", "0.1.0", &[]);
        check("wasi v0.11.1+wasi-snapshot-preview1|", "wasi", "0.11.1+wasi-snapshot-preview1", &[]);
        assert_eq!(parse("warning: something"), None);
    }

    #[test]
    fn this_workspace() {
        let members = members(&metadata().unwrap());
        let xtask = members.iter().find(|member| member.name == "xtask").unwrap();
        assert!(!xtask.published);
        assert!(xtask.needs.iter().any(|need| need.name == "anyhow" && need.versioned));
        let core = members.iter().find(|member| member.name == "portcullis-core").unwrap();
        assert!(core.published);
        let testing = core.needs.iter().find(|need| need.name == "portcullis-testing").unwrap();
        assert!(testing.kind == DependencyKind::Development && !testing.versioned);
    }
}
