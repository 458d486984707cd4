//! The service as a child process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

use crate::client::Client;

pub(crate) const BOB: (&str, &str) = ("bob", "bob-may-look");
pub(crate) const ALICE: (&str, &str) = ("alice", "alice-may-pay");

/// Where a service keeps its state, and how it is started.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    directory: Arc<TempDir>,
    args: Vec<String>,
    listen: String,
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self {
            directory: Arc::new(tempfile::tempdir().unwrap()),
            args: Vec::new(),
            listen: "127.0.0.1:0".into(),
        }
    }

    /// With these rules of revocation instead of the default.
    pub(crate) fn rules(mut self, rules: &[&str]) -> Self {
        for rule in rules {
            self.args.extend(["--revocation".into(), (*rule).into()]);
        }
        self
    }

    pub(crate) fn listen(self, listen: &str) -> Self {
        Self { listen: listen.into(), ..self }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.directory.path().join("payroll.db")
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_payroll"));
        // everything that it may ever log
        command.current_dir(self.directory.path()).env("RUST_LOG", "trace");
        command
    }

    /// Runs the command `add-user` with this on its standard input.
    pub(crate) fn add_user(&self, args: &[&str], stdin: &str) -> Output {
        let mut child = self
            .command()
            .arg("add-user")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // it may refuse its arguments before it has read anything
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Starts the service and waits until it says that it listens.
    pub(crate) fn start(&self) -> Server {
        let mut child = self
            .command()
            .args(["--listen", &self.listen])
            .args(&self.args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Log::collect(child.stderr.take().unwrap());
        let mut banner = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        while !banner.ends_with("Press Ctrl-C to stop.\n") {
            let read = stdout.read_line(&mut banner).unwrap();
            assert!(read > 0, "it did not start: {banner}{}", log.text());
        }
        let url = banner.split("http://").nth(1).unwrap().lines().next().unwrap();
        let mut address: SocketAddr = url.parse().unwrap();
        if address.ip().is_unspecified() {
            address.set_ip([127, 0, 0, 1].into());
        }
        Server { child, address, banner, log, setup: self.clone() }
    }
}

/// A running service. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    pub(crate) banner: String,
    pub(crate) log: Log,
    setup: Setup,
}

impl Server {
    /// With the default rules, on a fresh database.
    pub(crate) fn start() -> Self {
        Setup::new().start()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.setup.database()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Somebody without a token.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Somebody who has just signed in.
    pub(crate) async fn sign_in(&self, (name, password): (&str, &str)) -> Client {
        let reply = self.client().sign_in(name, password).await.expect(200);
        self.client().with_token(reply.value()["access_token"].as_str().unwrap())
    }

    /// The same token, shown to this service.
    pub(crate) fn bearer(&self, other: &Client) -> Client {
        self.client().with_token(other.token())
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// SIGTERM, and the end of it.
    pub(crate) fn stop(mut self) -> Setup {
        self.signal("TERM");
        assert!(self.wait().success(), "{}", self.log.text());
        self.setup.clone()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) -> Setup {
        self.child.kill().unwrap();
        self.wait();
        self.setup.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // it may have ended already
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the service wrote to its log so far.
#[derive(Debug)]
pub(crate) struct Log {
    text: Arc<Mutex<String>>,
    lines: Mutex<Receiver<String>>,
}

impl Log {
    fn collect(from: impl std::io::Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let (sender, lines) = channel();
        let all = Arc::clone(&text);
        thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                let mut all = all.lock().unwrap();
                all.push_str(&line);
                all.push('\n');
                // the test may be over
                let _ = sender.send(line);
            }
        });
        Self { text, lines: Mutex::new(lines) }
    }

    pub(crate) fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    /// Waits for a line that contains this. Panics when the log ends without it.
    pub(crate) fn wait_for(&self, text: &str) {
        let lines = self.lines.lock().unwrap();
        while !lines.recv().unwrap().contains(text) {}
    }

    /// Waits for the end of it.
    pub(crate) fn end(&self) -> String {
        let lines = self.lines.lock().unwrap();
        while lines.recv().is_ok() {}
        self.text()
    }
}

/// The files that SQLite keeps for a database.
pub(crate) fn files_of(database: &Path) -> Vec<PathBuf> {
    let name = database.file_name().unwrap().to_str().unwrap();
    ["", "-wal", "-shm"]
        .map(|suffix| database.with_file_name(format!("{name}{suffix}")))
        .into_iter()
        .filter(|path| path.exists())
        .collect()
}
