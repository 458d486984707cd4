//! The cases, by what they measure.

mod decode;
mod end_to_end;
mod limit;
mod ours;
mod peers;
pub(crate) mod revocations;
mod threads;

use anyhow::Result;

use crate::case::Case;

/// Every case, in the order of the table.
pub(crate) fn all() -> Vec<Case> {
    [
        limit::cases(),
        decode::cases(),
        ours::cases(),
        peers::cases(),
        threads::cases(),
        revocations::cases(),
        end_to_end::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Plays a part in a process of its own.
pub(crate) fn play(args: &[String]) -> Result<()> {
    end_to_end::play(args)
}
