//! `e2e/…`: requests over loopback sockets, HTTP/1.1 with keep-alive. Server and client are processes of
//! their own, of one thread each; the client writes and reads bytes and does nothing else.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use portcullis::{Algorithm, Denylist, IatCutoff, Issuer, JwtLayer, Keys, Revocation, Verifier};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, Service, service_fn};

use super::peers::{self, PEERS, Process};
use super::revocations;
use crate::case::{Case, Contestant, Counter};
use crate::watch::Took;
use crate::world::{AUDIENCE, Claims, ISSUER, World};

const CONNECTIONS: usize = 16;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("e2e/none", |world| EndToEnd::start(world, None, "none")),
        Case::new("e2e/ours/RS256", |world| EndToEnd::start(world, None, "ours")),
    ];
    for (name, _) in PEERS {
        let case = format!("e2e/peer/{name}/RS256");
        cases.push(Case::new(case, move |world| EndToEnd::start(world, Some(name), "peer")));
    }
    cases.into_iter().map(|case| case.slow().limit("e2e/none")).collect()
}

struct EndToEnd {
    /// It serves as long as it is here.
    _server: Process,
    address: String,
    token: String,
}

impl EndToEnd {
    fn start(world: &World, peer: Option<&str>, what: &str) -> Result<Self> {
        let setting = peers::setting(world, Algorithm::RS256)?;
        let mut command;
        if let Some(peer) = peer {
            command = Command::new(peers::built()?.join("peers"));
            command.args(["serve", peer, "RS256"]);
        } else {
            command = Command::new(std::env::current_exe()?);
            command.args(["play", what]).arg(world.many(1_000_000).to_string());
        }
        let mut server = Process::start(&mut command, &setting)?;
        let address = server.line()?;
        let token = world.signer(Algorithm::RS256)?.tokens(1)?.remove(0);
        Ok(Self { _server: server, address, token })
    }
}

impl Contestant for EndToEnd {
    fn run(&mut self, operations: usize) {
        self.slice(operations);
    }

    fn slice(&mut self, operations: usize) -> Took {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["play", "client", &self.address, &operations.to_string()]);
        let mut client = Process::start(&mut command, &self.token).expect("a client");
        let time = client.line().expect("the server answers all of them");
        Took::by_the_wall(Duration::from_nanos(time.parse().expect("a time")))
    }

    fn allocations(&mut self, _: Counter) -> Option<f64> {
        None
    }
}

/// Plays a server or the client.
pub(super) fn play(args: &[String]) -> Result<()> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    match args {
        [what, revocations] if what == "none" || what == "ours" => {
            let end = service_fn(end);
            if what == "none" {
                return local.block_on(&runtime, serve(end));
            }
            let setting: serde_json::Value = serde_json::from_str(&line)?;
            let keys = Keys::from_jwk_set(setting["jwks"].as_str().context("a key set")?)?;
            let issuer = Issuer::new(ISSUER).audience(AUDIENCE).keys(keys);
            let verifier = Verifier::builder().trust(issuer).build::<Claims>()?;
            let store = revocations::filled(revocations.parse()?);
            let rules = IatCutoff::new(store.clone()).and(Denylist::new(store));
            let layer = JwtLayer::new(verifier).with_revocation(rules);
            local.block_on(&runtime, serve(layer.layer(end)))
        }
        [client, address, requests] if client == "client" => {
            let requests = requests.parse()?;
            let time = local
                .block_on(&runtime, ask(address.parse()?, line.trim().to_owned(), requests))?;
            println!("{}", time.as_nanos());
            Ok(())
        }
        _ => bail!("there is no part {args:?}"),
    }
}

fn end(_: Request<Incoming>) -> Ready<Result<Response<Empty<Bytes>>, Infallible>> {
    ready(Ok(Response::new(Empty::new())))
}

/// Serves for ever, on a port that it prints.
async fn serve<S, B>(service: S) -> Result<()>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + 'static,
    B: Body + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(service.clone());
        let io = TokioIo::new(stream);
        tokio::task::spawn_local(http1::Builder::new().serve_connection(io, service));
    }
}

/// The time that this many requests take.
async fn ask(address: SocketAddr, token: String, requests: usize) -> Result<Duration> {
    let request: std::rc::Rc<[u8]> = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\naccept: */*\r\nauthorization: Bearer {token}\r\n\r\n"
    )
    .into_bytes()
    .into();
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        for _ in 0..4 {
            exchange(&mut stream, &request).await?;
        }
        connections.push(stream);
    }
    let start = Instant::now();
    let mut tasks = Vec::new();
    for (n, mut stream) in connections.into_iter().enumerate() {
        let mine = requests / CONNECTIONS + usize::from(n < requests % CONNECTIONS);
        let request = std::rc::Rc::clone(&request);
        tasks.push(tokio::task::spawn_local(async move {
            for _ in 0..mine {
                exchange(&mut stream, &request).await?;
            }
            anyhow::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(start.elapsed())
}

/// One request and its answer, which has no body.
async fn exchange(stream: &mut TcpStream, request: &[u8]) -> Result<()> {
    stream.write_all(request).await?;
    let mut answer = [0; 1024];
    let mut len = 0;
    loop {
        let read = stream.read(&mut answer[len..]).await?;
        if read == 0 {
            bail!("the connection was closed");
        }
        len += read;
        if answer[..len].ends_with(b"\r\n\r\n") {
            break;
        }
    }
    if !answer.starts_with(b"HTTP/1.1 200") {
        bail!("refused: {}", String::from_utf8_lossy(&answer[..len]));
    }
    Ok(())
}
