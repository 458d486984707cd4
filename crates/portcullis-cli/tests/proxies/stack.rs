//! A proxy, the gate and a service behind them, each on a port of its own and gone with the test.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use portcullis_support::{Port, Process};
use tempfile::TempDir;

use crate::recipe::Front;

const ISSUER: &str = "https://me.example";

/// A gate, and the folder with the key of its issuer.
pub(crate) struct Gate {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
    /// Where the keys are not.
    _nowhere: Option<Port>,
}

pub(crate) struct Stack {
    gate: Gate,
    proxy: Process,
    port: Port,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

fn portcullis(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_clear().current_dir(folder).args(args);
    command
}

fn output(folder: &Path, args: &[&str]) -> String {
    let output = portcullis(folder, args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

impl Gate {
    pub(crate) fn with_key(variables: &[(&str, &str)]) -> Self {
        Self::start(&[&[("PORTCULLIS_JWKS_FILE", "jwks.json")], variables].concat())
    }

    /// Whose issuer is out of reach.
    pub(crate) fn without_keys() -> Self {
        let nowhere = Port::keep().unwrap();
        let url = format!("http://127.0.0.1:{}/jwks", nowhere.number());
        let mut gate = Self::start(&[("PORTCULLIS_JWKS_URL", &url)]);
        gate._nowhere = Some(nowhere);
        gate
    }

    fn start(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        output(folder.path(), &["keygen", "--out", "key.pem"]);
        let jwks = output(folder.path(), &["jwks", "key.pem"]);
        std::fs::write(folder.path().join("jwks.json"), jwks).unwrap();
        let mut command = portcullis(folder.path(), &["gate"]);
        command.env("PORTCULLIS_ISSUER", ISSUER).env("PORTCULLIS_AUDIENCE", "payroll");
        command.env("PORTCULLIS_LISTEN", "127.0.0.1:0").envs(variables.iter().copied());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("http://").unwrap().1.parse().unwrap();
        Self { child, address, folder, _nowhere: None }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Stack {
    pub(crate) fn start(front: Front, gate: Gate) -> io::Result<Self> {
        let service = service()?;
        let kept = Port::keep()?;
        let port = kept.number();
        let folder = tempfile::tempdir()?;
        let mut command = front.command(folder.path(), port, gate.address, service)?;
        let mut proxy = Process::start(folder, &mut command)?;
        proxy.wait_for_port(port)?;
        Ok(Self { gate, proxy, port: kept })
    }

    /// The same after the gate has gone.
    pub(crate) fn without_gate(mut self) -> Self {
        self.gate.child.kill().unwrap();
        self.gate.child.wait().unwrap();
        self
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number())
    }

    pub(crate) fn mint(&self, args: &[&str]) -> String {
        let usual = ["mint", "-q", "--key", "key.pem", "--issuer", ISSUER, "--audience", "payroll"];
        output(self.gate.folder.path(), &[&usual, args].concat()).trim().to_owned()
    }

    pub(crate) fn ask(&self, method: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.ask_path(method, "/workers", headers, body)
    }

    pub(crate) fn ask_path(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let port = self.port.number();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
             Content-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let log = || std::fs::read_to_string(self.proxy.folder().join("log")).unwrap_or_default();
        let (head, body) =
            text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}\n{}", log()));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut values = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.trim());
        assert!(values.next().is_none(), "{name} is there twice: {}", self.head);
        value
    }

    /// True if the service got this header.
    pub(crate) fn has_line(&self, line: &str) -> bool {
        self.body.lines().any(|told| told == line)
    }
}

/// A service that answers with the headers and the body that it got; `/status/N` with that status.
fn service() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    // it ends with the process of the test
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // a client that has gone is no fault of the service
            thread::spawn(move || drop(answer(stream)));
        }
    });
    Ok(address)
}

fn answer(stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let (mut told, mut length) = (String::from("the service got\n"), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        let Some((name, value)) = line.split_once(':') else { break };
        let name = name.to_ascii_lowercase();
        if name == "content-length" {
            length = value.trim().parse().unwrap_or(0);
        }
        told += &format!("{name}:{value}\n");
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    told += &String::from_utf8_lossy(&body);
    let path = first.split(' ').nth(1).unwrap_or_default();
    let status = path.strip_prefix("/status/").unwrap_or("200");
    let length = told.len();
    let head =
        format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    (&stream).write_all(format!("{head}{told}").as_bytes())
}
