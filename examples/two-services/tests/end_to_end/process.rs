//! The program as a child process.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::client::Client;

/// A folder with certificates, and processes that use them.
#[derive(Debug)]
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        let mut command = Self::program();
        let made = command.arg("certificates").arg(place.certificates()).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        place
    }

    pub(crate) fn program() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_two-services"));
        // all that it may ever log of ours
        command.env("RUST_LOG", "info,portcullis=trace");
        command
    }

    pub(crate) fn certificates(&self) -> PathBuf {
        self.folder.path().join("certificates")
    }

    pub(crate) fn client(&self) -> Client {
        Client::trusting(&self.certificates().join("ca.pem"))
    }

    /// Starts one of the services by its sub-command.
    pub(crate) fn start(&self, service: &str, args: &[&str]) -> Running {
        Running::start(Self::program().arg(service).arg(self.certificates()).args(args))
    }

    pub(crate) fn billing(&self, orders: &str, args: &[&str]) -> Running {
        let all =
            ["--listen", "127.0.0.1:0", "--orders", orders, "--google", "https://localhost:1"];
        self.start("billing", &[&all, args].concat())
    }

    pub(crate) fn orders(&self, port: u16, billing: &str) -> Running {
        let listen = format!("127.0.0.1:{port}");
        self.start("orders", &["--listen", &listen, "--billing", billing])
    }
}

/// A port on which nobody answers, until it is released to the one that it is kept for.
#[derive(Debug)]
pub(crate) struct KeptPort {
    socket: TcpListener,
}

impl KeptPort {
    pub(crate) fn new() -> Self {
        // the system makes connections, which nobody takes; they break when the socket closes
        Self { socket: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap() }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.socket.local_addr().unwrap().port())
    }

    pub(crate) fn release(self) -> u16 {
        self.socket.local_addr().unwrap().port()
    }
}

/// A running program. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) banner: String,
    tokens: HashMap<String, String>,
    log: Receiver<String>,
}

impl Running {
    /// Starts it and waits until it says that it listens.
    pub(crate) fn start(command: &mut Command) -> Self {
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
        let tokens = banner
            .lines()
            .filter_map(|line| line.split_once('='))
            .filter(|(name, _)| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
            .map(|(name, token)| (name.to_owned(), token.trim_matches('\'').to_owned()))
            .collect();
        Self { child, banner, tokens, log }
    }

    /// The first address that it prints.
    pub(crate) fn url(&self) -> &str {
        let at = self.banner.find("https://").unwrap();
        let rest = &self.banner[at..];
        &rest[..rest.find([',', '\n']).unwrap()]
    }

    /// A variable of its banner.
    #[track_caller]
    pub(crate) fn token(&self, name: &str) -> &str {
        &self.tokens[name]
    }

    /// Waits for a line of the log that contains this. Panics when the log ends without it, or goes on for too long.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        let limit = Duration::from_secs(60);
        while !self.log.recv_timeout(limit).unwrap().contains(text) {}
    }

    /// Ends it, and gives all of the log that was not waited for.
    pub(crate) fn end_of_log(mut self) -> String {
        self.child.kill().unwrap();
        self.log.iter().collect()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and an orderly end.
    #[cfg(unix)]
    pub(crate) fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // it may have ended already
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All services in one process, once Billing has the keys of both issuers.
pub(crate) fn all(args: &[&str]) -> Running {
    let free = "127.0.0.1:0";
    let ports = ["--orders", free, "--billing", free, "--google", free];
    let services = Running::start(Place::program().args(ports).args(args));
    services.wait_for("keys were fetched");
    services.wait_for("keys were fetched");
    services
}
