//! The short form of the play, which is part of the tests, and a promise that can't be kept.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

use std::process::{Command, Output};

fn play(args: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_staleness")).args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output, text)
}

#[test]
fn sqlite_keeps_its_promise_whatever_happens_to_it() {
    let (output, text) = play(&["--store", "sqlite", "--verifiers", "2", "--seconds", "12"]);
    assert!(output.status.success(), "{text}");
    for fault in ["killed in the middle", "is frozen", "started again", "can't be found"] {
        assert!(text.contains(fault), "{fault:?} did not happen:\n{text}");
    }
}

#[test]
fn a_promise_that_is_not_kept_is_found_out() {
    // a copy that reads once a second, and is said to do so forty times
    let (output, text) = play(&[
        "--store",
        "sqlite",
        "--verifiers",
        "1",
        "--seconds",
        "4",
        "--bound-ms",
        "3000",
        "--promise-ms",
        "25",
        "--silent",
        "--faults",
        "none",
    ]);
    assert!(!output.status.success() && text.contains("BROKEN"), "{text}");
}
