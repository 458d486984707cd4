//! The programs that tests need beside Rust: a table, where to look for each, and how the tests learn of it.
//!
//! To add one, add a row to [`TOOLS`]. A test then reads the row's variable; `cargo xtask test` sets it to the path
//! that was found, installing the package first where that is possible.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::apt;

/// A program that some test starts.
pub(crate) struct Tool {
    /// The file to look for.
    pub(crate) program: &'static str,
    /// Directories to search after `PATH`; one component may be `*`, of which the highest version wins.
    pub(crate) places: &'static [&'static str],
    /// The Debian package that brings it.
    pub(crate) package: &'static str,
    /// Who needs it, for the message when it is missing.
    pub(crate) needed_by: &'static str,
    /// The variable that tells the tests where it is. If it is set already, that program is used and none searched for.
    pub(crate) variable: &'static str,
}

/// Every program that the tests start. SQLite is compiled in.
pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        program: "redis-server",
        places: &["/usr/local/bin"],
        package: "redis-server",
        needed_by: "the tests of revocation on Redis",
        variable: "PORTCULLIS_REDIS_SERVER",
    },
    Tool {
        program: "postgres",
        places: &["/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin"],
        package: "postgresql",
        needed_by: "the tests of revocation on PostgreSQL",
        variable: "PORTCULLIS_POSTGRES",
    },
    Tool {
        program: "nginx",
        places: &["/usr/sbin", "/usr/local/sbin"],
        package: "nginx-light",
        needed_by: "the tests of the gate behind a proxy",
        variable: "PORTCULLIS_NGINX",
    },
    Tool {
        program: "caddy",
        places: &["/usr/local/bin"],
        package: "caddy",
        needed_by: "the tests of the gate behind a proxy",
        variable: "PORTCULLIS_CADDY",
    },
    Tool {
        program: "chromium",
        places: &[],
        package: "chromium",
        needed_by: "the tests of signing in with a browser",
        variable: "PORTCULLIS_CHROMIUM",
    },
    Tool {
        program: "node",
        places: &["/usr/local/bin"],
        package: "nodejs",
        needed_by: "the tests of signing in with a browser",
        variable: "PORTCULLIS_NODE",
    },
    Tool {
        program: "npm",
        places: &["/usr/local/bin"],
        package: "npm",
        needed_by: "the tests of signing in with a browser",
        variable: "PORTCULLIS_NPM",
    },
];

/// Finds every tool, installs what is missing where that is allowed, and returns the variables for the tests.
pub(crate) fn provide(tools: &[Tool]) -> Result<Vec<(&'static str, PathBuf)>> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let get = |name: &str| std::env::var_os(name);
    let (_, missing) = search(tools, &path, get)?;
    if !missing.is_empty() {
        let packages: Vec<_> = missing.iter().map(|tool| tool.package).collect();
        let Some(apt) = apt::Apt::find() else { bail!(complaint(&missing)) };
        apt.install(&packages)?;
    }
    let (found, missing) = search(tools, &path, get)?;
    if !missing.is_empty() {
        bail!(complaint(&missing));
    }
    Ok(found)
}

type Found = Vec<(&'static str, PathBuf)>;

fn search<'t>(
    tools: &'t [Tool],
    path: &OsStr,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<(Found, Vec<&'t Tool>)> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for tool in tools {
        if let Some(chosen) = variable(tool.variable) {
            // Searching on would hide the mistake and test another program than the one asked for.
            if !is_program(Path::new(&chosen)) {
                bail!("{} is {}, which is not a program", tool.variable, chosen.display());
            }
            found.push((tool.variable, chosen.into()));
        } else if let Some(program) = locate(tool, path) {
            found.push((tool.variable, program));
        } else {
            missing.push(tool);
        }
    }
    Ok((found, missing))
}

fn locate(tool: &Tool, path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path)
        .chain(tool.places.iter().flat_map(|place| expand(place)))
        .map(|directory| directory.join(tool.program))
        .find(|file| is_program(file))
}

/// The directories that a place stands for, highest version first.
fn expand(place: &str) -> Vec<PathBuf> {
    let Some((before, after)) = place.split_once("/*") else {
        return vec![place.into()];
    };
    let Ok(entries) = std::fs::read_dir(before) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort_by_key(|name| std::cmp::Reverse(version(name)));
    names
        .iter()
        .map(|name| Path::new(before).join(name).join(after.trim_start_matches('/')))
        .collect()
}

/// What to sort a directory name by, so that 9 comes before 17.
fn version(name: &OsStr) -> Vec<u64> {
    name.to_string_lossy()
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|part| part.parse().ok())
        .collect()
}

fn is_program(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    {
        path.is_file()
    }
}

fn complaint(missing: &[&Tool]) -> String {
    let mut text = "programs that the tests need are missing:\n".to_owned();
    for tool in missing {
        text += &format!(
            "  {}: {}, or set {} to its path\n",
            tool.program, tool.needed_by, tool.variable
        );
    }
    let packages: Vec<_> = missing.iter().map(|tool| tool.package).collect();
    text + &format!("on Debian and Ubuntu: sudo apt-get install {}", packages.join(" "))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn tool(places: &'static [&'static str]) -> Tool {
        Tool {
            program: "stored",
            places,
            package: "store-server",
            needed_by: "the tests of the store",
            variable: "PORTCULLIS_STORED",
        }
    }

    fn program(directory: &Path, mode: u32) -> PathBuf {
        std::fs::create_dir_all(directory).unwrap();
        let file = directory.join("stored");
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        file
    }

    fn unset(_: &str) -> Option<OsString> {
        None
    }

    #[test]
    fn the_first_program_on_the_path_is_found_and_exported() {
        let dir = tempfile::tempdir().unwrap();
        // A file that can't be run is not the program, even if it comes first.
        program(&dir.path().join("data"), 0o644);
        let real = program(&dir.path().join("bin"), 0o755);
        let path = std::env::join_paths([dir.path().join("data"), dir.path().join("bin")]).unwrap();
        let tools = [tool(&[])];
        let (found, missing) = search(&tools, &path, unset).unwrap();
        assert_eq!(found, [("PORTCULLIS_STORED", real)]);
        assert!(missing.is_empty());
    }

    #[test]
    fn of_several_versions_the_highest_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        for version in ["9", "17", "9.6"] {
            program(&dir.path().join(version).join("bin"), 0o755);
        }
        let place: &'static str = format!("{}/*/bin", dir.path().display()).leak();
        let places: &'static [&'static str] = vec!["/nonexistent/*/bin", place].leak();
        assert_eq!(locate(&tool(places), OsStr::new("")), Some(dir.path().join("17/bin/stored")));
    }

    #[test]
    fn a_variable_that_is_set_wins_and_a_wrong_one_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let chosen = program(dir.path(), 0o755);
        let tools = [tool(&[])];
        let (found, _) = search(&tools, OsStr::new(""), |_| Some(chosen.clone().into())).unwrap();
        assert_eq!(found, [("PORTCULLIS_STORED", chosen)]);
        let error = search(&tools, OsStr::new(""), |_| Some("/nonexistent".into()))
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("PORTCULLIS_STORED"), "{error}");
    }

    #[test]
    fn what_is_missing_is_named_with_the_command_that_installs_it() {
        let tools = [tool(&[])];
        let (found, missing) = search(&tools, OsStr::new(""), unset).unwrap();
        assert!(found.is_empty());
        let text = complaint(&missing);
        for part in [
            "stored",
            "the tests of the store",
            "PORTCULLIS_STORED",
            "apt-get install store-server",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn every_program_that_a_test_can_need_has_a_row() {
        for program in portcullis_support::Program::ALL {
            let rows = TOOLS.iter().filter(|tool| tool.variable == program.variable);
            assert_eq!(rows.map(|tool| tool.program).collect::<Vec<_>>(), [program.name]);
        }
        assert_eq!(TOOLS.len(), portcullis_support::Program::ALL.len());
    }

    #[test]
    fn every_row_is_complete_and_its_variable_its_own() {
        let mut variables: Vec<_> = TOOLS.iter().map(|tool| tool.variable).collect();
        variables.sort_unstable();
        variables.dedup();
        assert_eq!(variables.len(), TOOLS.len());
        for tool in TOOLS {
            assert!(tool.variable.starts_with("PORTCULLIS_"), "{}", tool.variable);
            assert!(!tool.package.is_empty() && !tool.needed_by.is_empty(), "{}", tool.program);
        }
    }
}
