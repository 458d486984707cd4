//! Error responses: `application/problem+json` of RFC 9457.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use portcullis_axum::StoreError;
use portcullis_issuer::IssuerError;
use serde_json::json;

use crate::db::DbError;

/// A request that was refused, or could not be served.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    retry_after: Option<Duration>,
}

impl Problem {
    /// With this status and an explanation for the client.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), retry_after: None }
    }

    /// 422: understood, but not possible.
    pub(crate) fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// 404.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 429: too many failures, try again after that time.
    pub(crate) fn too_many(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too many failed sign-ins; try again later")
        }
    }

    /// 503: try again. The cause goes to the log, not to the client.
    pub(crate) fn unavailable(cause: &dyn fmt::Display) -> Self {
        tracing::error!(%cause, "answering 503");
        Self {
            retry_after: Some(Duration::from_secs(1)),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "try again in a moment")
        }
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
        if let Some(time) = self.retry_after {
            // whole seconds, never too early
            let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // every 401 must name a scheme (RFC 9110 §11.6.1)
            let challenge = HeaderValue::from_static("Bearer realm=\"payroll\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.detail)
    }
}

impl Error for Problem {}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        Self::unavailable(&error)
    }
}

/// Whatever a store's trouble is, its answer is unknown, so the request's is too.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::unavailable(&Chain(&error))
    }
}

/// A key that could not be made, a token that could not be signed, a cutoff that could not be read.
impl From<IssuerError> for Problem {
    fn from(error: IssuerError) -> Self {
        Self::unavailable(&Chain(&error))
    }
}

/// An error with its causes, in one line.
struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        std::iter::successors(self.0.source(), |&error| error.source())
            .try_for_each(|cause| write!(f, ": {cause}"))
    }
}
