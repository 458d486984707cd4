//! `cargo xtask staleness`: several processes follow a store while it is harmed. The program is in
//! `tests/fleet-harness`.

use anyhow::Result;

use crate::command::{cargo, run as start};

/// Builds it as a release and hands it the arguments, which it knows best.
pub(crate) fn run(args: &[String]) -> Result<()> {
    start(
        cargo([
            "run",
            "--release",
            "--package",
            "portcullis-fleet-harness",
            "--bin",
            "staleness",
            "--",
        ])
        .args(args),
    )
}
