//! The socket, its threads, and TLS.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{Shared, answer};

/// How long a read blocks before it is seen whether the test is over.
const READ: Duration = Duration::from_millis(50);

/// A socket that is listened on by a thread until it is dropped.
pub(super) struct Listener {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A certificate for `localhost`, and the server's half of TLS.
pub(super) struct Tls {
    pub(super) certificate_pem: String,
    config: Arc<ServerConfig>,
}

impl Tls {
    pub(super) fn new() -> io::Result<Self> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).map_err(io::Error::other)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key)
            })
            .map_err(io::Error::other)?;
        Ok(Self { certificate_pem: cert.pem(), config: Arc::new(config) })
    }
}

impl Listener {
    pub(super) fn start(
        address: SocketAddr,
        shared: &Arc<Shared>,
        tls: Option<&Tls>,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind(address)?;
        let address = socket.local_addr()?;
        let closed = Arc::<AtomicBool>::default();
        let (shared, config) = (Arc::clone(shared), tls.map(|tls| Arc::clone(&tls.config)));
        let until = Arc::clone(&closed);
        let thread = thread::spawn(move || {
            for stream in socket.incoming() {
                if until.load(Ordering::Acquire) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (shared, config) = (Arc::clone(&shared), config.clone());
                // a client that goes away in the middle is what some tests are about
                thread::spawn(move || serve(stream, config, &shared));
            }
        });
        Ok(Self { address, closed, thread: Some(thread) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(stream: TcpStream, tls: Option<Arc<ServerConfig>>, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(READ))?;
    match tls {
        None => answer::serve(stream, shared),
        Some(config) => {
            let connection = ServerConnection::new(config).map_err(io::Error::other)?;
            let mut stream = StreamOwned::new(connection, stream);
            answer::serve(&mut stream, shared)?;
            stream.conn.send_close_notify();
            stream.conn.complete_io(&mut stream.sock).map(|_| ())
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Release);
        // the thread waits for a connection: it gets one
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
