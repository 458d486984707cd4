//! Runs the example as a process and pastes its own lines, over real sockets.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

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

/// The head and body of the answer to one of the lines.
fn paste(line: &str, tokens: &HashMap<String, String>) -> String {
    let words: Vec<_> = line.split_whitespace().collect();
    let method = words.iter().position(|word| *word == "-X").map_or("GET", |at| words[at + 1]);
    let url = words.iter().find_map(|word| word.strip_prefix("http://")).unwrap();
    let (address, path) = url.split_at(url.find('/').unwrap());
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    if let Some(name) = words.iter().find_map(|word| word.strip_prefix('$')) {
        let token = &tokens[name.trim_end_matches('"')];
        request.push_str(&format!("Authorization: Bearer {token}\r\n"));
    }
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(format!("{request}\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn its_own_lines_get_the_status_that_they_say() {
    let mut running = start(&["--listen", "127.0.0.1:0"]);
    let output = BufReader::new(running.0.stdout.take().unwrap());
    let (mut tokens, mut pasted) = (HashMap::new(), Vec::new());
    for line in output.lines().map(Result::unwrap) {
        if let Some((name, token)) = line.split_once('=').filter(|_| !line.contains(' ')) {
            tokens.insert(name.to_owned(), token.to_owned());
        } else if line.starts_with("curl ") {
            let (command, status) = line.rsplit_once("  # ").unwrap();
            let answer = paste(command, &tokens);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}\n{answer}");
            pasted.push(answer);
        } else if line.contains("Ctrl-C") {
            break;
        }
    }
    assert_eq!(pasted.len(), 8);
    let whole = pasted.join("\n");
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
