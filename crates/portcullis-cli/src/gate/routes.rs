//! The four paths of the gate.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};

use super::verify::Gate;

/// Answers a request. Its body is not read, whatever it holds.
pub(super) async fn route<B>(gate: &Gate, request: Request<B>) -> Response<Bytes> {
    let (parts, _) = request.into_parts();
    match parts.uri.path() {
        // by whatever method the proxy asks
        "/verify" => gate.verify(&parts.method, parts.headers).await,
        "/healthz" | "/readyz" | "/metrics"
            if !matches!(parts.method, Method::GET | Method::HEAD) =>
        {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "GET is the method here\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        }
        "/healthz" => plain(StatusCode::OK, "alive\n"),
        "/readyz" if gate.is_ready() => plain(StatusCode::OK, "ready\n"),
        "/readyz" => plain(StatusCode::SERVICE_UNAVAILABLE, "keys are missing\n"),
        "/metrics" => {
            let mut response = plain(StatusCode::OK, gate.metrics());
            let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, format);
            response
        }
        _ => plain(StatusCode::NOT_FOUND, "there is /verify, /healthz, /readyz and /metrics\n"),
    }
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
