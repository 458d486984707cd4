//! [`HttpClient`]: reqwest, with rustls on aws-lc-rs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use portcullis::BuildError;
use portcullis_core::BoxError;
use reqwest::redirect::Policy;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier as PlatformVerifier;

use super::Fetch;
use crate::url::{self, Url};

/// How long a connection is kept after an answer.
const IDLE: Duration = Duration::from_secs(5);

/// The client that keys are fetched with, unless you bring your own: reqwest with rustls.
///
/// # Rules
///
/// - The cryptography of TLS is aws-lc-rs, told to rustls explicitly. The provider that is installed for
///   the process makes no difference, and none is installed.
/// - Certificates are judged as the platform does, by [roots](HttpClientBuilder::root_certificates) of your own, or by
///   [both](HttpClientBuilder::more_root_certificates).
/// - Redirects are not followed, nothing is decompressed, no cookies are kept.
/// - A proxy is used only if it is [set](HttpClientBuilder::proxy). Those of the environment are not: a variable
///   that is there for something else does not decide through whom keys are fetched.
///
/// # Example
///
/// The keys of the Kubernetes cluster that this runs in, whose API server has an authority of its own and asks who
/// fetches:
///
/// ```no_run
/// use portcullis_oidc::{HttpClient, RemoteKeys};
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// let client = HttpClient::builder()
///     .root_certificates(std::fs::read(format!("{ACCOUNT}/ca.crt"))?)
///     .bearer_token_file("https://kubernetes.default.svc", format!("{ACCOUNT}/token"))
///     .build()?;
/// let keys = RemoteKeys::from_jwk_set_url("https://kubernetes.default.svc/openid/v1/jwks")
///     .spawn_with(client)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    credentials: Arc<[Credential]>,
}

/// A file with a token, and where the token may be sent.
struct Credential {
    origin: (bool, String, u16),
    file: PathBuf,
}

/// Builds an [`HttpClient`].
#[must_use]
pub struct HttpClientBuilder {
    connect_timeout: Duration,
    roots: Vec<Vec<u8>>,
    more_roots: Vec<Vec<u8>>,
    credentials: Vec<(String, PathBuf)>,
    proxy: Option<String>,
}

impl HttpClient {
    /// A client with the usual settings.
    ///
    /// # Errors
    ///
    /// If the platform's certificates can't be used.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// Starts to build a client.
    pub fn builder() -> HttpClientBuilder {
        HttpClientBuilder {
            connect_timeout: Duration::from_secs(3),
            roots: Vec::new(),
            more_roots: Vec::new(),
            credentials: Vec::new(),
            proxy: None,
        }
    }
}

impl HttpClientBuilder {
    /// How long a connection may take to be made, TLS included: three seconds unless set.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Trusts the authorities in this PEM, and no longer those of the platform. Called again, it trusts both.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(pem.into());
        self
    }

    /// Trusts the authorities in this PEM beside those that are trusted anyway: the platform's, or those of
    /// [`root_certificates`](Self::root_certificates). Called again, it trusts both.
    pub fn more_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.more_roots.push(pem.into());
        self
    }

    /// Sends the token in this file as `Authorization: Bearer` with each request to this origin
    /// (`https://kubernetes.default.svc`), and to no other. The file is read again for each request, since such
    /// tokens are renewed.
    pub fn bearer_token_file(mut self, origin: impl Into<String>, file: impl AsRef<Path>) -> Self {
        self.credentials.push((origin.into(), file.as_ref().to_owned()));
        self
    }

    /// Connects through this proxy: `http://proxy.example.com:3128`. It sees where connections go, and not
    /// what is said on them.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// If a certificate can't be read, or a setting makes no sense.
    pub fn build(self) -> Result<HttpClient, BuildError> {
        self.client().map_err(|error| BuildError::new(format!("the HTTP client: {error}")))
    }

    fn client(self) -> Result<HttpClient, BoxError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = self.verifier(&provider)?;
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        let mut client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(self.connect_timeout)
            // metadata and keys use one connection; the next refresh is far away
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("portcullis-oidc/", env!("CARGO_PKG_VERSION")));
        if let Some(proxy) = &self.proxy {
            client = client.proxy(reqwest::Proxy::all(proxy)?);
        }
        let credentials = self.credentials.iter().map(|(origin, file)| {
            let url = Url::parse(origin)
                .map_err(|why| format!("the origin {} {why}", url::shown(origin)))?;
            Ok(Credential { origin: url.origin(), file: file.clone() })
        });
        let credentials = credentials.collect::<Result<_, String>>()?;
        Ok(HttpClient { client: client.build()?, credentials })
    }

    /// `dangerous` above is what rustls calls every choice of a verifier; both of these check the whole chain.
    fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, BoxError> {
        let provider = Arc::clone(provider);
        let more = certificates(&self.more_roots)?;
        if self.roots.is_empty() {
            return Ok(Arc::new(PlatformVerifier::new_with_extra_roots(more, provider)?));
        }
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.roots)?.into_iter().chain(more) {
            roots.add(certificate)?;
        }
        Ok(WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()?)
    }
}

/// The certificates in these PEMs: at least one in each.
fn certificates(pems: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>, BoxError> {
    let mut all = Vec::new();
    for pem in pems {
        let before = all.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            all.push(certificate.map_err(|_| "a root certificate is no PEM")?);
        }
        if all.len() == before {
            return Err("there is no root certificate in the PEM".into());
        }
    }
    Ok(all)
}

impl Fetch for HttpClient {
    type Body = reqwest::Body;
    type Error = BoxError;

    async fn fetch(&self, mut request: Request<()>) -> Result<Response<Self::Body>, BoxError> {
        if let Some(credential) = self.credential(&request) {
            let header = bearer(tokio::fs::read(&credential.file).await, &credential.file)?;
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        let request = request.map(|()| reqwest::Body::default()).try_into()?;
        // the error would repeat the address, which ours has already
        let answer = self.client.execute(request).await.map_err(reqwest::Error::without_url)?;
        Ok(answer.into())
    }
}

impl HttpClient {
    /// The credential for where this request goes.
    fn credential(&self, request: &Request<()>) -> Option<&Credential> {
        if self.credentials.is_empty() {
            return None;
        }
        let origin = Url::parse(&request.uri().to_string()).ok()?.origin();
        self.credentials.iter().find(|credential| credential.origin == origin)
    }
}

fn bearer(read: std::io::Result<Vec<u8>>, file: &Path) -> Result<HeaderValue, BoxError> {
    let failed = |why: &dyn fmt::Display| format!("the token in {}: {why}", file.display());
    let mut header = b"Bearer ".to_vec();
    header.extend_from_slice(read.map_err(|error| failed(&error))?.trim_ascii());
    let mut header =
        HeaderValue::from_bytes(&header).map_err(|_| failed(&"it is no single line of text"))?;
    header.set_sensitive(true);
    Ok(header)
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<_> = self.credentials.iter().map(|credential| &credential.file).collect();
        f.debug_struct("HttpClient").field("bearer_token_files", &files).finish_non_exhaustive()
    }
}

/// Says whether there is a proxy, and not its address, which may have a password in it.
impl fmt::Debug for HttpClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<_> = self.credentials.iter().map(|(_, file)| file).collect();
        f.debug_struct("HttpClientBuilder")
            .field("connect_timeout", &self.connect_timeout)
            .field("bearer_token_files", &files)
            .field("proxy", &self.proxy.is_some())
            .finish_non_exhaustive()
    }
}
