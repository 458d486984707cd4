//! The sockets: connections are few, bounded in size and time, and end in order.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::routes;
use super::settings::Settings;
use super::verify::Gate;
use crate::exit::Failure;
use crate::output;

/// How long the head of a request may take to come, and how long a connection may lie idle.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// The largest head of a request: the tokens that are accepted fit twice. One read more may be taken
/// before it is noticed, of as many bytes at most.
const HEAD_SIZE: usize = 32 * 1024;
/// How many headers a request may have.
const HEADERS: usize = 128;
/// How many connections there may be at a time. Others wait until one has ended.
const CONNECTIONS: usize = 1024;
/// How long requests that are under way may take to finish after the signal to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until a signal says to stop.
pub(super) async fn serve(settings: &Settings, gate: Gate) -> Result<(), Failure> {
    let address = settings.listen;
    let about =
        |error: io::Error| Failure::usage(format_args!("PORTCULLIS_LISTEN: {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(about)?;
    let mut signals = Signals::new().map_err(Failure::usage)?;
    let local = listener.local_addr().map_err(about)?;
    // after the signals are caught, so that whoever has read it may stop the gate
    output::print(&format!("portcullis gate is listening on http://{local}\n"))?;
    if !local.ip().is_loopback() {
        tracing::warn!(
            target: "portcullis",
            "others than this machine can reach the gate: whoever can ask it can try out tokens"
        );
    }

    let graceful = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, stream) = tokio::select! {
            accepted = accepted => accepted,
            () = signals.recv() => break,
        };
        let stream = match stream {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(target: "portcullis", %error, "a connection could not be accepted");
                // out of file descriptors, it would be the same a moment later
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let connection = graceful.watch(connection(stream, gate.clone()));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(target: "portcullis", %error, "a connection broke off");
            }
            drop(permit);
        });
    }
    drop(listener);
    tracing::info!(target: "portcullis", "stopping: no new connections; requests under way may finish");
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(DRAIN) => {
            tracing::warn!(target: "portcullis", "giving up on the requests still under way");
        }
        () = signals.recv() => {
            tracing::warn!(target: "portcullis", "told twice to stop: not waiting any longer");
        }
    }
    Ok(())
}

fn connection(
    stream: TcpStream,
    gate: Gate,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> {
    // answers are small: sending them at once is worth more than filling packets
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let gate = gate.clone();
        async move {
            let response: Response<Bytes> = routes::route(&gate, request).await;
            Ok::<_, Infallible>(response.map(Full::new))
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_SIZE)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service)
}

/// The signals that mean to stop.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The signals that mean to stop.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn recv(&mut self) {
        // an error means that no signal can be caught, and so none can stop it but the system
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
