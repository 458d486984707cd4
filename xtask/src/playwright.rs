//! What drives the browser of the sign-in example: a package of npm's, kept below the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{root, run};
use crate::graph;

/// The variable that tells the tests where the package is.
pub(crate) const VARIABLE: &str = "PORTCULLIS_PLAYWRIGHT";
/// Where its version and checksum are written down, from the root.
const SOURCE: &str = "examples/browser-signin/tests/browser";
const FILES: [&str; 2] = ["package.json", "package-lock.json"];
const PACKAGE: &str = "node_modules/playwright-core";

/// Installs the package, unless it is there already, and returns where it is.
pub(crate) fn provide(npm: &Path) -> Result<PathBuf> {
    let target = graph::metadata()?.target_directory.into_std_path_buf();
    let folder = target.join("browser");
    let package = folder.join(PACKAGE);
    if !is_current(&root().join(SOURCE), &folder) {
        fs::create_dir_all(&folder)?;
        let _ = fs::remove_file(folder.join(FILES[1]));
        fs::copy(root().join(SOURCE).join(FILES[0]), folder.join(FILES[0]))?;
        // npm needs the lock file beside it; it counts as installed only once npm has succeeded
        fs::copy(root().join(SOURCE).join(FILES[1]), folder.join(FILES[1]))?;
        let installed = run(Command::new(npm)
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&folder));
        if installed.is_err() {
            let _ = fs::remove_file(folder.join(FILES[1]));
        }
        installed.with_context(|| {
            format!("npm could not bring playwright-core, which the tests of {SOURCE} need")
        })?;
    }
    Ok(package)
}

/// Whether what is installed in the folder is what is written down.
fn is_current(source: &Path, folder: &Path) -> bool {
    let same = |file| match (fs::read(source.join(file)), fs::read(folder.join(file))) {
        (Ok(wanted), Ok(there)) => wanted == there,
        _ => false,
    };
    FILES.into_iter().all(same) && folder.join(PACKAGE).join("package.json").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_counts_only_if_it_is_what_is_written_down() {
        let (source, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (source, folder) = (source.path(), folder.path());
        for directory in [source, folder] {
            for file in FILES {
                fs::write(directory.join(file), file).unwrap();
            }
        }
        assert!(!is_current(source, folder), "nothing is installed");
        fs::create_dir_all(folder.join(PACKAGE)).unwrap();
        fs::write(folder.join(PACKAGE).join("package.json"), "{}").unwrap();
        assert!(is_current(source, folder));
        fs::write(source.join(FILES[1]), "another version").unwrap();
        assert!(!is_current(source, folder));
    }

    #[test]
    fn a_test_can_ask_for_it() {
        assert_eq!(portcullis_support::Program::PLAYWRIGHT.variable, VARIABLE);
    }
}
