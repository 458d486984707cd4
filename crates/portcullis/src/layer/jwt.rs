//! [`JwtLayer`]: what is configured.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{NoRevocation, Revocation};
use tower_layer::Layer;

use super::JwtService;
use super::gate::Gate;
use crate::error::BuildError;
use crate::response::ResponseForRejection;
use crate::source::Source;
use crate::verifier::Verifier;

/// Verifies the token of every request, for any tower service.
///
/// A request passes with a [`Verified<C>`](crate::Verified) in its extensions, or it is answered here:
///
/// | The request | Answer |
/// |---|---|
/// | has a good token | the service's |
/// | has no credential | 401 with a bare challenge; the service's if [`optional`](Self::optional) |
/// | has a token that is not good, or was revoked | 401 `invalid_token`, even if optional |
/// | has two credentials, or one that is malformed | 400 `invalid_request`, even if optional |
/// | has a credential that the browser added, and comes from elsewhere | 403, see below |
/// | can't be judged: no keys, no answer from a store | 503 with `Retry-After` |
///
/// # Rules
///
/// - Tokens are taken from `Authorization: Bearer` unless [sources](Source) say otherwise, and from where
///   an issuer [is bound to](crate::Issuer::taken_from). If every issuer is bound to a place, only from
///   those.
/// - On [exempt](Self::exempt) paths credentials are never looked at. Requests that pass without one
///   carry an [`Anonymous`](crate::Anonymous) instead.
/// - Layers may stand one inside the other. An inner one replaces the caller only when it verifies;
///   one that is optional and finds no credential leaves the caller of the outer one in place.
/// - What a guard inside refuses is rendered by the innermost layer around it, once.
/// - The service is called as soon as it was ready; only a rule of revocation that can't answer
///   from memory, or an issuer for a key that is not known, is awaited first. A store that never answers makes the request wait: put a
///   `Timeout` (feature `tokio`) around such a rule.
///
/// # Cross-origin requests
///
/// A credential that the browser adds by itself ([ambient](Source::ambient): every cookie) is sent
/// with requests that another page caused, too. Such a request passes
/// - if its method is GET, HEAD or OPTIONS and it is no upgrade (a WebSocket handshake is a GET that
///   other pages may send), or
/// - if `Sec-Fetch-Site` is `same-origin` or `none`, or
/// - if `Origin` is a [trusted origin](Self::trusted_origin), or
/// - if there is no `Sec-Fetch-Site` and the host and port of `Origin` are those of the request.
///
/// All else is a 403: `same-site`, `Origin: null`, and requests with neither header, which a script or
/// an old browser sends. A proxy in front has to pass on `Host`, `Origin` and `Sec-Fetch-Site`.
///
/// GET must not change anything, then: a page elsewhere can have it sent.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use portcullis::{BuildError, JwtLayer, Source, Verifier};
/// # #[derive(serde::Deserialize)] struct Payroll { sub: String }
///
/// fn guard(verifier: Verifier<Payroll>) -> Result<JwtLayer<Payroll>, BuildError> {
///     Ok(JwtLayer::new(verifier)
///         .or_source(Source::cookie("__Host-session")?)
///         .exempt("/healthz")?
///         .realm("payroll")?
///         .retry_after(Duration::from_secs(2)))
/// }
/// # let _ = guard;
/// ```
#[must_use]
pub struct JwtLayer<C, R = NoRevocation> {
    gate: Arc<Gate<C, R>>,
}

impl<C> JwtLayer<C> {
    /// A layer that takes bearer tokens and verifies them by this verifier, without
    /// [revocation](Self::with_revocation).
    pub fn new(verifier: Verifier<C>) -> Self {
        Self { gate: Arc::new(Gate::new(verifier)) }
    }
}

impl<C, R> JwtLayer<C, R> {
    /// With a rule of revocation, in place of any before it. Rules compose by
    /// [`and`](Revocation::and).
    pub fn with_revocation<R2: Revocation>(self, revocation: R2) -> JwtLayer<C, R2> {
        JwtLayer { gate: Arc::new(Gate::clone(&self.gate).with_revocation(revocation)) }
    }

    /// Takes the credential from here, and no longer from anywhere else.
    pub fn source(mut self, source: Source) -> Self {
        self.edit().sources = vec![source];
        self
    }

    /// Takes the credential from here as well. A request may come with either, never with both.
    pub fn or_source(mut self, source: Source) -> Self {
        let sources = &mut self.edit().sources;
        if !sources.contains(&source) {
            sources.push(source);
        }
        self
    }

    /// Lets requests without a credential pass, as [`Anonymous`](crate::Anonymous). A credential that
    /// is there must be good all the same.
    pub fn optional(mut self) -> Self {
        self.edit().optional = true;
        self
    }

    /// Lets every request for this path pass, as [`Anonymous`](crate::Anonymous), and never looks at
    /// its credential.
    ///
    /// The path is compared as a whole and byte by byte with the one of the request's URI as this
    /// layer sees it: `/healthz` exempts neither `/healthz/` nor `/healthz/live`, and nothing is
    /// percent-decoded. **Under axum's `nest` the prefix has been taken off** by the time an inner
    /// layer sees the path; add the layer outside, or leave the prefix out here.
    ///
    /// # Errors
    ///
    /// If it is not a path: it starts with a slash and has no query.
    pub fn exempt(mut self, path: &str) -> Result<Self, BuildError> {
        let parsed = http::uri::PathAndQuery::try_from(path);
        let is_path = path.starts_with('/') && parsed.is_ok_and(|parsed| parsed.path() == path);
        if !is_path {
            let message = format!("the exempt path {path:?} is no path: `/healthz` is one");
            return Err(BuildError::new(message));
        }
        self.edit().exempt.push(path.into());
        Ok(self)
    }

    /// Lets CORS preflights pass, as [`Anonymous`](crate::Anonymous): OPTIONS with `Origin` and
    /// `Access-Control-Request-Method`, to which browsers never add a credential.
    ///
    /// The usual place for a CORS layer is outside of this one, where it answers preflights itself
    /// and this is not needed.
    pub fn allow_cors_preflight(mut self) -> Self {
        self.edit().cors_preflight = true;
        self
    }

    /// Trusts an origin with [ambient credentials](#cross-origin-requests), spelled as browsers send
    /// it: `https://app.example.com`, with the port unless it is the default one, and no slash.
    ///
    /// # Errors
    ///
    /// If no browser would send it.
    pub fn trusted_origin(mut self, origin: &str) -> Result<Self, BuildError> {
        self.edit().origins.trust(origin)?;
        Ok(self)
    }

    /// Lets requests with an [ambient credential](#cross-origin-requests) pass wherever they come
    /// from. Any page on the web can then act as its visitor, unless something else prevents it.
    pub fn danger_allow_cross_origin_requests(mut self) -> Self {
        self.edit().origins.switch_off();
        self
    }

    /// The realm of the challenge: `api`, unless set.
    ///
    /// # Errors
    ///
    /// If it has other characters than printable ASCII, or quotes or backslashes.
    pub fn realm(mut self, realm: &str) -> Result<Self, BuildError> {
        self.edit_renderer(|renderer| renderer.set_realm(realm))?;
        Ok(self)
    }

    /// When clients shall come back after a 503: five seconds, unless set. Fractions are rounded up.
    pub fn retry_after(mut self, time: Duration) -> Self {
        self.edit_renderer(|renderer| renderer.set_retry_after(time));
        self
    }

    /// Replaces the answers to rejections by your own, made from the [standard
    /// one](ResponseForRejection) by a closure or a type. gRPC requests, whose rejections have no
    /// body, keep their form.
    ///
    /// Whatever the answer, the [`Rejection`](crate::Rejection) is in its extensions.
    ///
    /// # Example
    ///
    /// ```
    /// # use portcullis::{JwtLayer, Rejection, Verifier};
    /// # #[derive(serde::Deserialize)] struct Payroll {}
    /// # fn f(layer: JwtLayer<Payroll>) -> JwtLayer<Payroll> {
    /// layer.with_rejection_response(|rejection: &Rejection, standard: http::Response<_>| {
    ///     standard.map(|_| format!("refused: {}", rejection.kind().title()))
    /// })
    /// # }
    /// ```
    pub fn with_rejection_response(mut self, response: impl ResponseForRejection) -> Self {
        self.edit_renderer(|renderer| renderer.set_custom(response));
        self
    }

    /// Answers every rejection by an HTTP status, also where the request says that it is gRPC. For a
    /// service that speaks none.
    ///
    /// Unless this is called, a POST whose `content-type` is `application/grpc`, or that of gRPC-Web, is
    /// refused as gRPC asks: with status 200 and a `grpc-status`. Any client can send that
    /// `content-type`, so without this whoever counts refusals by their status (a proxy that limits
    /// failures, a dashboard) misses those.
    ///
    /// # Example
    ///
    /// ```
    /// # use portcullis::{JwtLayer, Verifier};
    /// # #[derive(serde::Deserialize)] struct Payroll {}
    /// # fn f(verifier: Verifier<Payroll>) -> JwtLayer<Payroll> {
    /// JwtLayer::new(verifier).without_grpc()
    /// # }
    /// ```
    pub fn without_grpc(mut self) -> Self {
        self.edit_renderer(crate::response::Renderer::switch_grpc_off);
        self
    }

    fn edit(&mut self) -> &mut Gate<C, R> {
        Arc::make_mut(&mut self.gate)
    }

    fn edit_renderer<T>(&mut self, edit: impl FnOnce(&mut crate::response::Renderer) -> T) -> T {
        edit(self.edit().edit_renderer())
    }
}

impl<S, C, R> Layer<S> for JwtLayer<C, R> {
    type Service = JwtService<S, C, R>;

    fn layer(&self, inner: S) -> Self::Service {
        JwtService::new(inner, Arc::clone(&self.gate))
    }
}

impl<C, R> Clone for JwtLayer<C, R> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate) }
    }
}

impl<C, R> fmt::Debug for JwtLayer<C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.gate, f)
    }
}
