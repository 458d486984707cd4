//! Runs the example as a process and pastes its own lines, over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use portcullis_support::paste;

/// The process, which ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(arguments: &[&str]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plain-hyper"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running(command.spawn().unwrap())
}

#[test]
fn its_own_lines_get_the_status_that_they_say() {
    let mut running = start(&["--listen", "127.0.0.1:0"]);
    let output = BufReader::new(running.0.stdout.take().unwrap());
    let banner: Vec<_> =
        output.lines().map(Result::unwrap).take_while(|line| !line.contains("Ctrl-C")).collect();
    let is_pasted = |line: &&str| {
        line.starts_with("curl ")
            || ["BOB=", "ALICE=", "FORGED="].iter().any(|v| line.starts_with(v))
    };
    let lines: Vec<_> = banner.iter().map(String::as_str).filter(is_pasted).collect();
    assert_eq!(lines.len(), 3 + 8, "{banner:#?}");
    let whole = paste(&lines).unwrap();
    for part in [
        "bob [\"reader\"]",
        "www-authenticate: Bearer realm=\"plain-hyper\"\r\n",
        "error=\"invalid_token\"",
        "error=\"insufficient_scope\"",
        "application/problem+json",
    ] {
        assert!(whole.contains(part), "{part}\n{whole}");
    }
}

#[test]
fn options_that_it_does_not_know_are_an_error() {
    for arguments in [&["--port"][..], &["--listen"], &["--listen", "nowhere"]] {
        let mut running = start(arguments);
        assert!(!running.0.wait().unwrap().success(), "{arguments:?}");
        let mut told = String::new();
        running.0.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        assert!(told.contains("--listen"), "{told}");
    }
}
