//! Licences, banned crates and sources of the whole dependency graph, by cargo-deny and `deny.toml`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::command::{self, cargo, root, succeeds};

/// What is installed where there is no cargo-deny: the version that `deny.toml` was written for.
const VERSION: &str = "0.20.2";

pub(super) fn run() -> Result<()> {
    let own = own_tools(std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME"));
    let candidates = [PathBuf::from("cargo-deny"), own.join("bin/cargo-deny")];
    let program =
        match candidates.iter().find(|program| succeeds(Command::new(program).arg("--version"))) {
            Some(program) => program,
            None => {
                install(&own)?;
                &candidates[1]
            }
        };
    command::run(Command::new(program).current_dir(root()).args([
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]))
}

/// Where to keep it: outside `target`, so that `cargo clean` and a new clone don't cost another build.
fn own_tools(cache: Option<OsString>, home: Option<OsString>) -> PathBuf {
    let cache =
        cache.map(PathBuf::from).or_else(|| home.map(|home| Path::new(&home).join(".cache")));
    cache
        .unwrap_or_else(|| root().join("target"))
        .join(format!("portcullis-xtask/cargo-deny-{VERSION}"))
}

fn install(place: &Path) -> Result<()> {
    println!("cargo-deny is not installed: building it once, which takes a minute or two");
    // A debug build, because the check itself takes no second either way.
    let mut command =
        cargo(["install", "cargo-deny", "--locked", "--debug", "--version", VERSION, "--root"]);
    // Its build belongs neither into our target directory nor under our settings.
    command::run(
        command.arg(place).current_dir(std::env::temp_dir()).env_remove("CARGO_TARGET_DIR"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_survives_a_clean_where_there_is_a_cache() {
        let place = own_tools(Some("/cache".into()), Some("/home/me".into()));
        assert_eq!(
            place,
            Path::new("/cache/portcullis-xtask").join(format!("cargo-deny-{VERSION}"))
        );
        assert!(own_tools(None, Some("/home/me".into())).starts_with("/home/me/.cache"));
        assert!(own_tools(None, None).starts_with(root().join("target")));
    }
}
