//! Credentials that a browser adds by itself must prove where the request came from; others need not.

use portcullis::{RejectionKind, Source};

use crate::support::{Answer, Payroll, ask, bob, layer, request};

async fn post(layer: &portcullis::JwtLayer<Payroll>, headers: &[(&str, &str)]) -> Answer {
    let host = [("host", "pay.example")];
    ask(layer, request("POST", "/pay", &[&host, headers].concat())).await
}

#[tokio::test]
async fn only_ambient_credentials_are_looked_at() {
    let bob = bob();
    let bearer = format!("Bearer {bob}");
    let cookie = format!("s={bob}");
    let evil = ("origin", "https://evil.example");
    let either = layer().or_source(Source::cookie("s").unwrap());
    post(&either, &[("authorization", &bearer), evil]).await.assert_from("bob");
    post(&either, &[("cookie", &cookie), evil]).await.assert_refused(RejectionKind::CrossOrigin);
    let own = ("origin", "https://pay.example");
    post(&either, &[("cookie", &cookie), own]).await.assert_from("bob");
    // without a credential there is nothing to protect
    post(&either, &[evil]).await.assert_refused(RejectionKind::MissingCredential);
    post(&either.optional(), &[evil]).await.assert_from("anonymous");

    let header = Source::header("x-assertion").unwrap();
    post(&layer().source(header.clone()), &[("x-assertion", &bob), evil]).await.assert_from("bob");
    let ambient = layer().source(header.ambient());
    post(&ambient, &[("x-assertion", &bob), evil]).await.assert_refused(RejectionKind::CrossOrigin);
    let site = ("sec-fetch-site", "same-origin");
    post(&ambient, &[("x-assertion", &bob), site]).await.assert_from("bob");

    let proxied = layer().source(Source::bearer().ambient());
    post(&proxied, &[("authorization", &bearer)]).await.assert_refused(RejectionKind::CrossOrigin);
}

#[tokio::test]
async fn a_websocket_handshake_from_elsewhere_is_refused() {
    let layer = layer().source(Source::cookie("s").unwrap());
    let cookie = format!("s={}", bob());
    let handshake = |origin: &'static str| {
        request(
            "GET",
            "/live",
            &[
                ("host", "pay.example"),
                ("cookie", &cookie),
                ("connection", "Upgrade"),
                ("upgrade", "websocket"),
                ("origin", origin),
            ],
        )
    };
    let answer = ask(&layer, handshake("https://evil.example")).await;
    answer.assert_refused(RejectionKind::CrossOrigin);
    ask(&layer, handshake("https://pay.example")).await.assert_from("bob");
}

#[tokio::test]
async fn the_choice_is_the_users() {
    let cookie = format!("s={}", bob());
    let from = |origin: &'static str| [("cookie", cookie.clone()), ("origin", origin.to_owned())];
    let base = layer().source(Source::cookie("s").unwrap());

    let trusting = base.clone().trusted_origin("https://app.example").unwrap();
    for (origin, passes) in [("https://app.example", true), ("https://evil.example", false)] {
        let headers = from(origin);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let answer = post(&trusting, &headers).await;
        assert_eq!(answer.kind().is_none(), passes, "{origin}");
    }
    let open = base.danger_allow_cross_origin_requests();
    let headers = from("https://evil.example");
    let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    post(&open, &headers).await.assert_from("bob");
}
