//! The token endpoint: clients that prove themselves by a signature get access tokens.
//!
//! ```text
//! request ─► form ─► assertion: iss → keys ─► signature, rules ─► used before? ─► scopes ─► token
//! ```
//!
//! | `grant_type` | who the client is | whom the token is for |
//! |---|---|---|
//! | `client_credentials` ([RFC 6749 §4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)) | `client_assertion`, which is signed with its key (`private_key_jwt`, [RFC 7523 §2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2)) | the client |
//! | `urn:ietf:params:oauth:grant-type:jwt-bearer` ([RFC 7523 §2.1](https://www.rfc-editor.org/rfc/rfc7523#section-2.1)) | whoever signed `assertion`; a `client_assertion` beside it must be of the same client | its `sub` |
//!
//! # Rules
//!
//! - The `iss` of an assertion is the name of the client, and selects its keys. `sub` is the same where the client says
//!   who it is, and one that the client [acts for](TokenEndpointBuilder::acts_for) where it asks for a token by it.
//! - `aud` is the name of the issuer, and nothing else ([more](TokenEndpointBuilder::accept_audience)).
//! - `exp` is at most [five minutes](TokenEndpointBuilder::max_lifetime) ahead; `jti` is there, and works once.
//! - A client that is struck off the [registry](ClientRegistry) is refused with the next request. The tokens that it has
//!   live on: revoke them by its name.
//! - Errors are those of [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2): a bad `client_assertion`
//!   is `invalid_client` (401), a bad `assertion` is `invalid_grant` (400). A registry or a store that can't answer is 503.
//! - There are no shared secrets, and no credential in a header.
//!
//! A request costs one look at the registry and at most four verifications for each assertion. Serve it over TLS, and limit
//! how often strangers may ask.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//!
//! use portcullis::Algorithm;
//! use portcullis_issuer::token_endpoint::{ClientDirectory, TokenEndpoint};
//! use portcullis_issuer::{SigningKey, TokenIssuer};
//!
//! # fn main() -> Result<(), portcullis_issuer::IssuerError> {
//! let issuer = TokenIssuer::builder("https://id.example.com", SigningKey::generate(Algorithm::ES256)?)
//!     .audience("https://api.example.com")
//!     .lifetime(Duration::from_secs(3600))
//!     .build()?;
//! let endpoint = TokenEndpoint::builder(issuer, ClientDirectory::new("/etc/id/clients"))
//!     .scopes(|client| if client == "nightly" { vec!["reports:read".into()] } else { vec![] })
//!     .build()?;
//! // a tower service: `Router::new().route_service("/token", endpoint)` with axum
//! # let _ = endpoint;
//! # Ok(())
//! # }
//! ```

mod answer;
mod assertion;
mod builder;
mod clients;
mod form;
mod replay;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use serde::Serialize;
use tower_service::Service;

pub use builder::TokenEndpointBuilder;
pub use clients::{ClientDirectory, ClientRegistry};
pub use replay::{MemoryReplayStore, ReplayStore};

use self::answer::Refusal;
use self::assertion::{Asserted, Failure, Purpose, Rules};
use self::form::Form;
use crate::{BoxFuture, IssuerErrorKind, TokenIssuer};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A token endpoint, as a service of tower. Clones share everything. See the [module](self).
pub struct TokenEndpoint<R, S = MemoryReplayStore> {
    inner: Arc<Inner<R, S>>,
}

struct Inner<R, S> {
    issuer: TokenIssuer,
    clients: R,
    replays: S,
    rules: Rules,
    policy: Policy,
}

/// What clients may have.
struct Policy {
    scopes: Scopes,
    acts_for: ActsFor,
}

/// From a client to its scopes.
type Scopes = Box<dyn Fn(&str) -> Vec<String> + Send + Sync>;

/// Whether a client, the first, acts for a subject.
type ActsFor = Box<dyn Fn(&str, &str) -> bool + Send + Sync>;

impl<R> TokenEndpoint<R> {
    /// An endpoint that hands out the tokens of this issuer to these clients.
    pub fn builder(issuer: TokenIssuer, clients: R) -> TokenEndpointBuilder<R> {
        TokenEndpointBuilder::new(issuer, clients)
    }
}

impl<R: ClientRegistry, S: ReplayStore> Inner<R, S> {
    async fn answer<B: Body>(&self, request: Request<B>) -> Response<String> {
        self.token(request).await.unwrap_or_else(|refusal| {
            let (status, error, description) = refusal.logged();
            tracing::info!(target: "portcullis", status, error, description, "no token");
            refusal.into_response()
        })
    }

    async fn token<B: Body>(&self, request: Request<B>) -> Result<Response<String>, Refusal> {
        let form = Form::read(request).await?;
        let asserted = match form.get("grant_type") {
            None => return Err(Refusal::request("grant_type is missing")),
            Some("client_credentials") => {
                let client = self.authenticate(&form).await?;
                client.ok_or_else(|| Refusal::client("client_assertion is missing"))?
            }
            Some(JWT_BEARER) => self.grant(&form).await?,
            Some(_) => return Err(Refusal::unsupported()),
        };
        let scope = self.scope(&asserted.client, form.get("scope"))?;
        let claims = Claims { scope: scope.as_deref() };
        let token =
            self.issuer.token(&claims).subject(&asserted.subject).client_id(&asserted.client);
        let minted = token.issue().await.map_err(|error| {
            tracing::error!(target: "portcullis", error = &error as &dyn std::error::Error, "no token could be minted");
            match error.kind() {
                IssuerErrorKind::StoreUnavailable | IssuerErrorKind::CutoffAhead => {
                    Refusal::unavailable()
                }
                _ => Refusal::internal(),
            }
        })?;
        Ok(answer::token(&minted, scope.as_deref()))
    }

    /// Who the client is, if it says so (RFC 7521 §4.2).
    async fn authenticate(&self, form: &Form) -> Result<Option<Asserted>, Refusal> {
        if form.get("client_secret").is_some() {
            return Err(Refusal::client("clients have no secrets here"));
        }
        let assertion = match (form.get("client_assertion"), form.get("client_assertion_type")) {
            (None, None) => return Ok(None),
            (Some(assertion), Some(ASSERTION_TYPE)) => assertion,
            (Some(_), Some(_)) => {
                return Err(Refusal::client("the client_assertion_type is not supported"));
            }
            _ => {
                let text = "client_assertion and client_assertion_type go together";
                return Err(Refusal::request(text));
            }
        };
        let asserted = self.verify(assertion, Purpose::Authentication).await?;
        if form.get("client_id").is_some_and(|id| id != asserted.client) {
            return Err(Refusal::client("client_id names another client than client_assertion"));
        }
        Ok(Some(asserted))
    }

    async fn grant(&self, form: &Form) -> Result<Asserted, Refusal> {
        let client = self.authenticate(form).await?;
        let assertion =
            form.get("assertion").ok_or_else(|| Refusal::request("assertion is missing"))?;
        let asserted = self.verify(assertion, Purpose::Grant).await?;
        if client.is_some_and(|client| client.client != asserted.client) {
            return Err(Refusal::grant("the assertion is another client's"));
        }
        if form.get("client_id").is_some_and(|id| id != asserted.client) {
            return Err(Refusal::grant("client_id names another client than the assertion"));
        }
        if !(self.policy.acts_for)(&asserted.client, &asserted.subject) {
            return Err(Refusal::grant("the client may not act for that sub"));
        }
        Ok(asserted)
    }

    async fn verify(&self, assertion: &str, purpose: Purpose) -> Result<Asserted, Refusal> {
        let clock = self.issuer.clock();
        let result =
            self.rules.verify(assertion, purpose, &self.clients, &self.replays, clock).await;
        result.map_err(|failure| match (failure, purpose) {
            (Failure::Refused(why), Purpose::Authentication) => Refusal::client(why),
            (Failure::Refused(why), Purpose::Grant) => Refusal::grant(why),
            (Failure::Unavailable(error), _) => {
                tracing::error!(target: "portcullis", error = &*error as &dyn std::error::Error, "assertions can't be checked");
                Refusal::unavailable()
            }
        })
    }

    /// The scope of the token (RFC 6749 §3.3): what was asked for, and all of it or nothing.
    fn scope(&self, client: &str, asked: Option<&str>) -> Result<Option<String>, Refusal> {
        let allowed = (self.policy.scopes)(client);
        let Some(asked) = asked else {
            return Ok(Some(allowed.join(" ")).filter(|scope| !scope.is_empty()));
        };
        let mut scopes = asked.split(' ');
        if scopes.all(|scope| allowed.iter().any(|known| known == scope)) {
            Ok(Some(asked.to_owned()))
        } else {
            Err(Refusal::scope())
        }
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

impl<R, S, B> Service<Request<B>> for TokenEndpoint<R, S>
where
    R: ClientRegistry,
    S: ReplayStore,
    B: Body + Send + 'static,
{
    type Response = Response<String>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move { Ok(inner.answer(request).await) })
    }
}

impl<R, S> Clone for TokenEndpoint<R, S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<R, S> fmt::Debug for TokenEndpoint<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEndpoint")
            .field("issuer", &self.inner.issuer)
            .field("rules", &self.inner.rules)
            .finish_non_exhaustive()
    }
}
