//! Answers: the input says which kind of rejection a service behind the layer refuses with, its cause,
//! the realm, the scopes, and the headers that the refusal has already.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::response::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use portcullis::{JwtLayer, Rejection, RejectionKind};
use portcullis_testing::block_on;
use tower::{Layer, ServiceExt};

use crate::fixture::fixture;
use crate::json::Json;
use crate::log::{assert_good_lines, logged};

/// Good ones, and ones that must not be in a challenge.
const SCOPES: [&str; 8] =
    ["look", "payments:write", "", "a b", "quo\"te", "back\\slash", "ä", "new\r\nline"];

const MEDIA_TYPES: [Option<&str>; 4] =
    [None, Some("application/json"), Some("application/grpc"), Some("application/grpc-web+proto")];

/// Runs the target.
pub fn run(data: &[u8]) {
    let Some((&[kind, scopes, media_type], rest)) = data.split_first_chunk() else { return };
    let mut lines = rest.split(|&b| b == b'\n');
    let realm = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let cause = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let kind = RejectionKind::ALL[usize::from(kind) % RejectionKind::ALL.len()];
    let media_type = MEDIA_TYPES[usize::from(media_type) % MEDIA_TYPES.len()];
    let scopes: Vec<_> =
        (0..8).filter(|bit| scopes & 1 << bit != 0).map(|bit| SCOPES[bit]).collect();

    let layer = JwtLayer::new(fixture().unit.clone()).optional();
    let (layer, realm) = match layer.clone().realm(&realm) {
        Ok(layer) => (layer, realm),
        Err(_) => (layer, "api".to_owned()),
    };
    let rejection = Rejection::new(kind).with_scopes(&scopes).with_source(cause);
    let refusal = refusal(rejection, lines);
    let service = tower::service_fn(move |_: Request<()>| {
        std::future::ready(Ok::<_, Infallible>(refusal.clone()))
    });
    let mut request = Request::new(());
    // a GET is never gRPC
    *request.method_mut() = Method::POST;
    if let Some(media_type) = media_type {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    let (answer, log) = logged(|| block_on(layer.layer(service).oneshot(request)));
    assert!(log.iter().any(|line| line.contains(kind.code())), "{log:?}");
    assert_good_lines(&log, "");
    let (parts, body) = match answer {
        Ok(answer) => answer.into_parts(),
        Err(never) => match never {},
    };
    let body = block_on(body.collect()).expect("a body of ours does not fail").to_bytes();
    assert_eq!(parts.extensions.get::<Rejection>().map(Rejection::kind), Some(kind));
    assert_good_answer(&parts, &body, &realm);
}

/// A refusal to which the service, or a layer within, has added headers.
fn refusal<'a>(
    rejection: Rejection,
    lines: impl Iterator<Item = &'a [u8]>,
) -> Response<Full<Bytes>> {
    let mut refusal = rejection.into_refusal::<Full<Bytes>>();
    for line in lines.take(16) {
        let Some(colon) = line.iter().position(|&b| b == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            refusal.headers_mut().append(name, value);
        }
    }
    refusal
}

/// Reads once more what is sent to the client.
pub(crate) fn assert_good_answer(parts: &Parts, body: &Bytes, realm: &str) {
    let rejection = parts.extensions.get::<Rejection>().expect("the rejection is left there");
    let kind = rejection.kind();
    if parts.headers.contains_key("grpc-status") && parts.status == 200 {
        let status = one(&parts.headers, "grpc-status").expect("a status");
        assert!(["16", "7", "14", "3", "13"].contains(&&*status), "{kind:?}: {status}");
        let message = one(&parts.headers, "grpc-message").unwrap_or_default();
        assert!(message.bytes().all(|b| (0x20..=0x7e).contains(&b)), "{message:?}");
        assert!(body.is_empty());
        return;
    }
    assert_eq!(parts.status, kind.status());
    assert_eq!(one(&parts.headers, CONTENT_TYPE).as_deref(), Some("application/problem+json"));
    assert_eq!(one(&parts.headers, CACHE_CONTROL).as_deref(), Some("no-store"));
    assert!(!parts.headers.contains_key(CONTENT_LENGTH), "of a body that is no longer sent");
    let problem = Json::read(body).expect("the body is JSON");
    let names: Vec<_> =
        problem.members().expect("an object").iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["type", "title", "status"]);
    assert_eq!(
        problem.get("status").and_then(Json::number),
        Some(f64::from(kind.status().as_u16()))
    );
    assert_eq!(problem.get("title").and_then(Json::text), Some(kind.title()));
    let uri = problem.get("type").and_then(Json::text).expect("a type");
    assert!(uri.ends_with(&format!("/docs/errors.md#{}", kind.code())), "{uri}");
    if kind.is_outage() {
        let wait = one(&parts.headers, RETRY_AFTER).expect("an outage says when to come back");
        assert!(!wait.is_empty() && wait.bytes().all(|b| b.is_ascii_digit()), "{wait}");
    }
    let due = kind.oauth_error().is_some() || kind == RejectionKind::MissingCredential;
    if due {
        let challenge = one(&parts.headers, WWW_AUTHENTICATE).expect("a challenge is due");
        assert_good_challenge(&challenge, kind, realm);
    }
}

/// The one value of a header, which is printable.
fn one(headers: &HeaderMap, name: impl http::header::AsHeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().expect("printable").to_owned();
    assert!(values.next().is_none(), "a header is there twice");
    Some(value)
}

/// RFC 9110 §11.6.1 and RFC 6750 §3, read from left to right.
fn assert_good_challenge(challenge: &str, kind: RejectionKind, realm: &str) {
    let mut rest = challenge.strip_prefix("Bearer ").expect("the scheme");
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").expect("a name and a quote");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{challenge}");
        let (value, after) = after.split_once('"').expect("a closing quote");
        assert!(value.bytes().all(|b| (0x20..=0x7e).contains(&b) && b != b'\\'), "{challenge}");
        found.push((name, value));
        rest = after.strip_prefix(", ").unwrap_or(after);
        assert!(after.is_empty() || (rest.len() < after.len() && !rest.is_empty()), "{challenge}");
    }
    let get = |name: &str| found.iter().find(|(there, _)| *there == name).map(|(_, value)| *value);
    assert_eq!(found.first(), Some(&("realm", realm)));
    assert_eq!(get("error"), kind.oauth_error());
    assert_eq!(get("error_description"), kind.oauth_error().map(|_| kind.title()));
    if let Some(scope) = get("scope") {
        assert!(
            scope.split(' ').all(|scope| ["look", "payments:write"].contains(&scope)),
            "{scope}"
        );
    }
}
