//! A real server on a port of its own, and a client that sends any bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::any;
use portcullis::{JwtLayer, Revocation};
use portcullis_axum::Jwt;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tower_http::trace::TraceLayer;
use tracing::subscriber::DefaultGuard;

use super::{Answer, Log};

/// An axum service behind the layer under attack. It runs on this thread, and only while a request is
/// waited for, so that this thread's log and panics are its own.
pub(crate) struct Server {
    runtime: Runtime,
    address: SocketAddr,
    served: Arc<AtomicUsize>,
    pub(crate) log: Log,
    _logging: DefaultGuard,
}

impl Server {
    pub(crate) fn start<R: Revocation>(layer: JwtLayer<Value, R>) -> Self {
        let served = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&served);
        let who = move |Jwt(caller): Jwt<Value>| {
            counter.fetch_add(1, Ordering::Relaxed);
            async move { caller["sub"].to_string() }
        };
        let app = Router::new().route("/", any(who)).layer(layer).layer(TraceLayer::new_for_http());
        Self::serve(app, served)
    }

    /// Serves any router; `served` counts the requests that got in.
    pub(crate) fn serve(app: Router, served: Arc<AtomicUsize>) -> Self {
        super::panics_of_this_thread();
        let (log, logging) = Log::capture();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { runtime, address, served, log, _logging: logging }
    }

    /// How many requests the service behind the layer got to see.
    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }

    /// What the server answers to these bytes.
    pub(crate) fn send(&self, bytes: &[u8]) -> Answer {
        Answer::parse(&self.send_raw(bytes))
    }

    /// The bytes of the answer, whoever gave it.
    pub(crate) fn send_raw(&self, bytes: &[u8]) -> Vec<u8> {
        self.runtime.block_on(exchange(self.address, bytes))
    }

    /// The answers to requests that are sent at the same time, each on its own connection.
    pub(crate) fn send_all(&self, requests: &[Vec<u8>]) -> Vec<Answer> {
        let address = self.address;
        let tasks: Vec<_> = requests
            .iter()
            .map(|bytes| {
                let bytes = bytes.clone();
                self.runtime.spawn(async move { exchange(address, &bytes).await })
            })
            .collect();
        tasks.into_iter().map(|task| Answer::parse(&self.runtime.block_on(task).unwrap())).collect()
    }

    /// Runs this beside the server, while a request is waited for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    pub(crate) fn served_counter(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.served)
    }
}

async fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let mut answer = Vec::new();
    // a server that has read enough may answer and close before all is written
    let (_, read) = tokio::join!(writer.write_all(bytes), reader.read_to_end(&mut answer));
    read.unwrap();
    answer
}

/// Where a token is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Header,
    Cookie,
}

impl Carrier {
    pub(crate) const ALL: [Self; 2] = [Self::Header, Self::Cookie];
    pub(crate) const COOKIE: &'static str = "__Host-session";

    /// The header line that carries the token.
    pub(crate) fn header(self, token: &[u8]) -> (&'static str, Vec<u8>) {
        match self {
            Self::Header => ("authorization", [b"Bearer ", token].concat()),
            Self::Cookie => ("cookie", [Self::COOKIE.as_bytes(), b"=", token].concat()),
        }
    }

    pub(crate) fn request(self, token: &[u8]) -> Vec<u8> {
        let (name, value) = self.header(token);
        request("GET", &[(name, &value)])
    }
}

/// The bytes of a request for `/` with these headers.
pub(crate) fn request(method: &str, headers: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes =
        format!("{method} / HTTP/1.1\r\nhost: app.example\r\nconnection: close\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}
