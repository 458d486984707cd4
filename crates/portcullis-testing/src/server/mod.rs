//! An issuer on a real socket, under the control of a test: metadata, keys, and every way to fail.

mod answer;
mod fault;
mod listen;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portcullis_issuer::SigningKey;

pub use self::fault::Fault;
use self::listen::Listener;

/// An issuer that answers on a real socket of the loopback, with metadata and keys, until a test has it fail.
///
/// It serves by threads of its own and needs no runtime. Its addresses:
///
/// | path | document |
/// |---|---|
/// | `/.well-known/openid-configuration` | the metadata, naming [`url`](Self::url) as the issuer |
/// | `/.well-known/oauth-authorization-server` | the same |
/// | `/keys` | the JWK Set that was [published](Self::publish) last |
///
/// Everything it is sent is [noted](Self::requests). It ends when it is dropped.
///
/// # Example
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
/// use portcullis::Algorithm;
/// use portcullis_testing::{Fault, IssuerServer, TestIssuer};
///
/// # fn main() -> std::io::Result<()> {
/// let server = IssuerServer::start()?;
/// let issuer = TestIssuer::new(Algorithm::ES256).with_name(server.url());
/// server.publish([issuer.key()]);
///
/// // what a service would fetch; here by hand
/// let get = || -> std::io::Result<String> {
///     let mut stream = TcpStream::connect(server.address())?;
///     stream.write_all(b"GET /keys HTTP/1.1\r\nhost: x\r\n\r\n")?;
///     let mut answer = String::new();
///     stream.read_to_string(&mut answer)?;
///     Ok(answer)
/// };
/// assert!(get()?.contains("\"kty\":\"EC\""));
///
/// server.fail("/keys", Fault::Status(500));
/// assert!(get()?.starts_with("HTTP/1.1 500 "));
/// assert_eq!(server.count("/keys"), 2);
/// # Ok(())
/// # }
/// ```
pub struct IssuerServer {
    shared: Arc<Shared>,
    listener: Mutex<Option<Listener>>,
    address: SocketAddr,
    host: String,
    tls: Option<listen::Tls>,
}

/// A request that came in.
#[derive(Clone, Debug)]
pub struct ServedRequest {
    path: String,
    headers: Vec<(String, String)>,
}

impl ServedRequest {
    /// The path, with its query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value of this header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// What the threads that answer share with the test.
#[derive(Default)]
struct Shared {
    script: Mutex<Script>,
    /// Told when something was noted or changed.
    changed: Condvar,
}

#[derive(Default)]
struct Script {
    documents: HashMap<String, Vec<u8>>,
    headers: HashMap<String, Vec<(String, String)>>,
    faults: HashMap<String, Fault>,
    tags: bool,
    requests: Vec<ServedRequest>,
    /// How many clients are held without an answer.
    held: usize,
    over: bool,
}

impl Shared {
    /// A test that panicked elsewhere leaves the script whole.
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        let changed = change(&mut self.script());
        self.changed.notify_all();
        changed
    }
}

/// How long a wait for a request goes on before it is a failure of the test.
const PATIENCE: Duration = Duration::from_secs(30);

impl IssuerServer {
    /// An issuer on `http://127.0.0.1`, on a port that is free.
    ///
    /// # Errors
    ///
    /// If no port can be had.
    pub fn start() -> io::Result<Self> {
        let host = Ipv4Addr::LOCALHOST;
        Self::serve(host.into(), host.to_string(), None)
    }

    /// As [`start`](Self::start), on this address of the loopback.
    ///
    /// # Errors
    ///
    /// If no port can be had, for instance where there is no IPv6.
    pub fn start_on(address: IpAddr) -> io::Result<Self> {
        let host = match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        Self::serve(address, host, None)
    }

    /// An issuer on `https://localhost`, with a certificate that only
    /// [`certificate_pem`](Self::certificate_pem) vouches for.
    ///
    /// # Errors
    ///
    /// If no port can be had, or no certificate made.
    pub fn start_tls() -> io::Result<Self> {
        let tls = listen::Tls::new()?;
        Self::serve(Ipv4Addr::LOCALHOST.into(), "localhost".to_owned(), Some(tls))
    }

    fn serve(ip: IpAddr, host: String, tls: Option<listen::Tls>) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let listener = Listener::start(SocketAddr::new(ip, 0), &shared, tls.as_ref())?;
        let address = listener.address();
        let server = Self { shared, listener: Mutex::new(Some(listener)), address, host, tls };
        let metadata =
            format!(r#"{{"issuer":"{url}","jwks_uri":"{url}/keys"}}"#, url = server.url());
        server.document("/.well-known/openid-configuration", metadata.as_str());
        server.document("/.well-known/oauth-authorization-server", metadata);
        server.document("/keys", r#"{"keys":[]}"#);
        Ok(server)
    }

    /// Where it is: also the name of the issuer in its metadata.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.host, self.address.port())
    }

    /// The address of its keys.
    #[must_use]
    pub fn keys_url(&self) -> String {
        format!("{}/keys", self.url())
    }

    /// Its socket.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate to trust, in PEM, if it [speaks TLS](Self::start_tls).
    #[must_use]
    pub fn certificate_pem(&self) -> Option<&str> {
        self.tls.as_ref().map(|tls| tls.certificate_pem.as_str())
    }

    /// Publishes the public halves of these keys, and no others, at `/keys`.
    pub fn publish<'a>(&self, keys: impl IntoIterator<Item = &'a SigningKey>) {
        let keys: Vec<_> = keys.into_iter().filter_map(SigningKey::public_jwk).collect();
        self.document("/keys", format!(r#"{{"keys":[{}]}}"#, keys.join(",")));
    }

    /// Serves this document at this path.
    pub fn document(&self, path: &str, body: impl Into<Vec<u8>>) {
        let body = body.into();
        self.shared.change(|script| script.documents.insert(path.to_owned(), body));
    }

    /// Sends these headers with what is served at this path, beside the usual ones.
    pub fn headers<N: Into<String>, V: Into<String>>(
        &self,
        path: &str,
        headers: impl IntoIterator<Item = (N, V)>,
    ) {
        let headers =
            headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        self.shared.change(|script| script.headers.insert(path.to_owned(), headers));
    }

    /// Sends an `ETag` with each document, and 304 to who has it.
    pub fn use_entity_tags(&self) {
        self.shared.change(|script| script.tags = true);
    }

    /// Fails in this way at this path from now on.
    pub fn fail(&self, path: &str, fault: Fault) {
        self.shared.change(|script| script.faults.insert(path.to_owned(), fault));
    }

    /// Fails no longer. Clients that were held are let go without an answer.
    pub fn heal(&self) {
        self.shared.change(|script| script.faults.clear());
    }

    /// Closes the socket: connections are refused until [`restart`](Self::restart).
    pub fn stop(&self) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Opens the socket again, on the same port.
    ///
    /// # Errors
    ///
    /// If somebody else has it by now.
    pub fn restart(&self) -> io::Result<()> {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if listener.is_none() {
            *listener = Some(Listener::start(self.address, &self.shared, self.tls.as_ref())?);
        }
        Ok(())
    }

    /// All requests so far, in the order in which they came.
    #[must_use]
    pub fn requests(&self) -> Vec<ServedRequest> {
        self.shared.script().requests.clone()
    }

    /// How many requests came for this path.
    #[must_use]
    pub fn count(&self, path: &str) -> usize {
        self.shared.script().requests.iter().filter(|request| request.path == path).count()
    }

    /// Waits, blocking this thread, until so many requests have come for this path.
    ///
    /// # Panics
    ///
    /// If they do not come within half a minute.
    pub fn wait_for(&self, path: &str, requests: usize) {
        self.wait_until(|script| {
            script.requests.iter().filter(|request| request.path == path).count() >= requests
        });
    }

    /// Waits, blocking this thread, until no client is held by a [`Fault`] any more: until all that were have
    /// given up.
    ///
    /// # Panics
    ///
    /// If one is still held after half a minute.
    pub fn wait_for_none_held(&self) {
        self.wait_until(|script| script.held == 0);
    }

    fn wait_until(&self, done: impl Fn(&Script) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut script = self.shared.script();
        while !done(&script) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it did not come in time; so far: {:?}", script.requests);
            let waited = self.shared.changed.wait_timeout(script, left);
            script = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for IssuerServer {
    fn drop(&mut self) {
        self.stop();
        self.shared.change(|script| script.over = true);
    }
}

impl std::fmt::Debug for IssuerServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuerServer").field("url", &self.url()).finish_non_exhaustive()
    }
}
