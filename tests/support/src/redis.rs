//! A Redis of a test's own.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;

use tempfile::TempDir;

use crate::signal::{Signal, signal};
use crate::{Port, Process, Program};

/// True once it answers with anything but that it is still loading; that it wants a password will do.
fn is_loaded(port: u16) -> io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer)?;
    Ok(!answer.starts_with(b"-LOAD"))
}

/// A running Redis, on a free port of the loopback interface and in a temporary folder. Dropping it ends it.
#[derive(Debug)]
pub struct RedisServer {
    process: Process,
    port: Port,
    settings: Vec<String>,
}

impl RedisServer {
    /// Starts one with these settings, as they would stand in `redis.conf`: `&["appendonly yes"]`. Without any it keeps
    /// nothing on the disk.
    ///
    /// # Errors
    ///
    /// If it does not come up; the error has its log.
    pub fn start(settings: &[&str]) -> io::Result<Self> {
        let settings: Vec<_> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let process = Process::start(TempDir::new()?, &mut Command::new("true"))?;
        Self::launch(process, Port::keep()?, settings)
    }

    fn launch(process: Process, port: Port, settings: Vec<String>) -> io::Result<Self> {
        let number = port.number();
        let mut lines = vec![
            format!("port {number}"),
            "bind 127.0.0.1".to_owned(),
            "save \"\"".to_owned(),
            format!("dir {}", process.folder().display()),
        ];
        lines.extend(settings.iter().cloned());
        let file = process.folder().join("redis.conf");
        std::fs::write(&file, lines.join("\n") + "\n")?;
        let mut process = process.restart(Command::new(Program::REDIS.path()).arg(file))?;
        // with TLS only there is another port, which the test names in its settings
        let listening = |line: &String| line.strip_prefix("tls-port ").and_then(|p| p.parse().ok());
        let tls: Option<u16> = settings.iter().find_map(listening);
        process.wait_for_port(tls.unwrap_or(number))?;
        if tls.is_none() {
            // It listens before it has read what it kept on the disk.
            process.wait_for(|| is_loaded(number).unwrap_or(false))?;
        }
        Ok(Self { process, port, settings })
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// `redis://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        Self::url_at(self.port())
    }

    /// The same at another port: that of a proxy before it, say.
    #[must_use]
    pub fn url_at(port: u16) -> String {
        format!("redis://127.0.0.1:{port}")
    }

    /// Its folder, with what it keeps on the disk.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.process.folder()
    }

    /// What the operating system calls it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it at once (`kill -9`). Its data stays until it is dropped.
    ///
    /// # Errors
    ///
    /// If it can't be waited for.
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.kill().map(|_| ())
    }

    /// Ends it at once, if it still runs, and starts another on the same port and data.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn restart(mut self) -> io::Result<Self> {
        self.kill()?;
        Self::launch(self.process, self.port, self.settings)
    }

    /// Freezes it: connections stay open, nothing is answered.
    ///
    /// # Errors
    ///
    /// If the signal can't be sent.
    pub fn freeze(&self) -> io::Result<()> {
        signal(Signal::Stop, &[self.id()])
    }

    /// Lets it go on.
    ///
    /// # Errors
    ///
    /// If the signal can't be sent.
    pub fn thaw(&self) -> io::Result<()> {
        signal(Signal::Continue, &[self.id()])
    }
}
