//! Attacks by what a browser or an edge adds to a request by itself.

use portcullis::RejectionKind::CrossOrigin;
use portcullis::{Algorithm, JwtLayer, Source, Verifier};
use portcullis_testing::TestIssuer;
use serde_json::Value;

use crate::support::{Server, request};

const HEADER: &str = "x-goog-iap-jwt-assertion";

fn issuer() -> TestIssuer {
    TestIssuer::new(Algorithm::ES256)
}

fn layer() -> JwtLayer<Value> {
    let verifier: Verifier<Value> =
        Verifier::builder().trust(issuer().trusted()).clock(issuer().clock()).build().unwrap();
    JwtLayer::new(verifier)
}

fn check(
    server: &Server,
    carrier: (&str, &str),
    method: &str,
    more: &[(&str, &str)],
    passes: bool,
) {
    let headers = [&[carrier], more].concat();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let answer = server.send(&request(method, &headers));
    if passes {
        assert_eq!(answer.status, 200, "{method} {more:?}: {answer:?}");
    } else {
        answer.assert_refused(CrossOrigin, &format!("{method} {more:?}"));
    }
}

const SAME: &[(&str, &str)] = &[("sec-fetch-site", "same-origin")];
const CROSS: &[(&str, &str)] = &[("sec-fetch-site", "cross-site")];

#[test]
fn has_a_browser_send_an_unsafe_request() {
    let cookie = format!("__Host-session={}", issuer().token().mint());
    let server = Server::start(layer().source(Source::cookie("__Host-session").unwrap()));
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        check(&server, ("cookie", &cookie), method, &[], false);
        check(&server, ("cookie", &cookie), method, CROSS, false);
        check(&server, ("cookie", &cookie), method, SAME, true);
    }
    // methods that change nothing are the service's promise
    check(&server, ("cookie", &cookie), "GET", CROSS, true);
}

#[test]
fn opens_a_websocket_from_another_page() {
    // a handshake is a GET, and browsers send cookies with it wherever the page is from
    let cookie = format!("__Host-session={}", issuer().token().mint());
    let server = Server::start(layer().source(Source::cookie("__Host-session").unwrap()));
    let with = |more: &[(&'static str, &'static str)]| {
        let upgrade = [("upgrade", "websocket"), ("sec-websocket-version", "13")];
        [&upgrade[..], more].concat()
    };
    for cross in [
        &[][..],
        CROSS,
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "same-site"), ("origin", "https://app.example")],
    ] {
        check(&server, ("cookie", &cookie), "GET", &with(cross), false);
    }
    check(&server, ("cookie", &cookie), "GET", &with(SAME), true);
    check(&server, ("cookie", &cookie), "GET", &with(&[("origin", "https://app.example")]), true);
}

#[test]
fn has_a_proxy_add_the_credential() {
    let token = issuer().token().mint();
    let server = Server::start(layer().source(Source::header(HEADER).unwrap().ambient()));
    check(&server, (HEADER, &token), "POST", &[], false);
    check(&server, (HEADER, &token), "POST", CROSS, false);
    check(&server, (HEADER, &token), "POST", SAME, true);
    check(&server, (HEADER, &token), "GET", CROSS, true);

    let bearer = format!("Bearer {token}");
    let server = Server::start(layer().source(Source::bearer().ambient()));
    check(&server, ("authorization", &bearer), "POST", CROSS, false);
    check(&server, ("authorization", &bearer), "POST", SAME, true);
}

#[test]
fn comes_from_a_sibling_that_is_not_trusted() {
    let cookie = format!("__Host-session={}", issuer().token().mint());
    let layer = layer().source(Source::cookie("__Host-session").unwrap());
    let server = Server::start(layer.trusted_origin("https://admin.example").unwrap());
    let from = |origin| [("origin", origin), ("sec-fetch-site", "same-site")];
    check(&server, ("cookie", &cookie), "POST", &from("https://admin.example"), true);
    for origin in [
        "https://blog.example",
        "http://admin.example",
        "https://admin.example:8443",
        "https://admin.example.evil.example",
        "https://ADMIN.example",
        "https://admin.example/",
        "null",
    ] {
        check(&server, ("cookie", &cookie), "POST", &from(origin), false);
    }
}
