//! A rejection as gRPC tells it: HTTP 200, the status in headers, no body ("Trailers-Only" in the
//! [gRPC protocol](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)).

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};

use crate::error::RejectionKind;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The kind of gRPC that a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GrpcKind {
    Native,
    Web,
    WebText,
}

impl GrpcKind {
    /// Read from the request's media type, whatever the message format after it.
    ///
    /// gRPC is always a POST. Whoever claims it for a GET would be answered with a status 200, which
    /// a cache on the way may keep for everybody.
    pub(crate) fn of<B>(request: &Request<B>) -> Option<Self> {
        if request.method() != Method::POST {
            return None;
        }
        let media_type = request.headers().get(CONTENT_TYPE)?.as_bytes();
        let rest = media_type.strip_prefix(b"application/grpc")?;
        let ends = |rest: &[u8]| matches!(rest, [] | [b'+' | b';' | b' ', ..]);
        if ends(rest) {
            Some(Self::Native)
        } else if rest.strip_prefix(b"-web-text").is_some_and(ends) {
            Some(Self::WebText)
        } else {
            rest.strip_prefix(b"-web").is_some_and(ends).then_some(Self::Web)
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Native => "application/grpc",
            Self::Web => "application/grpc-web+proto",
            Self::WebText => "application/grpc-web-text+proto",
        }
    }

    /// The headers of the answer.
    pub(super) fn headers(self, kind: RejectionKind) -> [(HeaderName, HeaderValue); 3] {
        let message = HeaderValue::try_from(percent_encoded(kind.title()));
        [
            (CONTENT_TYPE, HeaderValue::from_static(self.media_type())),
            (GRPC_STATUS, HeaderValue::from_static(status(kind))),
            (GRPC_MESSAGE, message.unwrap_or(HeaderValue::from_static("refused"))),
        ]
    }
}

/// The status code of gRPC, as the header spells it.
fn status(kind: RejectionKind) -> &'static str {
    match kind.status() {
        StatusCode::FORBIDDEN => "7",              // PERMISSION_DENIED
        StatusCode::SERVICE_UNAVAILABLE => "14",   // UNAVAILABLE
        StatusCode::INTERNAL_SERVER_ERROR => "13", // INTERNAL
        _ => "16", // UNAUTHENTICATED, for a malformed credential too
    }
}

/// What `grpc-message` may hold: printable ASCII, `%` and the rest encoded.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for b in text.bytes() {
        match b {
            b'%' => encoded.push_str("%25"),
            b' '..=b'~' => encoded.push(char::from(b)),
            _ => encoded.push_str(&format!("%{b:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_grpc_by_its_media_type() {
        for (media_type, expected) in [
            ("application/grpc", Some(GrpcKind::Native)),
            ("application/grpc+proto", Some(GrpcKind::Native)),
            ("application/grpc;charset=utf-8", Some(GrpcKind::Native)),
            ("application/grpc-web", Some(GrpcKind::Web)),
            ("application/grpc-web+proto", Some(GrpcKind::Web)),
            ("application/grpc-web-text", Some(GrpcKind::WebText)),
            ("application/grpc-web-textual", None),
            ("application/grpcish", None),
            ("application/json", None),
            ("", None),
        ] {
            let request = Request::post("/").header(CONTENT_TYPE, media_type).body(()).unwrap();
            assert_eq!(GrpcKind::of(&request), expected, "{media_type}");
        }
        assert_eq!(GrpcKind::of(&Request::post("/").body(()).unwrap()), None);
    }

    #[test]
    fn only_a_post_is_grpc() {
        for method in ["GET", "HEAD", "PUT", "OPTIONS", "post"] {
            let request = Request::builder().method(method);
            let request = request.header(CONTENT_TYPE, "application/grpc").body(()).unwrap();
            assert_eq!(GrpcKind::of(&request), None, "{method}");
        }
    }

    #[test]
    fn messages_are_percent_encoded() {
        assert_eq!(percent_encoded("100% sure\n\u{e4}"), "100%25 sure%0A%C3%A4");
    }
}
