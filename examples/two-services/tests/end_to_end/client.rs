//! A client over TLS that shows what was answered, and nothing cleverer.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

/// Somebody who trusts one authority.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    tls: Arc<ClientConfig>,
}

impl Client {
    pub(crate) fn trusting(authority: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { tls: Arc::new(tls) }
    }

    pub(crate) fn get(&self, url: &str, token: &str) -> Reply {
        self.send("GET", url, token, "").unwrap()
    }

    pub(crate) fn post(&self, url: &str, token: &str, json: &str) -> Reply {
        self.send("POST", url, token, json).unwrap()
    }

    /// An error if there is nobody, if they hang up, or if they are not who they should be.
    pub(crate) fn send(
        &self,
        method: &str,
        url: &str,
        token: &str,
        json: &str,
    ) -> std::io::Result<Reply> {
        let (address, path) = url.strip_prefix("https://").unwrap().split_once('/').unwrap();
        let (host, port) = address.split_once(':').unwrap();
        let stream = TcpStream::connect(("127.0.0.1", port.parse().unwrap()))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let name = host.to_owned().try_into().unwrap();
        let connection = ClientConnection::new(Arc::clone(&self.tls), name).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        write!(
            stream,
            "{method} /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{json}",
            json.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok(Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() })
    }
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        // a token that is no good is told from one that can't be looked at
        assert_eq!(
            self.head.contains("\r\nwww-authenticate: bearer "),
            matches!(status, 401 | 403)
        );
        assert_eq!(self.head.contains("\r\nretry-after: "), status == 503, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}
