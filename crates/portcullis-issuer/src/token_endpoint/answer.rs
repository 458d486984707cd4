//! The answers of the endpoint, as [RFC 6749 §5](https://www.rfc-editor.org/rfc/rfc6749#section-5) spells them.

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::Minted;

/// Why there is no token: an error of [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    error: &'static str,
    /// Printable ASCII without quotes and backslashes, and nothing of what the client sent.
    description: String,
    header: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    fn new(status: StatusCode, error: &'static str, description: impl Into<String>) -> Self {
        Self { status, error, description: description.into(), header: None }
    }

    fn with(self, name: HeaderName, value: &'static str) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    /// `invalid_request`.
    pub(super) fn request(description: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    /// `invalid_request` by any method but POST.
    pub(super) fn method() -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, "invalid_request", "tokens are asked for by POST").with(ALLOW, "POST")
    }

    /// `invalid_request`: too long to be read.
    pub(super) fn too_large() -> Self {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        Self::new(status, "invalid_request", "the request is too large")
    }

    /// `invalid_client`. Every 401 names a scheme
    /// ([RFC 9110 §11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1)); this one is the method that clients
    /// authenticate by, and no browser asks for a password on account of it.
    pub(super) fn client(description: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_client", description)
            .with(WWW_AUTHENTICATE, "private_key_jwt")
    }

    /// `invalid_client`, for one that authenticated by a header.
    pub(super) fn scheme(basic: bool) -> Self {
        let refusal = Self::client("clients authenticate by client_assertion, not by a header");
        if basic { refusal.with(WWW_AUTHENTICATE, "Basic") } else { refusal }
    }

    /// `invalid_grant`.
    pub(super) fn grant(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_grant", description)
    }

    /// `unsupported_grant_type`.
    pub(super) fn unsupported() -> Self {
        let description = "the grants are client_credentials and \
                           urn:ietf:params:oauth:grant-type:jwt-bearer";
        Self::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", description)
    }

    /// `invalid_scope`.
    pub(super) fn scope() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_scope", "the client may not have that scope")
    }

    /// An outage, which says nothing about the client. RFC 6749 has no error for it.
    pub(super) fn unavailable() -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "temporarily_unavailable", "try again in a moment").with(RETRY_AFTER, "1")
    }

    /// A mistake of ours.
    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "that is our fault")
    }

    /// The status and the error, for the log.
    pub(super) fn logged(&self) -> (u16, &'static str, &str) {
        (self.status.as_u16(), self.error, &self.description)
    }

    pub(super) fn into_response(self) -> Response<String> {
        #[derive(Serialize)]
        struct Body<'a> {
            error: &'a str,
            error_description: &'a str,
        }
        let body = Body { error: self.error, error_description: &self.description };
        let mut response = json(self.status, &body);
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// A token ([RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)).
pub(super) fn token(minted: &Minted, scope: Option<&str>) -> Response<String> {
    #[derive(Serialize)]
    struct Body<'a> {
        access_token: &'a str,
        token_type: &'a str,
        expires_in: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        scope: Option<&'a str>,
    }
    let body = Body {
        access_token: minted.token(),
        token_type: "Bearer",
        expires_in: minted.expires_in(),
        scope,
    };
    json(StatusCode::OK, &body)
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<String> {
    let body = serde_json::to_string(body).expect("texts and numbers are JSON");
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
