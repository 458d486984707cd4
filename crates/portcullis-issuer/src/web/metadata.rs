//! What an issuer says about itself, so that verifiers and clients need no more than its name.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, Uri};
use serde_json::{Map, Value};
use tower_service::Service;

use super::{Body, document};
use crate::error::IssuerError;

/// The metadata of an authorization server ([RFC 8414 §2]), which is an OpenID Provider's in the parts
/// that verifiers look at ([Discovery §3]).
///
/// [RFC 8414 §2]: https://www.rfc-editor.org/rfc/rfc8414#section-2
/// [Discovery §3]: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
///
/// # Example
///
/// ```
/// use portcullis_issuer::web::ServerMetadata;
///
/// # fn main() -> Result<(), portcullis_issuer::IssuerError> {
/// let metadata = ServerMetadata::new("https://id.example.com/payroll")
///     .jwks_uri("https://id.example.com/payroll/jwks.json")
///     .token_endpoint("https://id.example.com/payroll/token");
/// // where clients look for it
/// assert_eq!(metadata.oauth_path(), "/.well-known/oauth-authorization-server/payroll");
/// assert_eq!(metadata.openid_path(), "/payroll/.well-known/openid-configuration");
/// let service = metadata.into_service()?;
/// # let _ = service;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ServerMetadata {
    issuer: String,
    members: Map<String, Value>,
    max_age: Duration,
}

impl ServerMetadata {
    /// Of the issuer of this name: an `https` URL, exactly as it is in the `iss` of tokens.
    pub fn new(issuer: impl Into<String>) -> Self {
        let issuer = issuer.into();
        let mut members = Map::new();
        members.insert("issuer".to_owned(), issuer.clone().into());
        // required, and there is no authorization endpoint that would take one
        members.insert("response_types_supported".to_owned(), Value::Array(Vec::new()));
        Self { issuer, members, max_age: Duration::from_secs(3600) }
    }

    /// Where the JWK Set is.
    pub fn jwks_uri(self, uri: impl Into<String>) -> Self {
        self.member("jwks_uri", uri.into())
    }

    /// Where the token endpoint is.
    pub fn token_endpoint(self, uri: impl Into<String>) -> Self {
        self.member("token_endpoint", uri.into())
    }

    /// The scopes that clients may ask for.
    pub fn scopes<S: Into<String>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        let scopes: Vec<String> = scopes.into_iter().map(Into::into).collect();
        self.member("scopes_supported", scopes)
    }

    /// Any other member, or another value for one that is there.
    pub fn member(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.members.insert(name.into(), value.into());
        self
    }

    /// For how long caches may keep it: an hour, unless set.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// Where clients of OAuth look for it: the well-known name between host and path
    /// ([RFC 8414 §3.1](https://www.rfc-editor.org/rfc/rfc8414#section-3.1)).
    #[must_use]
    pub fn oauth_path(&self) -> String {
        format!("/.well-known/oauth-authorization-server{}", self.path())
    }

    /// Where clients of OpenID Connect look for it: the well-known name behind the path
    /// ([Discovery §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig)).
    #[must_use]
    pub fn openid_path(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.path())
    }

    fn path(&self) -> String {
        let uri = self.issuer.parse::<Uri>();
        uri.map(|uri| uri.path().trim_end_matches('/').to_owned()).unwrap_or_default()
    }

    /// The service that answers every path with it: mount it at both paths.
    ///
    /// # Errors
    ///
    /// If the issuer or an endpoint is no `https` URL, or the issuer has a query or a fragment
    /// ([RFC 8414 §2](https://www.rfc-editor.org/rfc/rfc8414#section-2)). `http` is accepted for this
    /// machine alone (`localhost`, `127.0.0.1`, `[::1]`), for tests.
    pub fn into_service(self) -> Result<MetadataService, IssuerError> {
        check_url("the issuer", &self.issuer)?;
        if self.issuer.contains(['?', '#']) {
            return Err(IssuerError::setting("the issuer has a query or a fragment"));
        }
        for name in ["jwks_uri", "token_endpoint"] {
            if let Some(Value::String(uri)) = self.members.get(name) {
                check_url(name, uri)?;
            }
        }
        if !self.members.contains_key("jwks_uri") {
            return Err(IssuerError::setting("`jwks_uri` is missing"));
        }
        let document = Value::Object(self.members).to_string().into();
        Ok(MetadataService { document, max_age: self.max_age })
    }
}

fn check_url(what: &str, url: &str) -> Result<(), IssuerError> {
    let uri = url.parse::<Uri>().ok().filter(|uri| uri.host().is_some_and(|host| !host.is_empty()));
    let local = ["localhost", "127.0.0.1", "[::1]"];
    let good = uri.is_some_and(|uri| match uri.scheme_str() {
        Some("https") => true,
        Some("http") => uri.host().is_some_and(|host| local.contains(&host)),
        _ => false,
    });
    if good {
        return Ok(());
    }
    Err(IssuerError::setting(format!("{what} is no https URL (RFC 8414 §2)")))
}

/// Serves [`ServerMetadata`]: `GET` and `HEAD`, with an entity tag and 304 where nothing changed.
#[derive(Clone, Debug)]
pub struct MetadataService {
    document: Arc<str>,
    max_age: Duration,
}

impl<B> Service<Request<B>> for MetadataService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(document::answer(
            request.method(),
            request.headers(),
            "application/json",
            self.document.to_string(),
            self.max_age,
        )))
    }
}
