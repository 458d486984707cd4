//! The layer in axum's routers: nested, merged, on routes only, with a guard, with own bodies.

use axum::Router;
use axum::http::{Response, StatusCode};
use axum::response::Html;
use axum::routing;
use portcullis_axum::{Jwt, Rejection, RejectionKind, RequireLayer, Role};

use crate::support::{Admin, Idp, Payroll, get};

async fn me(Jwt(me): Jwt<Payroll>) -> String {
    me.sub.clone()
}

async fn open() -> &'static str {
    "open"
}

#[tokio::test]
async fn a_nested_layer_sees_paths_without_the_prefix() {
    let idp = Idp::new();
    let inside = Router::new()
        .route("/healthz", routing::get(open))
        .layer(idp.layer().exempt("/healthz").unwrap());
    let app = Router::new().nest("/api", inside);
    get(&app, "/api/healthz", None).await.assert_ok("open");

    let outside = Router::new()
        .nest("/api", Router::new().route("/healthz", routing::get(open)))
        .layer(idp.layer().exempt("/api/healthz").unwrap());
    get(&outside, "/api/healthz", None).await.assert_ok("open");
    let with_wrong = Router::new()
        .nest("/api", Router::new().route("/healthz", routing::get(open)))
        .layer(idp.layer().exempt("/healthz").unwrap());
    let answer = get(&with_wrong, "/api/healthz", None).await;
    answer.assert_refused(RejectionKind::MissingCredential);
}

#[tokio::test]
async fn a_layer_guards_the_fallback_and_a_route_layer_does_not() {
    let idp = Idp::new();
    let app = Router::new().route("/", routing::get(me)).layer(idp.layer());
    assert_eq!(get(&app, "/nowhere", None).await.status, StatusCode::UNAUTHORIZED);
    let app = Router::new().route("/", routing::get(me)).route_layer(idp.layer());
    assert_eq!(get(&app, "/nowhere", None).await.status, StatusCode::NOT_FOUND);
    get(&app, "/", None).await.assert_refused(RejectionKind::MissingCredential);
    get(&app, "/", Some(&idp.bob)).await.assert_ok("bob");
}

#[tokio::test]
async fn routes_added_after_the_layer_are_open() {
    let idp = Idp::new();
    let app = Router::new()
        .route("/", routing::get(me))
        .layer(idp.layer())
        .route("/open", routing::get(open));
    get(&app, "/open", None).await.assert_ok("open");
}

#[tokio::test]
async fn a_guard_layer_inside_and_a_role_inside_that() {
    async fn pay(admin: Role<Admin, Payroll>) -> String {
        admin.sub.clone()
    }
    let idp = Idp::new();
    let app = Router::new()
        .route("/pay", routing::get(pay))
        .layer(RequireLayer::<Admin, Payroll>::new().with_check(|claims| claims.sub != "mallory"))
        .layer(idp.layer());
    get(&app, "/pay", Some(&idp.alice)).await.assert_ok("alice");
    let refused = get(&app, "/pay", Some(&idp.bob)).await;
    refused.assert_refused(RejectionKind::InsufficientScope);
    assert!(refused.challenge.is_some());
}

#[tokio::test]
async fn own_bodies_are_the_same_whoever_refused() {
    async fn pay(_: Role<Admin, Payroll>) -> Html<&'static str> {
        Html("paid")
    }
    let idp = Idp::new();
    let layer =
        idp.layer().with_rejection_response(|rejection: &Rejection, standard: Response<_>| {
            standard.map(|_| format!("refused: {}", rejection.kind().code()))
        });
    let app = Router::new().route("/", routing::get(pay)).layer(layer);
    assert_eq!(get(&app, "/", None).await.body, "refused: missing-credential");
    assert_eq!(get(&app, "/", Some(&idp.bob)).await.body, "refused: insufficient-scope");
    get(&app, "/", Some(&idp.alice)).await.assert_ok("paid");
}
