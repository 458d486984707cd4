//! A guard without its layer, or with a layer for other claims: 500, and a log that says so.

use axum::Router;
use axum::routing;
use portcullis_axum::{Jwt, JwtLayer, RejectionKind, Role};
use serde::Deserialize;

use crate::support::{Admin, Idp, Payroll, get};

#[derive(Deserialize)]
struct Other {}

async fn me(Jwt(me): Jwt<Payroll>) -> String {
    me.sub.clone()
}

async fn maybe(caller: Option<Jwt<Payroll>>) -> String {
    caller.map_or_else(String::new, |caller| caller.sub.clone())
}

async fn pay(admin: Role<Admin, Payroll>) -> String {
    admin.sub.clone()
}

fn routes() -> Router {
    Router::new()
        .route("/me", routing::get(me))
        .route("/maybe", routing::get(maybe))
        .route("/pay", routing::get(pay))
}

/// Every route is a 500, for everybody, and logs one error with these words.
fn check(app: &Router, token: &str, words: &[&str]) {
    for path in ["/me", "/maybe", "/pay"] {
        let ((), log) = portcullis_testing::logged(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let answer = runtime.block_on(get(app, path, Some(token)));
            answer.assert_refused(RejectionKind::NotConfigured);
            assert!(!answer.body.contains("Payroll") && answer.challenge.is_none());
        });
        let [line] = log.as_slice() else { panic!("{path}: {log:#?}") };
        for word in ["ERROR portcullis: ", "JwtLayer"].iter().chain(words) {
            assert!(line.contains(word), "{word}: {line}");
        }
    }
}

#[test]
fn without_the_layer() {
    let idp = Idp::new();
    check(&routes(), &idp.alice, &["support::Payroll"]);
    // added before the routes, a layer guards none of them
    let open = Router::new().route("/", routing::get(me)).layer(idp.layer()).merge(routes());
    check(&open, &idp.alice, &["support::Payroll"]);
}

#[test]
fn with_a_layer_for_other_claims() {
    let idp = Idp::new();
    let app = routes().layer(JwtLayer::<Other>::new(idp.verifier()));
    check(&app, &idp.alice, &["support::Payroll", "misuse::Other"]);
}
