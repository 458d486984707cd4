//! What is printed, and `target/bench/abuse.tsv` for programs.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::runner::Outcome;

/// One line a case: `case`, `median_ns`, `allocations`, `ratio`; what is not known is empty.
pub(crate) fn tsv(outcomes: &[Outcome]) -> String {
    let mut text = "case\tmedian_ns\tallocations\tratio\n".to_owned();
    for Outcome { name, median_ns, allocations, ratio } in outcomes {
        let allocations = allocations.map(|count| count.to_string()).unwrap_or_default();
        let ratio = ratio.map(|ratio| format!("{ratio:.4}")).unwrap_or_default();
        // writing to a String does not fail
        let _ = writeln!(text, "{name}\t{median_ns:.1}\t{allocations}\t{ratio}");
    }
    text
}

/// The same to be read.
pub(crate) fn table(outcomes: &[Outcome]) -> String {
    let width = outcomes.iter().map(|outcome| outcome.name.len()).max().unwrap_or(0);
    let mut text =
        format!("{:width$}  {:>12}  {:>6}  {:>8}\n", "case", "median", "allocs", "ratio");
    for Outcome { name, median_ns, allocations, ratio } in outcomes {
        let allocations = allocations.map(|count| count.to_string()).unwrap_or_default();
        let ratio = ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let _ = writeln!(
            text,
            "{name:width$}  {:>12}  {allocations:>6}  {ratio:>8}",
            format!("{:.2} µs", median_ns / 1000.0)
        );
    }
    text
}

/// Writes the file and tells where it is.
pub(crate) fn write(outcomes: &[Outcome]) -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")),
        PathBuf::from,
    );
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
    let file = folder.join("abuse.tsv");
    std::fs::write(&file, tsv(outcomes)).with_context(|| format!("{}", file.display()))?;
    Ok(file)
}
