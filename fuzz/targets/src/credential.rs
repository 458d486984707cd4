//! Carriers: the input is the head of a request, for a layer that takes a token from four places.
//!
//! The first line is the method, each further line a header; `@` stands for a good token. Headers that
//! HTTP does not allow never reach the layer and are left out.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use portcullis::{JwtLayer, Rejection, ResponseBody, Source};
use portcullis_testing::block_on;
use tower::{Layer, ServiceExt};

use crate::answer::assert_good_answer;
use crate::fixture::{AnyClaims, fixture};
use crate::log::{assert_good_lines, logged};

const COOKIE_NAME: &[u8] = b"__Host-session";
const ASSERTION: HeaderName = HeaderName::from_static("x-assertion");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const TRUSTED: &[u8] = b"https://trusted.example";

type Answer = Response<ResponseBody<Full<Bytes>>>;

/// Runs the target.
pub fn run(data: &[u8]) {
    let token = fixture().good();
    let request = request(data, &token);
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let (answer, lines) = logged(|| ask(request));
    assert_good_lines(&lines, &token);
    if answer.extensions().get::<Rejection>().is_none() {
        assert!(answer.status().is_success());
        assert!(lines.is_empty(), "{lines:?}");
        assert_one_good_credential(&method, &headers, token.as_bytes());
    } else {
        let status = answer.status();
        assert!(matches!(status.as_u16(), 400 | 401 | 403) || is_grpc(&headers), "{status}");
        assert_eq!(lines.len(), 1, "{lines:?}");
        let (parts, body) = answer.into_parts();
        let body = block_on(body.collect()).expect("a body of ours does not fail").to_bytes();
        assert_good_answer(&parts, &body, "api");
    }
}

fn request(data: &[u8], token: &str) -> Request<Full<Bytes>> {
    let mut lines = data.split(|&b| b == b'\n');
    let method = lines.next().and_then(|line| Method::from_bytes(line).ok());
    let mut request = Request::new(Full::default());
    *request.method_mut() = method.unwrap_or(Method::GET);
    for line in lines.take(64) {
        let Some(colon) = line.iter().position(|&b| b == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        let value = value.split(|&b| b == b'@').collect::<Vec<_>>().join(token.as_bytes());
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(&value))
        {
            request.headers_mut().append(name, value);
        }
    }
    request
}

fn ask(request: Request<Full<Bytes>>) -> Answer {
    let good = "settings that make sense";
    let layer = JwtLayer::<AnyClaims>::new(fixture().any.clone())
        .or_source(Source::cookie("__Host-session").expect(good))
        .or_source(Source::header("x-assertion").expect(good).ambient())
        .or_source(Source::websocket_protocol("bearer").expect(good))
        .trusted_origin("https://trusted.example")
        .expect(good);
    let service = tower::service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    match block_on(layer.layer(service).oneshot(request)) {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let media_type = headers.get(http::header::CONTENT_TYPE);
    media_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes).collect()
}

/// Counts once more, place by place, what the request carries.
fn assert_one_good_credential(method: &Method, headers: &HeaderMap, token: &[u8]) {
    let bearer = values(headers, &AUTHORIZATION);
    assert!(bearer.len() <= 1, "two headers");
    let bearer = bearer.into_iter().filter_map(|value| {
        let (scheme, rest) = value.split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then(|| rest.trim_ascii_start())
    });
    let cookie = values(headers, &COOKIE);
    let cookie = cookie.iter().flat_map(|value| value.split(|&b| b == b';')).filter_map(|pair| {
        let pair = pair.strip_prefix(b" ").unwrap_or(pair);
        pair.strip_prefix(COOKIE_NAME)?.strip_prefix(b"=")
    });
    let assertion = values(headers, &ASSERTION);
    let offered = values(headers, &SEC_WEBSOCKET_PROTOCOL).join(&b","[..]);
    let offered: Vec<_> = offered.split(|&b| b == b',').map(<[u8]>::trim_ascii).collect();
    let protocol = offered.windows(2).filter(|pair| pair[0] == b"bearer").map(|pair| pair[1]);

    let ambient: Vec<_> = cookie.chain(assertion.iter().copied()).collect();
    let all: Vec<_> = bearer.chain(ambient.iter().copied()).chain(protocol).collect();
    assert_eq!(all, [token], "passed with {} credentials", all.len());
    if !ambient.is_empty() {
        assert_same_origin(method, headers);
    }
}

fn assert_same_origin(method: &Method, headers: &HeaderMap) {
    let safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if safe && !headers.contains_key(UPGRADE) {
        return;
    }
    let (site, origin) = (values(headers, &FETCH_SITE), values(headers, &ORIGIN));
    let own = || {
        let host = values(headers, &HOST);
        let ([origin], [host], []) = (&*origin, &*host, &*site) else { return false };
        [&b"https://"[..], b"http://"].iter().any(|scheme| [*scheme, host].concat() == *origin)
    };
    assert!(
        matches!(&*site, [b"same-origin" | b"none"]) || *origin == [TRUSTED] || own(),
        "passed from {origin:?} by {site:?}"
    );
}
