//! The program as a child process, and somebody who talks to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

const CLIENT_ASSERTION: &str = "grant_type=client_credentials&client_assertion_type=\
    urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=";
const JWT_BEARER: &str =
    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_client-assertion"));
    // all that it may ever log of ours
    command.env("RUST_LOG", "info,portcullis=trace");
    command
}

/// A running server, a directory of clients, and a directory with their private keys. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) banner: String,
    log: Receiver<String>,
    folder: TempDir,
}

impl Server {
    /// Starts it and waits until it says that it listens.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["clients", "private"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let clients = folder.path().join("clients");
        let mut command = program();
        command.args(["--listen", "127.0.0.1:0", "--clients"]).arg(clients);
        Self::spawn(command, folder)
    }

    pub(crate) fn spawn(mut command: Command, folder: TempDir) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, log) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // the test may be over
                let _ = sender.send(line);
            }
        });
        let mut banner = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        while !banner.ends_with("Press Ctrl-C to stop.\n") {
            let read = stdout.read_line(&mut banner).unwrap();
            assert!(read > 0, "it did not start: {banner}");
        }
        Self { child, banner, log, folder }
    }

    pub(crate) fn url(&self) -> &str {
        let rest = self.banner.strip_prefix("Listening on ").unwrap();
        rest.split(';').next().unwrap()
    }

    pub(crate) fn public(&self, name: &str) -> PathBuf {
        self.folder.path().join("clients").join(format!("{name}.pem"))
    }

    pub(crate) fn private(&self, name: &str) -> PathBuf {
        self.folder.path().join("private").join(format!("{name}.key.pem"))
    }

    pub(crate) fn keygen(&self, name: &str, args: &[&str]) -> Output {
        let mut command = program();
        command.args(["keygen", name]).args(args);
        command.arg("--private").arg(self.folder.path().join("private"));
        command.arg("--public").arg(self.folder.path().join("clients"));
        command.output().unwrap()
    }

    /// A new client that the server trusts.
    pub(crate) fn add(&self, name: &str, args: &[&str]) {
        let output = self.keygen(name, args);
        assert!(output.status.success(), "{output:?}");
    }

    /// An assertion of this client for this server.
    pub(crate) fn sign(&self, name: &str) -> String {
        self.sign_with(name, name, self.url(), &[])
    }

    pub(crate) fn sign_with(&self, name: &str, key: &str, audience: &str, args: &[&str]) -> String {
        let mut command = program();
        command.args(["sign", name, "--audience", audience, "--key"]).arg(self.private(key));
        let output = command.args(args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Authenticates by this assertion.
    pub(crate) fn authenticate(&self, assertion: &str) -> Reply {
        self.post("/token", &format!("{CLIENT_ASSERTION}{assertion}"))
    }

    /// Asks for a token by this assertion.
    pub(crate) fn grant(&self, assertion: &str) -> Reply {
        self.post("/token", &format!("{JWT_BEARER}{assertion}"))
    }

    pub(crate) fn post(&self, path: &str, form: &str) -> Reply {
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            form.len()
        ), form)
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> Reply {
        self.send(&format!("GET {path} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n"), "")
    }

    fn send(&self, head: &str, body: &str) -> Reply {
        let address = self.url().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        write!(stream, "{head}Host: {address}\r\nConnection: close\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    /// Ends it, and gives all of its log.
    pub(crate) fn end_of_log(mut self) -> String {
        self.child.kill().unwrap();
        self.log.iter().collect()
    }

    /// SIGTERM, and an orderly end.
    #[cfg(unix)]
    pub(crate) fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // it may have ended already
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The exact error of RFC 6749 §5.2: status, `error`, and headers.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, error: &str, why: &str) {
        let reply = self.expect(status);
        let body = reply.value();
        assert_eq!(body["error"], error, "{reply:?}");
        assert!(body["error_description"].as_str().unwrap().contains(why), "{why}: {reply:?}");
        for header in
            ["content-type: application/json", "cache-control: no-store", "pragma: no-cache"]
        {
            assert!(reply.head.contains(header), "{reply:?}");
        }
        let challenged = reply.head.contains("www-authenticate: private_key_jwt");
        assert_eq!(challenged, status == 401, "{reply:?}");
    }

    #[track_caller]
    pub(crate) fn token(self) -> String {
        let reply = self.expect(200);
        let body = reply.value();
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 3600);
        assert_eq!(body["scope"], "reports:read");
        assert!(reply.head.contains("cache-control: no-store"), "{reply:?}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}
