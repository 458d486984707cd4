//! The lines of the banner do what they say.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::process::all;

#[test]
fn its_lines_work_as_printed() {
    let services = all(&[]);
    let lines: Vec<&str> = services
        .banner
        .lines()
        .filter(|line| line.contains("curl ") || !line.contains(' ') && line.contains('='))
        .collect();
    for line in lines.iter().filter(|line| line.contains("curl ")) {
        // pasted into zsh, a comment would be arguments
        assert!(!line.contains('#'), "{line}");
        assert!(line.contains("-> %{http_code}, expect "), "{line}");
    }

    let mut shell = Command::new("sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pasted = lines.join("\n");
    pasted.push('\n');
    shell.stdin.take().unwrap().write_all(pasted.as_bytes()).unwrap();
    let output = shell.wait_with_output().unwrap();
    let shown =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    let mut results = 0;
    for result in shown.lines().filter_map(|line| line.split(" -> ").nth(1)) {
        let (got, expected) = result.split_once(", expect ").unwrap();
        assert_eq!(got, expected, "{shown}");
        results += 1;
    }
    assert_eq!(results, lines.iter().filter(|line| line.contains("curl ")).count(), "{shown}");
    assert!(results > 15, "{shown}");
}
