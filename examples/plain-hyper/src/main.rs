//! The layer with hyper and nothing else: no web framework, no router.
//!
//! `cargo run -p plain-hyper` prints lines to paste into another terminal, each with the status to
//! expect. `service.rs` is the guarded service, `issuer.rs` mints the tokens for the demo, this file
//! carries connections from one to the other.

mod banner;
mod issuer;
mod service;

use std::net::SocketAddr;

use anyhow::{Context, bail};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listener = TcpListener::bind(address()?).await.context("can't listen there")?;
    let issuer = issuer::new()?;
    let service = service::guarded(&issuer)?;
    banner::print(listener.local_addr()?, &issuer)?;
    loop {
        let (stream, _) = listener.accept().await?;
        // a clone for each connection; the keys and the settings are shared
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                // gives clients 30 seconds for a request's head
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // a client that goes away in the middle is no concern of the service
            let _ = connection.await;
        });
    }
}

/// `--listen ADDRESS`, or the usual one.
fn address() -> anyhow::Result<SocketAddr> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => Ok(SocketAddr::from(([127, 0, 0, 1], 3001))),
        ["--listen", address] => address.parse().context("--listen takes ADDRESS:PORT"),
        _ => bail!("usage: plain-hyper [--listen ADDRESS:PORT]"),
    }
}
