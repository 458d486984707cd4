//! Error responses of the services' own: `application/problem+json` of RFC 9457.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A request that could not be served.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: &'static str,
}

impl Problem {
    /// 500. The cause goes to the log.
    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "answering 500");
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, detail: "that is our fault" }
    }

    /// 502: another service refuses us, which trying again does not mend.
    pub(crate) fn refused(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "answering 502");
        Self { status: StatusCode::BAD_GATEWAY, detail: "a service behind this one refused" }
    }

    /// 503: another service is out, for now.
    pub(crate) fn unavailable(cause: impl std::fmt::Display) -> Self {
        tracing::warn!(%cause, "answering 503");
        Self { status: StatusCode::SERVICE_UNAVAILABLE, detail: "try again in a moment" }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        let problem = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, problem);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
