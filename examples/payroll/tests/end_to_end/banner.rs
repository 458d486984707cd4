//! The lines of the banner do what they say.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::server::Setup;

fn check(rules: &[&str]) {
    let server = Setup::new().rules(rules).start();
    let lines: Vec<&str> = server.banner.lines().filter(|line| line.contains("curl ")).collect();
    assert!(lines.len() > 15, "{}", server.banner);
    for user in ["bob", "alice"] {
        let sign_in = format!(r#"{{"username":"{user}","password":""#);
        assert!(lines.iter().any(|line| line.contains(&sign_in)), "{}", server.banner);
    }
    for line in &lines {
        // pasted into zsh, a comment would be arguments
        assert!(!line.contains('#'), "{line}");
        // as one paste, after which the shell reads the next line as if it had been typed
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
        assert_eq!(got, expected, "{rules:?}: {shown}");
        results += 1;
    }
    assert_eq!(results, lines.len(), "{shown}");
}

#[test]
fn its_lines_work_as_printed() {
    check(&[]);
}

#[test]
fn its_lines_tell_what_other_rules_do() {
    check(&["cutoff"]);
    check(&["denylist"]);
    check(&["allowlist"]);
}
