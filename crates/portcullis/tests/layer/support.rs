//! Real tokens, a service that says who called, and a client that is a function call.

use std::convert::Infallible;
use std::fmt::Debug;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use portcullis::{
    Anonymous, HasRoles, HasScopes, JwtLayer, NoRevocation, Rejection, RejectionKind, ScopeName,
    Verified, Verifier, roles,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tower::{Layer, Service, ServiceExt};

pub(crate) const SECRET: &[u8] = b"a secret that is shared, of 32 bytes or more";

/// The claims of the service under test.
#[derive(Debug, Deserialize)]
pub(crate) struct Payroll {
    pub(crate) sub: String,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    scope: String,
}

impl HasRoles for Payroll {
    fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|r| r == role)
    }
}

impl HasScopes for Payroll {
    fn has_scope(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|s| s == scope)
    }
}

/// Claims of another service.
#[derive(Debug, Deserialize)]
pub(crate) struct Other {}

roles! {
    pub(crate) Admin = "admin";
    pub(crate) Reader = "reader" granted_by Admin;
}

pub(crate) struct Pay;
impl ScopeName for Pay {
    const NAME: &'static str = "payments:write";
}

pub(crate) struct Look;
impl ScopeName for Look {
    const NAME: &'static str = "payments:read";
}

pub(crate) fn verifier<C: serde::de::DeserializeOwned + Send + Sync + 'static>() -> Verifier<C> {
    Verifier::from_secret("https://idp.example", "payroll", SECRET).unwrap()
}

pub(crate) fn layer() -> JwtLayer<Payroll, NoRevocation> {
    JwtLayer::new(verifier())
}

/// A token of bob, a reader, with these claims changed; `null` leaves one out.
pub(crate) fn token(changes: Value) -> String {
    let mut claims = json!({
        "iss": "https://idp.example", "aud": "payroll", "sub": "bob", "jti": "1",
        "iat": 1_700_000_000, "exp": 4_000_000_000u64, "roles": ["reader"],
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let input =
        format!("{}.{}", encode(br#"{"alg":"HS256"}"#), encode(claims.to_string().as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    format!("{input}.{}", encode(hmac::sign(&key, input.as_bytes()).as_ref()))
}

pub(crate) fn bob() -> String {
    token(json!({}))
}

pub(crate) fn alice() -> String {
    token(json!({"sub": "alice", "roles": ["admin"], "scope": "payments:read payments:write"}))
}

pub(crate) type Body = Full<Bytes>;

/// Tells in its body who called: a subject, `anonymous`, or `nobody looked`.
pub(crate) async fn who(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let extensions = request.extensions();
    let name = match (extensions.get::<Verified<Payroll>>(), extensions.get::<Anonymous>()) {
        (Some(caller), _) => caller.sub.clone(),
        (None, Some(Anonymous { .. })) => "anonymous".to_owned(),
        (None, None) => "nobody looked".to_owned(),
    };
    Ok(Response::new(Full::from(name)))
}

/// A request for `/`, with the headers given as `("name", "value")`.
pub(crate) fn get(headers: &[(&str, &str)]) -> Request<Body> {
    request("GET", "/", headers)
}

pub(crate) fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        request = request.header(*name, value);
    }
    request.body(Body::default()).unwrap()
}

/// A request with this bearer token.
pub(crate) fn bearer(token: &str) -> Request<Body> {
    get(&[("authorization", &format!("Bearer {token}"))])
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) rejection: Option<Rejection>,
}

impl Answer {
    pub(crate) async fn read<B>(response: Response<B>) -> Self
    where
        B: http_body::Body<Data = Bytes, Error: Debug>,
    {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
            rejection: parts.extensions.get::<Rejection>().cloned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().unwrap();
        assert!(values.next().is_none(), "{name} twice");
        Some(value)
    }

    pub(crate) fn kind(&self) -> Option<RejectionKind> {
        self.rejection.as_ref().map(Rejection::kind)
    }

    /// It was refused for this reason.
    #[track_caller]
    pub(crate) fn assert_refused(&self, kind: RejectionKind) {
        assert_eq!(self.kind(), Some(kind), "{} {}", self.status, self.body);
        assert_eq!(self.status, kind.status());
    }

    /// It came from the service.
    #[track_caller]
    pub(crate) fn assert_from(&self, name: &str) {
        assert_eq!(
            (self.status, self.body.as_str()),
            (StatusCode::OK, name),
            "{:?}",
            self.rejection
        );
        assert!(self.rejection.is_none());
    }
}

/// Sends a request to a service.
pub(crate) async fn send<S, B>(service: S, request: Request<Body>) -> Answer
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug>,
    B: http_body::Body<Data = Bytes, Error: Debug>,
{
    Answer::read(service.oneshot(request).await.unwrap()).await
}

/// Sends a request through a layer to [`who`].
pub(crate) async fn ask<L, B>(layer: &L, request: Request<Body>) -> Answer
where
    L: Layer<WhoService>,
    L::Service: Service<Request<Body>, Response = Response<B>, Error: Debug>,
    B: http_body::Body<Data = Bytes, Error: Debug>,
{
    send(layer.layer(who_service()), request).await
}

pub(crate) type WhoFuture =
    std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;
pub(crate) type WhoService = tower::util::ServiceFn<fn(Request<Body>) -> WhoFuture>;

pub(crate) fn who_service() -> WhoService {
    tower::service_fn(|request| Box::pin(who(request)))
}

/// True if the future, polled once, is not done.
pub(crate) async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
    let mut future = std::pin::Pin::new(future);
    std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}
