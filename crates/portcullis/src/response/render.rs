//! From a [`Rejection`] to the response that is sent.

use std::any::type_name;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    LAST_MODIFIED, RETRY_AFTER, TRAILER, TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::challenge::Realm;
use super::pending::Pending;
use super::{GrpcKind, ResponseBody, ResponseForRejection, log, problem};
use crate::error::{BuildError, Rejection, RejectionKind};

/// What describes a body that is no longer sent.
const OF_THE_BODY: [HeaderName; 8] = [
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    CONTENT_TYPE,
    ETAG,
    LAST_MODIFIED,
    TRAILER,
    TRANSFER_ENCODING,
];

/// Turns rejections into responses: the realm, the time to wait after an outage, and the answer of
/// the user's own, if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Renderer {
    realm: Realm,
    retry_after: Duration,
    custom: Option<Arc<dyn ResponseForRejection>>,
    /// Whether gRPC requests are answered as gRPC asks.
    grpc: bool,
    /// The name of the claims that the layer verifies, for guards that look for others.
    claims: &'static str,
}

impl Renderer {
    /// For a layer that verifies claims of type `C`.
    pub(crate) fn new<C>() -> Self {
        Self {
            realm: Realm::default(),
            retry_after: Duration::from_secs(5),
            custom: None,
            grpc: true,
            claims: type_name::<C>(),
        }
    }

    pub(crate) fn set_realm(&mut self, realm: &str) -> Result<(), BuildError> {
        self.realm = Realm::new(realm)?;
        Ok(())
    }

    pub(crate) fn realm(&self) -> &str {
        self.realm.as_str()
    }

    pub(crate) fn set_retry_after(&mut self, time: Duration) {
        self.retry_after = time;
    }

    pub(crate) fn set_custom(&mut self, custom: impl ResponseForRejection) {
        self.custom = Some(Arc::new(custom));
    }

    pub(crate) fn switch_grpc_off(&mut self) {
        self.grpc = false;
    }

    /// The answer to a rejection of the layer's own.
    pub(crate) fn reject<B>(
        &self,
        rejection: Rejection,
        grpc: Option<GrpcKind>,
    ) -> Response<ResponseBody<B>> {
        self.render(Response::new(()), rejection, grpc)
    }

    /// A guard that found no claims knows which it looked for; which there are is known here.
    fn name_the_claims(&self, rejection: Rejection) -> Rejection {
        let known = rejection.diagnosis().found_value().is_some();
        if rejection.kind() != RejectionKind::NotConfigured || known {
            return rejection;
        }
        let found = format!("a `JwtLayer` for claims of type `{}`", self.claims);
        rejection.diagnosis().clone().found(found).reject(RejectionKind::NotConfigured)
    }

    fn render<B>(
        &self,
        onto: Response<()>,
        rejection: Rejection,
        grpc: Option<GrpcKind>,
    ) -> Response<ResponseBody<B>> {
        log::write(&rejection);
        let answer = match (grpc.filter(|_| self.grpc), &self.custom) {
            (Some(grpc), _) => grpc_answer(grpc, rejection.kind()),
            (None, None) => self.standard(&rejection),
            (None, Some(custom)) => {
                custom.response_for_rejection(&rejection, self.standard(&rejection))
            }
        };
        let (mut response, ()) = onto.into_parts();
        let (answer, body) = answer.into_parts();
        response.status = answer.status;
        for name in OF_THE_BODY {
            response.headers.remove(name);
        }
        for name in answer.headers.keys() {
            response.headers.remove(name);
        }
        for (name, value) in &answer.headers {
            response.headers.append(name, value.clone());
        }
        response.extensions.extend(answer.extensions);
        response.extensions.insert(rejection);
        Response::from_parts(response, ResponseBody::own(body))
    }

    fn standard(&self, rejection: &Rejection) -> Response<Bytes> {
        let kind = rejection.kind();
        let mut response = Response::new(problem::body(kind));
        *response.status_mut() = kind.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(problem::MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.realm.challenge(rejection) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if kind.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(self.retry_after)));
        }
        response
    }
}

/// Passes a response on, or renders it if a guard refused. Headers that were added on the way
/// (CORS, a request id) stay.
pub(crate) fn pass<'a, B>(
    mut response: Response<B>,
    renderer: impl FnOnce() -> Cow<'a, Renderer>,
    grpc: Option<GrpcKind>,
) -> Response<ResponseBody<B>> {
    match Pending::take(response.extensions_mut()) {
        None => response.map(ResponseBody::inner),
        Some(rejection) => {
            let renderer = renderer();
            let rejection = renderer.name_the_claims(rejection);
            renderer.render(response.map(|_| ()), rejection, grpc)
        }
    }
}

fn grpc_answer(grpc: GrpcKind, kind: RejectionKind) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    response.headers_mut().extend(grpc.headers(kind));
    response
}

/// Rounded up: nobody shall come back too early.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}
