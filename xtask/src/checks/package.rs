//! Each published crate can be packaged, says what a registry shows, and builds from its package.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result};
use cargo_metadata::Package;

use super::verdict;
use crate::command::{cargo, run as start};
use crate::graph;

pub(super) fn run() -> Result<()> {
    let metadata = graph::metadata()?;
    let members = graph::members(&metadata);
    let published = |package: &&Package| {
        members.iter().any(|member| member.published && *package.name == member.name)
    };
    let findings =
        metadata.workspace_packages().into_iter().filter(published).flat_map(undescribed);
    verdict(&findings.collect::<Vec<_>>())?;

    forget_earlier_runs(metadata.workspace_packages().into_iter().filter(published))?;
    forget_what_was_built(&metadata.target_directory.as_std_path().join("debug"))?;
    // All at once: each is then built against the packages of the others, as if those were published already.
    let private = members.iter().filter(|member| !member.published);
    start(
        cargo(["package", "--workspace", "--allow-dirty"])
            .args(private.map(|member| format!("--exclude={}", member.name))),
    )
}

/// Cargo unpacks the packages of a run below its home, by name and version, and takes what it finds there for
/// the package in later runs, whatever has changed since. Such folders are those of registries without a host.
fn forget_earlier_runs<'a>(packages: impl Iterator<Item = &'a Package>) -> Result<()> {
    let default = || env::home_dir().map(|home| home.join(".cargo"));
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(default);
    let unpacked = home.context("cargo has no home")?.join("registry/src");
    let Ok(registries) = fs::read_dir(unpacked) else { return Ok(()) };
    let registries: Vec<_> = registries
        .filter_map(Result::ok)
        .filter(|registry| registry.file_name().to_string_lossy().starts_with('-'))
        .collect();
    for package in packages {
        for registry in &registries {
            let folder = registry.path().join(format!("{}-{}", package.name, package.version));
            if folder.exists() {
                fs::remove_dir_all(&folder)
                    .with_context(|| format!("can't remove {}", folder.display()))?;
            }
        }
    }
    Ok(())
}

/// What it has made of such a folder it takes for what it would make of another one of that name, too.
fn forget_what_was_built(profile: &Path) -> Result<()> {
    let Ok(made) = fs::read_dir(profile.join("deps")) else { return Ok(()) };
    let unpacked = ["registry", "src", "-"].join(std::path::MAIN_SEPARATOR_STR);
    for file in made {
        let file = file?.path();
        if file.extension().is_none_or(|extension| extension != "d")
            || !fs::read_to_string(&file)?.contains(&unpacked)
        {
            continue;
        }
        // the two are called alike, but for what stands between words
        let name = file.file_stem().map(|name| name.to_string_lossy().replace('_', "-"));
        let fingerprint = profile.join(".fingerprint").join(name.unwrap_or_default());
        if fingerprint.exists() {
            fs::remove_dir_all(&fingerprint)
                .with_context(|| format!("can't remove {}", fingerprint.display()))?;
        }
    }
    Ok(())
}

/// What a reader of the registry would miss.
fn undescribed(package: &Package) -> Vec<String> {
    let fields = [
        ("description", package.description.is_some()),
        ("license", package.license.is_some()),
        ("repository", package.repository.is_some()),
        ("readme", package.readme.is_some()),
        ("rust-version", package.rust_version.is_some()),
        ("keywords", !package.keywords.is_empty()),
        ("categories", !package.categories.is_empty()),
    ];
    let missing = fields.iter().filter(|(_, present)| !present).map(|(field, _)| *field);
    let licenses = LICENSES.into_iter().filter(|file| !has_license(package, file));
    missing.chain(licenses).map(|what| format!("{} has no {what}", package.name)).collect()
}

/// Both licences ask that their text goes with every copy. A package holds what is in its folder, so the
/// files there are links to those of the workspace.
const LICENSES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];

fn has_license(package: &Package, file: &str) -> bool {
    let folder = package.manifest_path.parent();
    folder.is_some_and(|folder| match fs::read_to_string(folder.join(file)) {
        // where links can't be checked out, the file holds the path that it should lead to
        Ok(text) => text.lines().count() > 10,
        Err(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_without_the_text_of_a_licence_is_found() {
        let metadata = graph::metadata().unwrap();
        let packages = metadata.workspace_packages();
        let mut package =
            (**packages.iter().find(|package| *package.name == "portcullis-core").unwrap()).clone();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Cargo.toml");
        package.manifest_path = path.try_into().unwrap();
        let both = ["portcullis-core has no LICENSE-MIT", "portcullis-core has no LICENSE-APACHE"];
        assert_eq!(undescribed(&package), both);
        std::fs::write(folder.path().join("LICENSE-MIT"), "../../LICENSE-MIT").unwrap();
        assert_eq!(undescribed(&package), both);
        std::fs::copy("../LICENSE-MIT", folder.path().join("LICENSE-MIT")).unwrap();
        assert_eq!(undescribed(&package), both[1..]);
    }

    #[test]
    fn what_was_built_from_a_registry_without_a_host_is_built_again() {
        let folder = tempfile::tempdir().unwrap();
        let profile = folder.path();
        fs::create_dir(profile.join("deps")).unwrap();
        let made = |name: &str, source: &str| {
            fs::write(profile.join(format!("deps/{name}.d")), format!("x.rmeta: {source}"))
                .unwrap();
            let fingerprint = profile.join(".fingerprint").join(name.replace('_', "-"));
            fs::create_dir_all(&fingerprint).unwrap();
            fingerprint
        };
        let here = made("portcullis_core-1", "crates/portcullis-core/src/lib.rs");
        let unpacked = made("portcullis_core-2", "/h/registry/src/-ab/portcullis-core-0.1.0/a.rs");
        let outside = made("serde-3", "/h/registry/src/index.example-cd/serde-1.0.0/src/lib.rs");
        forget_what_was_built(profile).unwrap();
        assert!(here.exists() && !unpacked.exists() && outside.exists());
        assert!(forget_what_was_built(&profile.join("none")).is_ok());
    }

    #[test]
    fn a_package_without_a_field_is_found() {
        let metadata = graph::metadata().unwrap();
        let find = |name: &str| {
            metadata.workspace_packages().into_iter().find(|package| *package.name == name).unwrap()
        };
        let mut package = find("portcullis-core").clone();
        assert_eq!(undescribed(&package), [""; 0]);
        package.readme = None;
        package.keywords.clear();
        assert_eq!(
            undescribed(&package),
            ["portcullis-core has no readme", "portcullis-core has no keywords"]
        );
    }
}
