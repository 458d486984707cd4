//! `cargo xtask soak`: a server under load with rotation, revocation and faults. The program is in `stress/src/soak`.

use anyhow::{Result, bail};

use crate::command::{cargo, run as start};

/// Builds it as a release and runs it for as long as the arguments say.
pub(crate) fn run(args: &[String]) -> Result<()> {
    match args {
        [] => {}
        [option, minutes] if option == "--minutes" && minutes.parse::<f64>().is_ok() => {}
        _ => bail!("usage: cargo xtask soak [--minutes N]"),
    }
    start(
        cargo(["run", "--release", "--package", "portcullis-stress", "--bin", "soak", "--"])
            .args(args),
    )
}

/// A minute of it, with a debug build: the tests have built most of that already.
pub(crate) fn minute() -> Result<()> {
    start(&mut cargo([
        "run",
        "--package",
        "portcullis-stress",
        "--bin",
        "soak",
        "--",
        "--minutes",
        "1",
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_arguments_are_refused_before_anything_is_built() {
        for args in [&["--hours", "1"][..], &["--minutes"], &["--minutes", "x"], &["5"]] {
            let args: Vec<_> = args.iter().map(|&arg| arg.to_owned()).collect();
            assert!(run(&args).unwrap_err().to_string().contains("usage"), "{args:?}");
        }
    }
}
