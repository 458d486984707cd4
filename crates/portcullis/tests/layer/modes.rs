//! Optional layers, exempt paths, preflights, and layers inside layers.

use portcullis::{JwtLayer, RejectionKind, Source};
use serde_json::json;
use tower::Layer;

use crate::support::{
    Other, alice, ask, bearer, bob, get, layer, request, send, token, verifier, who_service,
};

#[tokio::test]
async fn an_optional_layer_lets_strangers_pass_and_no_bad_token() {
    let layer = layer().optional();
    ask(&layer, get(&[])).await.assert_from("anonymous");
    ask(&layer, get(&[("authorization", "Basic x")])).await.assert_from("anonymous");
    ask(&layer, bearer(&bob())).await.assert_from("bob");
    let expired = token(json!({"exp": 1_700_000_001}));
    ask(&layer, bearer(&expired)).await.assert_refused(RejectionKind::Expired);
    ask(&layer, bearer("x")).await.assert_refused(RejectionKind::MalformedToken);
    ask(&layer, bearer("")).await.assert_refused(RejectionKind::MalformedCredential);
}

#[tokio::test]
async fn an_exempt_path_is_compared_as_a_whole_and_never_looked_at() {
    let layer = layer().exempt("/healthz").unwrap();
    for headers in [&[][..], &[("authorization", "Bearer junk")], &[("authorization", "x"); 2]] {
        let request = request("GET", "/healthz", headers);
        ask(&layer, request).await.assert_from("anonymous");
    }
    let good = format!("Bearer {}", bob());
    let with_token = request("GET", "/healthz", &[("authorization", &good)]);
    ask(&layer, with_token).await.assert_from("anonymous");
    ask(&layer, request("POST", "/healthz?x=/y", &[])).await.assert_from("anonymous");
    ask(&layer, request("GET", "https://a.example/healthz", &[])).await.assert_from("anonymous");
    for other in
        ["/", "/healthz/", "/healthz/x", "/Healthz", "//healthz", "/%68ealthz", "/x?/healthz"]
    {
        let answer = ask(&layer, request("GET", other, &[])).await;
        answer.assert_refused(RejectionKind::MissingCredential);
    }
}

#[tokio::test]
async fn a_preflight_passes_only_if_it_is_one_and_allowed() {
    let origin = ("origin", "https://app.example");
    let method = ("access-control-request-method", "POST");
    let preflight = || request("OPTIONS", "/", &[origin, method]);
    ask(&layer(), preflight()).await.assert_refused(RejectionKind::MissingCredential);
    let allowing = layer().allow_cors_preflight();
    ask(&allowing, preflight()).await.assert_from("anonymous");
    for other in [
        request("OPTIONS", "/", &[origin]),
        request("OPTIONS", "/", &[method]),
        request("OPTIONS", "/", &[]),
        request("GET", "/", &[origin, method]),
        request("POST", "/", &[origin, method]),
    ] {
        ask(&allowing, other).await.assert_refused(RejectionKind::MissingCredential);
    }
}

#[tokio::test]
async fn an_inner_layer_replaces_the_caller_only_when_it_verifies() {
    let by_cookie = layer().source(Source::cookie("s").unwrap()).optional();
    let service = layer().layer(by_cookie.layer(who_service()));
    send(service.clone(), bearer(&bob())).await.assert_from("bob");
    let both = get(&[
        ("authorization", &format!("Bearer {}", bob())),
        ("cookie", &format!("s={}", alice())),
    ]);
    send(service.clone(), both).await.assert_from("alice");
    send(service, get(&[])).await.assert_refused(RejectionKind::MissingCredential);

    let exempt = layer().exempt("/").unwrap();
    let service = layer().layer(exempt.layer(who_service()));
    send(service, bearer(&bob())).await.assert_from("bob");
}

#[tokio::test]
async fn layers_for_different_claims_do_not_disturb_each_other() {
    let other = JwtLayer::<Other>::new(verifier()).optional();
    let service = layer().layer(other.clone().layer(who_service()));
    send(service, bearer(&bob())).await.assert_from("bob");
    let service = other.layer(layer().layer(who_service()));
    send(service, get(&[])).await.assert_refused(RejectionKind::MissingCredential);
}

#[tokio::test]
async fn a_rejection_of_an_inner_layer_is_rendered_once() {
    let inner = layer().realm("inner").unwrap();
    let service = layer().optional().realm("outer").unwrap().layer(inner.layer(who_service()));
    let answer = send(service, get(&[])).await;
    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="inner""#));
    answer.assert_refused(RejectionKind::MissingCredential);
}
