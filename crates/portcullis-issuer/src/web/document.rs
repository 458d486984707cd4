//! Serving a document that caches may keep: `GET` and `HEAD`, an entity tag, `304 Not Modified`.

use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::Body;

/// Answers a request for this document ([RFC 9110 §9.3](https://www.rfc-editor.org/rfc/rfc9110#section-9.3)).
pub(super) fn answer(
    method: &Method,
    headers: &HeaderMap,
    content_type: &'static str,
    document: String,
    max_age: Duration,
) -> Response<Body> {
    let mut response = Response::new(Body::default());
    if method != Method::GET && method != Method::HEAD {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let hash = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, document.as_bytes()));
    let tag = format!("\"{hash}\"");
    let unchanged = is_known(headers, &tag);
    let own = response.headers_mut();
    own.insert(CACHE_CONTROL, value(format!("public, max-age={}", max_age.as_secs())));
    own.insert(ETAG, value(tag));
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    own.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    own.insert(CONTENT_LENGTH, HeaderValue::from(document.len()));
    if method == Method::GET {
        *response.body_mut() = Body::new(document);
    }
    response
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("digits and base64url are visible ASCII")
}

/// True if the client has the document of this tag
/// ([RFC 9110 §13.1.2](https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2), compared weakly).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}
