//! The lines that an example prints to be pasted into a shell: each request says which status it got and which to expect.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};

/// Pastes these lines into a shell, all at once, and holds each request to the status that it expects. What the shell
/// showed is returned.
///
/// # Errors
///
/// If there is no shell.
///
/// # Panics
///
/// If a request got another status than it expects or says nothing of it, or if a line has a comment: pasted into zsh,
/// that would be arguments.
pub fn paste(lines: &[&str]) -> io::Result<String> {
    for line in lines {
        assert!(!line.contains('#'), "{line}");
    }
    let mut shell = Command::new("sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = shell.stdin.take() {
        // as one paste, after which the shell reads the next line as if it had been typed
        input.write_all((lines.join("\n") + "\n").as_bytes())?;
    }
    let output = shell.wait_with_output()?;
    let shown = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let mut results = 0;
    for result in shown.lines().filter_map(|line| line.split(" -> ").nth(1)) {
        let (got, expected) = result.split_once(", expect ").unwrap_or((result, "nothing"));
        assert_eq!(got, expected, "{shown}");
        results += 1;
    }
    let asked = lines.iter().filter(|line| line.contains("curl ")).count();
    assert_eq!(results, asked, "each request says what it got: {shown}");
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    const CURL: &str = "curl() { echo \"body -> $1, expect $2\"; }";

    #[test]
    fn each_request_gets_what_it_expects() {
        let shown = paste(&[CURL, "GOT=200", "curl $GOT 200", "curl 401 401"]).unwrap();
        assert_eq!(shown.lines().count(), 2);
        for wrong in ["curl 200 401", "curl 200 200 > /dev/null", "curl 200 200 # why"] {
            assert!(catch_unwind(|| paste(&[CURL, wrong])).is_err(), "{wrong}");
        }
    }
}
