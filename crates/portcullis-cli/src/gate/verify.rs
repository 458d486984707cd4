//! The judgement: the layer of the library over a service that names the caller.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Empty};
use portcullis::{
    AccessClaims, HasRoles as _, HasScopes as _, JwtLayer, JwtService, Rejection, RejectionKind,
    Verified,
};
use portcullis_oidc::RemoteKeys;
use portcullis_oidc::config::Started;
use tower_layer::Layer as _;
use tower_service::Service;

use super::answer;
use super::metrics::Metrics;
use super::settings::Settings;
use crate::exit::Failure;

/// What judges requests, and what it knows.
#[derive(Clone)]
pub(super) struct Gate {
    service: JwtService<NameCaller, AccessClaims>,
    started: Started,
    metrics: Arc<Metrics>,
}

impl Gate {
    pub(super) fn new(settings: &Settings) -> Result<Self, Failure> {
        let started = settings.trust.start().map_err(Failure::usage)?;
        let verifier = started.verifier().map_err(Failure::usage)?;
        let mut layer: JwtLayer<_> = started.layer(verifier).map_err(Failure::usage)?;
        if let Some(realm) = &settings.realm {
            let wrong = |error| Failure::usage(format_args!("PORTCULLIS_REALM: {error}"));
            layer = layer.realm(realm).map_err(wrong)?;
        }
        let required =
            Arc::new(Required { roles: settings.roles.clone(), scopes: settings.scopes.clone() });
        let service = layer.layer(NameCaller { required });
        Ok(Self { service, started, metrics: Arc::new(Metrics::new()) })
    }

    /// Judges the request that these headers are of.
    pub(super) async fn verify(&self, method: &Method, headers: HeaderMap) -> Response<Bytes> {
        let mut request = Request::new(());
        *request.method_mut() = asked_about(method, &headers);
        *request.headers_mut() = headers;
        // a handshake may have lost its `Upgrade` on the way, which belongs to one connection
        if request.headers().contains_key("sec-websocket-key") {
            request.headers_mut().insert("upgrade", HeaderValue::from_static("websocket"));
        }
        let mut service = self.service.clone();
        let Ok(response) = service.call(request).await;
        match response.extensions().get::<Rejection>() {
            None => self.metrics.accepted(),
            Some(rejection) => self.metrics.rejected(rejection.kind()),
        }
        let (parts, body) = response.into_parts();
        // bodies of rejections are at hand, and hold no error
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let mut response = Response::from_parts(parts, body);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// True if the keys of every issuer may be relied on.
    pub(super) fn is_ready(&self) -> bool {
        self.started.remote_keys().iter().all(|(_, keys)| keys.status().is_ready())
    }

    pub(super) fn metrics(&self) -> String {
        let of = |(name, keys): &(String, RemoteKeys)| (name.clone(), keys.status());
        let issuers: Vec<_> = self.started.remote_keys().iter().map(of).collect();
        self.metrics.render(&issuers)
    }
}

/// How proxies tell the method of the request in question: Traefik and Caddy, nginx by our recipe.
const METHODS: [HeaderName; 2] =
    [HeaderName::from_static("x-forwarded-method"), HeaderName::from_static("x-original-method")];

/// The method that counts for credentials which a browser adds by itself. A proxy asks by GET whatever
/// the request is, so a GET is only believed where the proxy says so; anything else is taken for a method
/// that changes something.
fn asked_about(method: &Method, headers: &HeaderMap) -> Method {
    let told = METHODS.into_iter().flat_map(|name| headers.get_all(name));
    let told: Vec<_> =
        told.map(|value| Method::from_bytes(value.as_bytes()).unwrap_or(Method::POST)).collect();
    let is_safe = |method: &Method| matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    match told.as_slice() {
        [first, ..] if is_safe(method) && told.iter().all(is_safe) => first.clone(),
        _ => Method::POST,
    }
}

/// What every caller must have.
struct Required {
    roles: Vec<String>,
    scopes: Vec<&'static str>,
}

impl Required {
    fn check(&self, caller: &Verified<AccessClaims>) -> Result<(), Rejection> {
        let refuse = || Rejection::new(RejectionKind::InsufficientScope).with_scopes(&self.scopes);
        if !self.roles.is_empty() && !self.roles.iter().any(|role| caller.has_role(role)) {
            return Err(refuse());
        }
        if !self.scopes.iter().all(|scope| caller.has_scope(scope)) {
            return Err(refuse());
        }
        Ok(())
    }
}

/// Stands behind the layer and answers with who the caller is.
#[derive(Clone)]
pub(super) struct NameCaller {
    required: Arc<Required>,
}

impl NameCaller {
    fn answer(&self, request: &Request<()>) -> Result<Response<Empty<Bytes>>, Rejection> {
        let caller = Verified::<AccessClaims>::from_extensions(request.extensions())?;
        self.required.check(caller)?;
        let mut response = Response::new(Empty::new());
        answer::write(response.headers_mut(), caller);
        Ok(response)
    }
}

impl Service<Request<()>> for NameCaller {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        ready(Ok(self.answer(&request).unwrap_or_else(Rejection::into_refusal)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_get_is_believed_only_where_the_proxy_says_so() {
        let of = |method: Method, told: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in told {
                headers.append(*name, value.parse().unwrap());
            }
            asked_about(&method, &headers)
        };
        let (forwarded, original) = ("x-forwarded-method", "x-original-method");
        assert_eq!(of(Method::GET, &[]), Method::POST);
        assert_eq!(of(Method::GET, &[(forwarded, "GET")]), Method::GET);
        assert_eq!(of(Method::GET, &[(original, "HEAD")]), Method::HEAD);
        assert_eq!(of(Method::GET, &[(forwarded, "DELETE")]), Method::POST);
        assert_eq!(of(Method::GET, &[(forwarded, "GET"), (original, "POST")]), Method::POST);
        assert_eq!(of(Method::GET, &[(forwarded, "GET"), (forwarded, "POST")]), Method::POST);
        assert_eq!(of(Method::GET, &[(forwarded, "get")]), Method::POST);
        assert_eq!(of(Method::PUT, &[(forwarded, "GET")]), Method::POST);
    }
}
