//! A JSON body, refused as `application/problem+json`.

use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The largest body that is read. Every body of this API is a line or two.
pub(crate) const MAX_BYTES: usize = 16 * 1024;

/// How long a client may take to send a body.
const MAX_TIME: Duration = Duration::from_secs(10);

/// As [`Json`]: 415 without the content type, 413 if too large, 400 for what is not JSON, 422 for JSON
/// that is not a `T`. 408 if it does not arrive.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match tokio::time::timeout(MAX_TIME, Json::from_request(request, state)).await {
            Ok(Ok(Json(value))) => Ok(Self(value)),
            Ok(Err(rejection)) => Err(Problem::new(rejection.status(), rejection.body_text())),
            Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive")),
        }
    }
}
