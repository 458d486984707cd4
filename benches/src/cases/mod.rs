//! The cases, by what they measure.

mod decode;
mod limit;
mod ours;
pub(crate) mod revocations;

use anyhow::{Result, bail};

use crate::case::Case;

/// Every case, in the order of the table.
pub(crate) fn all() -> Vec<Case> {
    [limit::cases(), decode::cases(), ours::cases(), revocations::cases()]
        .into_iter()
        .flatten()
        .collect()
}

/// Plays a part in a process of its own.
pub(crate) fn play(args: Vec<String>) -> Result<()> {
    bail!("there is no part {args:?}")
}
