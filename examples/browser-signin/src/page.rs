//! The page's files, and the headers that keep it from being used by others.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};

/// A path, its type and its content.
type File = (&'static str, &'static str, &'static str);

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const FILES: &[File] = &[
    ("/", "text/html; charset=utf-8", include_str!("../page/index.html")),
    ("/page.css", "text/css; charset=utf-8", include_str!("../page/page.css")),
    ("/page.js", JAVASCRIPT, include_str!("../page/page.js")),
    ("/session.js", JAVASCRIPT, include_str!("../page/session.js")),
    ("/token.js", JAVASCRIPT, include_str!("../page/token.js")),
    ("/activity.js", JAVASCRIPT, include_str!("../page/activity.js")),
    ("/gate.svg", "image/svg+xml", include_str!("../page/gate.svg")),
];

/// Scripts and styles from here only, none in the page itself; nobody may frame it; no form may send elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Sent with every answer.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// One of the page's files.
pub(crate) async fn file(request: Request) -> Response {
    // Cookies of localhost and of 127.0.0.1 are not the same: one name for everybody.
    if let Some(elsewhere) = other_name(&request) {
        return axum::response::Redirect::temporary(&elsewhere).into_response();
    }
    match FILES.iter().find(|(path, ..)| *path == request.uri().path()) {
        Some((_, content_type, content)) => {
            ([(header::CONTENT_TYPE, *content_type), (header::CACHE_CONTROL, "no-cache")], *content)
                .into_response()
        }
        None => crate::problem::Problem::not_found().into_response(),
    }
}

/// Where the page is under the name of localhost, if it was asked for under an address.
fn other_name(request: &Request) -> Option<String> {
    let host: Uri = request.headers().get(header::HOST)?.to_str().ok()?.parse().ok()?;
    let port = host.port_u16()?;
    let path = request.uri().path();
    (path == "/" && host.host() != Some("localhost")).then(|| format!("http://localhost:{port}/"))
}

/// Adds the headers.
pub(crate) async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.extend(HEADERS);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
