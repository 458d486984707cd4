//! The table, and the same for programs to read.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::case::Outcome;

pub(crate) fn print(results: &[(String, Outcome)]) {
    println!(
        "\n{:<42} {:>13} {:>13} {:>12} {:>8}",
        "case", "median ns", "by the wall", "allocations", "ratio"
    );
    for (name, outcome) in results {
        println!(
            "{name:<42} {:>13} {:>13} {:>12} {:>8}  {}",
            shown(outcome.median_ns, 1),
            shown(outcome.wall_ns, 1),
            shown(outcome.allocations, 1),
            shown(outcome.ratio, 2),
            outcome.note
        );
    }
}

/// Writes `summary.tsv` into the target directory and says where it is.
pub(crate) fn write(results: &[(String, Outcome)]) -> Result<PathBuf> {
    let mut text = "case\tmedian_ns\tallocations\tratio\twall_ns\tnote\n".to_owned();
    for (name, outcome) in results {
        let _ = writeln!(
            text,
            "{name}\t{}\t{}\t{}\t{}\t{}",
            shown(outcome.median_ns, 2),
            shown(outcome.allocations, 2),
            shown(outcome.ratio, 4),
            shown(outcome.wall_ns, 2),
            outcome.note
        );
    }
    let folder = target()?.join("bench");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let path = folder.join("summary.tsv");
    std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// The target directory: this program is in `release/deps` of it.
pub(crate) fn target() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    program.ancestors().nth(3).map(Path::to_owned).context("cargo bench puts programs deeper")
}

fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}
