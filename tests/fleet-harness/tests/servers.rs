//! The short form of the play on real servers, each reported as ignored where its program is missing.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

use std::process::Command;

use portcullis_support::{Outcome, Program, needs, run};

fn main() {
    run([
        needs(&[Program::REDIS], "redis_keeps_its_promise_whatever_happens_to_it", || {
            play("redis")
        }),
        needs(&[Program::POSTGRES], "postgres_keeps_its_promise_whatever_happens_to_it", || {
            play("postgres")
        }),
    ])
}

fn play(store: &str) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_staleness"));
    command.args(["--store", store, "--verifiers", "2", "--seconds", "24"]);
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    for fault in ["stopped by a signal", "killed, and started again", "half-open"] {
        assert!(text.contains(fault), "{fault:?} did not happen:\n{text}");
    }
    Ok(())
}
