//! A listener that speaks TLS, for `axum::serve`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// For how long a client may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How many may do so at once; the others wait in the system's queue.
const AT_ONCE: usize = 256;

/// Connections that have shaken hands. One that is slow to do so holds up no other.
pub(crate) struct TlsListener {
    socket: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl TlsListener {
    pub(crate) fn new(socket: TcpListener, config: Arc<ServerConfig>) -> Self {
        Self { socket, acceptor: config.into(), handshakes: JoinSet::new() }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let Self { socket, acceptor, handshakes } = self;
        loop {
            tokio::select! {
                (stream, address) = Listener::accept(socket), if handshakes.len() < AT_ONCE => {
                    // answers are small; an error means that the client is gone, which reading will tell
                    let _ = stream.set_nodelay(true);
                    let handshake = acceptor.accept(stream);
                    handshakes.spawn(async move {
                        match timeout(HANDSHAKE, handshake).await {
                            Ok(Ok(stream)) => Some((stream, address)),
                            Ok(Err(error)) => {
                                tracing::debug!(%address, %error, "no TLS");
                                None
                            }
                            Err(_) => None,
                        }
                    });
                }
                Some(shaken) = handshakes.join_next() => {
                    if let Ok(Some(connection)) = shaken {
                        return connection;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}
