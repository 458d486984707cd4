//! Guards without axum: who passes, who does not, and what happens without a layer.

use std::convert::Infallible;

use http::{HeaderValue, Request, Response};
use portcullis::{RejectionKind, RequireLayer, Scope, Verified};
use tower::{Layer, ServiceBuilder, service_fn};

use crate::support::{
    Admin, Body, Other, Pay, Payroll, Reader, alice, bearer, bob, get, layer, send, who_service,
};

#[tokio::test]
async fn who_meets_the_requirement_passes() {
    let service = layer().layer(RequireLayer::<Admin, Payroll>::new().layer(who_service()));
    send(service.clone(), bearer(&alice())).await.assert_from("alice");
    send(service.clone(), bearer(&bob())).await.assert_refused(RejectionKind::InsufficientScope);
    send(service, get(&[])).await.assert_refused(RejectionKind::MissingCredential);
}

#[tokio::test]
async fn an_admin_is_also_a_reader_and_guards_compose() {
    let service = ServiceBuilder::new()
        .layer(layer())
        .layer(RequireLayer::<Reader, Payroll>::new())
        .layer(RequireLayer::<Scope<Pay>, Payroll>::default())
        .layer(RequireLayer::<(), Payroll>::signed_in())
        .service(who_service());
    send(service.clone(), bearer(&alice())).await.assert_from("alice");
    send(service, bearer(&bob())).await.assert_refused(RejectionKind::InsufficientScope);
}

#[tokio::test]
async fn every_check_has_to_pass() {
    let guard = RequireLayer::<Reader, Payroll>::new()
        .with_check(|claims| claims.sub.len() < 10)
        .with_check(|claims| claims.sub.starts_with('b'));
    let service = layer().layer(guard.layer(who_service()));
    send(service.clone(), bearer(&bob())).await.assert_from("bob");
    let answer = send(service, bearer(&alice())).await;
    answer.assert_refused(RejectionKind::CheckFailed);
    assert_eq!(
        answer.header("www-authenticate"),
        Some(
            r#"Bearer realm="api", error="insufficient_scope", error_description="the token does not permit this""#
        )
    );
    let rejection = answer.rejection.unwrap().to_string();
    assert!(rejection.contains("check 2"), "{rejection}");
}

#[tokio::test]
async fn inside_an_optional_layer_a_guard_still_wants_a_credential() {
    let guard = RequireLayer::<(), Payroll>::signed_in();
    let service = layer().optional().layer(guard.layer(who_service()));
    send(service.clone(), bearer(&bob())).await.assert_from("bob");
    let answer = send(service, get(&[])).await;
    answer.assert_refused(RejectionKind::MissingCredential);
    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="api""#));
}

#[tokio::test]
async fn without_a_layer_nobody_passes() {
    let service = RequireLayer::<Admin, Payroll>::new().layer(who_service());
    let answer = send(service, bearer(&alice())).await;
    answer.assert_refused(RejectionKind::NotConfigured);
    assert_eq!(answer.body, "");
    // the layer inside of the guard is as good as none
    let service = RequireLayer::<Admin, Payroll>::new().layer(layer().layer(who_service()));
    send(service, bearer(&alice())).await.assert_refused(RejectionKind::NotConfigured);
}

#[tokio::test]
async fn a_layer_for_other_claims_is_named() {
    let service = layer().layer(RequireLayer::<(), Other>::signed_in().layer(who_service()));
    let answer = send(service, bearer(&bob())).await;
    answer.assert_refused(RejectionKind::NotConfigured);
    assert!(answer.body.contains("the service is not set up correctly"));
    assert!(!answer.body.contains("Payroll"), "the client learns nothing of it");
    let rejection = answer.rejection.unwrap().to_string();
    assert!(
        rejection.contains("support::Other") && rejection.contains("support::Payroll"),
        "{rejection}"
    );
}

#[tokio::test]
async fn what_was_added_on_the_way_out_stays_and_what_described_the_body_goes() {
    let refusing = service_fn(|_: Request<Body>| async {
        let mut response = portcullis::Rejection::from(RejectionKind::CheckFailed).into_refusal();
        *response.body_mut() = Body::from("a body that is not sent");
        for (name, value) in [
            ("access-control-allow-origin", "https://app.example"),
            ("content-type", "text/html"),
            ("content-length", "23"),
            ("content-encoding", "gzip"),
            ("etag", "\"x\""),
            ("cache-control", "public"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        Ok::<_, Infallible>(response)
    });
    let answer = send(layer().layer(refusing), bearer(&bob())).await;
    answer.assert_refused(RejectionKind::CheckFailed);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    for gone in ["content-length", "content-encoding", "etag"] {
        assert_eq!(answer.header(gone), None, "{gone}");
    }
    assert!(answer.body.contains("check-failed"));
}

#[tokio::test]
async fn an_inner_layer_renders_for_the_guards_inside_it() {
    let guard = RequireLayer::<Admin, Payroll>::new();
    let inner = layer().realm("inner").unwrap().layer(guard.layer(who_service()));
    let service = layer().realm("outer").unwrap().layer(inner);
    let answer = send(service, bearer(&bob())).await;
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.starts_with(r#"Bearer realm="inner""#), "{challenge}");
}

#[tokio::test]
async fn a_service_may_look_for_itself() {
    let service = service_fn(|request: Request<Body>| async move {
        let caller = Verified::<Payroll>::optional_from_extensions(request.extensions());
        Ok::<_, Infallible>(match caller {
            Ok(caller) => Response::new(Body::from(caller.map_or("stranger", |_| "known"))),
            Err(rejection) => rejection.into_refusal(),
        })
    });
    let optional = layer().optional().layer(service);
    send(optional.clone(), bearer(&bob())).await.assert_from("known");
    send(optional, get(&[])).await.assert_from("stranger");
    send(service, get(&[])).await.assert_refused(RejectionKind::NotConfigured);
}
