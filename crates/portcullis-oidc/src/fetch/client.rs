//! [`HttpClient`]: reqwest, with rustls on aws-lc-rs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use portcullis_core::BoxError;
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_platform_verifier::Verifier as PlatformVerifier;

use super::Fetch;

/// The client that keys are fetched with, unless you bring your own: reqwest with rustls.
///
/// # Rules
///
/// - The cryptography of TLS is aws-lc-rs, told to rustls explicitly. The provider that is installed for
///   the process makes no difference, and none is installed.
/// - Certificates are judged as the platform does.
/// - Redirects are not followed.
/// - Proxies are not taken from the environment.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
}

/// Builds an [`HttpClient`].
#[derive(Debug)]
#[must_use]
pub struct HttpClientBuilder {
    connect_timeout: Duration,
}

impl HttpClient {
    /// A client with the usual settings.
    ///
    /// # Errors
    ///
    /// If the platform's certificates can't be used.
    pub fn new() -> Result<Self, BoxError> {
        Self::builder().build()
    }

    /// Starts to build a client.
    pub fn builder() -> HttpClientBuilder {
        HttpClientBuilder { connect_timeout: Duration::from_secs(3) }
    }
}

impl HttpClientBuilder {
    /// How long a connection may take to be made, TLS included: three seconds unless set.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// If the platform's certificates can't be used.
    pub fn build(self) -> Result<HttpClient, BoxError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = PlatformVerifier::new(Arc::clone(&provider))?;
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(self.connect_timeout)
            .user_agent(concat!("portcullis-oidc/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(HttpClient { client })
    }
}

impl Fetch for HttpClient {
    type Body = reqwest::Body;
    type Error = reqwest::Error;

    async fn fetch(&self, request: Request<()>) -> Result<Response<Self::Body>, Self::Error> {
        let request = request.map(|()| reqwest::Body::default()).try_into()?;
        Ok(self.client.execute(request).await?.into())
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}
