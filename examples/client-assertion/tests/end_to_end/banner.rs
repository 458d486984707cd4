//! The lines of the banner do what they say.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::client::{Server, program};

#[test]
fn its_lines_work_as_printed() {
    let mut command = program();
    command.args(["--listen", "127.0.0.1:0"]);
    let server = Server::spawn(command, tempfile::tempdir().unwrap());
    let is_command = |line: &&str| {
        let name = line.split('=').next().unwrap();
        let assigns = line.contains('=') && name.bytes().all(|b| b.is_ascii_uppercase());
        assigns || ["curl ", "mv ", "\"$PROGRAM\" "].iter().any(|start| line.starts_with(start))
    };
    let lines: Vec<&str> = server.banner.lines().filter(is_command).collect();
    let asks = lines.iter().filter(|line| line.contains("curl ")).count();
    // pasted into zsh, a comment would be arguments
    assert!(lines.iter().all(|line| !line.contains('#')), "{}", server.banner);

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
    assert_eq!(results, asks, "{shown}");
    assert!(results > 12, "{shown}");
    // what went wrong, as the client reads it
    for why in ["used before", "lives too long", "another audience", "not known"] {
        assert!(shown.contains(why), "{why}: {shown}");
    }
}
