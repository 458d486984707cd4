//! Rejections of gRPC requests: trailers only.

use http::StatusCode;
use portcullis::{JwtLayer, RejectionKind, RequireLayer, Revocation};
use tower::Layer;

use crate::revocation::Fixed;
use crate::support::{Admin, Answer, Other, Payroll, bob, layer, request, send, who_service};

async fn call<R: Revocation>(layer: &JwtLayer<Payroll, R>, headers: &[(&str, &str)]) -> Answer {
    let grpc = [("content-type", "application/grpc+proto"), ("te", "trailers")];
    let service = layer.layer(RequireLayer::<Admin, Payroll>::new().layer(who_service()));
    send(service, request("POST", "/pay.Payroll/Pay", &[&grpc, headers].concat())).await
}

fn check(answer: &Answer, kind: RejectionKind, status: &str) {
    assert_eq!(answer.kind(), Some(kind));
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), Some("application/grpc"));
    assert_eq!(answer.header("grpc-status"), Some(status), "{kind:?}");
    assert_eq!(answer.header("grpc-message"), Some(kind.title()));
    assert_eq!(answer.body, "");
    assert_eq!(answer.headers.len(), 3, "{:?}", answer.headers);
}

#[tokio::test]
async fn every_kind_has_its_code() {
    let bearer = format!("Bearer {}", bob());
    let bob = [("authorization", bearer.as_str())];
    check(&call(&layer(), &[]).await, RejectionKind::MissingCredential, "16");
    let junk = [("authorization", "Bearer a.b.c")];
    check(&call(&layer(), &junk).await, RejectionKind::MalformedToken, "16");
    let malformed = [("authorization", "Bearer")];
    check(&call(&layer(), &malformed).await, RejectionKind::MalformedCredential, "16");
    check(&call(&layer(), &bob).await, RejectionKind::InsufficientScope, "7");
    let out = layer().with_revocation(Fixed::out());
    check(&call(&out, &bob).await, RejectionKind::RevocationUnavailable, "14");

    let wrong = layer().layer(RequireLayer::<(), Other>::signed_in().layer(who_service()));
    let headers = [("content-type", "application/grpc"), bob[0]];
    let answer = send(wrong, request("POST", "/", &headers)).await;
    check(&answer, RejectionKind::NotConfigured, "13");
}

#[tokio::test]
async fn grpc_web_gets_its_own_media_type() {
    let headers = [("content-type", "application/grpc-web+proto")];
    let answer = send(layer().layer(who_service()), request("POST", "/", &headers)).await;
    assert_eq!(answer.header("content-type"), Some("application/grpc-web+proto"));
    assert_eq!(answer.header("grpc-status"), Some("16"));
}

#[tokio::test]
async fn a_get_is_no_grpc_whatever_it_says() {
    let headers = [("content-type", "application/grpc")];
    for method in ["GET", "PUT", "HEAD"] {
        let answer = send(layer().layer(who_service()), request(method, "/", &headers)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("www-authenticate").is_some());
    }
}

#[tokio::test]
async fn a_service_without_grpc_is_told_refusals_by_their_status() {
    let layer = layer().without_grpc();
    let bearer = format!("Bearer {}", bob());
    let bob = [("authorization", bearer.as_str())];
    let junk = [("authorization", "Bearer a.b.c")];
    // by the layer itself, and by a guard behind it
    for (headers, kind) in [
        (&[][..], RejectionKind::MissingCredential),
        (&junk, RejectionKind::MalformedToken),
        (&bob, RejectionKind::InsufficientScope),
    ] {
        let answer = call(&layer, headers).await;
        assert_eq!(answer.kind(), Some(kind));
        assert_eq!(answer.status, kind.status());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.header("grpc-status"), None);
        assert!(answer.header("www-authenticate").is_some(), "{kind:?}");
    }
    let web = [("content-type", "application/grpc-web-text")];
    let answer = send(layer.layer(who_service()), request("POST", "/", &web)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}
