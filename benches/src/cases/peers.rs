//! `peer/NAME/ALG`: other people's layers over the same service that does nothing, each in a process of
//! its own (`benches/peers`), because they do not all fit into one dependency graph.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use portcullis::Algorithm;
use serde_json::json;

use crate::case::{Case, Contestant, Counter};
use crate::report::target;
use crate::watch::Took;
use crate::world::{AUDIENCE, ISSUER, SECRET, World};

/// Who takes part, and with which algorithms.
pub(super) const PEERS: &[(&str, &[Algorithm])] = &[
    ("oauth-resource-server", &[Algorithm::RS256]),
    ("jwt-authorizer", &[Algorithm::RS256, Algorithm::HS256]),
    ("axum-jwt-auth", &[Algorithm::RS256, Algorithm::HS256]),
    ("tower-oauth2-resource-server", &[Algorithm::RS256, Algorithm::HS256]),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, algorithms) in PEERS {
        for algorithm in *algorithms {
            let case = Case::new(format!("peer/{name}/{algorithm}"), move |world| {
                Peer::start(world, name, *algorithm)
            });
            cases.push(case.minus("bare").limit(format!("limit/{algorithm}")));
        }
    }
    cases
}

/// What servers and peers have to know, in one line.
pub(super) fn setting(world: &World, algorithm: Algorithm) -> Result<String> {
    let signer = world.signer(algorithm)?;
    let jwks = if algorithm == Algorithm::HS256 {
        use base64::Engine;
        let k = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(SECRET);
        json!({"keys": [{"kty": "oct", "alg": "HS256", "kid": "shared", "k": k}]}).to_string()
    } else {
        signer.keys.jwk_set()
    };
    let token = signer.tokens(1)?.remove(0);
    Ok(json!({"issuer": ISSUER, "audience": AUDIENCE, "jwks": jwks, "secret": SECRET,
        "token": token})
    .to_string())
}

/// A process that answers by lines.
pub(super) struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    pub(super) fn start(command: &mut Command, setting: &str) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut input = child.stdin.take().context("it has an input")?;
        let output = BufReader::new(child.stdout.take().context("it has an output")?);
        writeln!(input, "{setting}")?;
        Ok(Self { child, input, output })
    }

    pub(super) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("the process ended");
        }
        Ok(line.trim().to_owned())
    }

    fn ask(&mut self, line: &str) -> Result<String> {
        writeln!(self.input, "{line}")?;
        self.line()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Peer {
    process: Process,
    /// The binary that counts, its arguments, and what it reads.
    counting: (PathBuf, [String; 2], String),
}

impl Peer {
    fn start(world: &World, name: &str, algorithm: Algorithm) -> Result<Self> {
        let folder = built()?;
        let setting = setting(world, algorithm)?;
        let args = [name.to_owned(), algorithm.to_string()];
        let mut command = Command::new(folder.join("peers"));
        let mut process = Process::start(command.arg("measure").args(&args), &setting)?;
        process.line()?;
        Ok(Self { process, counting: (folder.join("peers-count"), args, setting) })
    }
}

impl Contestant for Peer {
    fn run(&mut self, operations: usize) {
        self.slice(operations);
    }

    fn slice(&mut self, operations: usize) -> Took {
        let answer = self.process.ask(&operations.to_string()).expect("the peer answers");
        let mut times = answer.split(' ').map(|ns| ns.parse().map(Duration::from_nanos).ok());
        Took { wall: times.next().flatten().expect("a time"), cpu: times.next().flatten() }
    }

    fn allocations(&mut self, _: Counter) -> Option<f64> {
        let (binary, args, setting) = &self.counting;
        let mut process = Process::start(Command::new(binary).args(args), setting).ok()?;
        process.line().ok()?.parse().ok()
    }
}

/// Builds the peers, and says where they are.
pub(super) fn built() -> Result<PathBuf> {
    let target = target()?.join("bench-peers");
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    // what cargo tells its children about this package would make build scripts run again
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST")
        }) {
            cargo.env_remove(name);
        }
    }
    let status = cargo
        .args(["build", "--release", "--locked", "--quiet", "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(&target)
        .status()?;
    if !status.success() {
        bail!("the peers can't be built; `--no-peers` leaves them out");
    }
    Ok(target.join("release"))
}
