//! The API: who may look, who may pay, by whichever issuer.

use axum::routing::{get, post};
use axum::{Json, Router};
use portcullis_axum::{
    AccessClaims, AnyOf, Jwt, JwtLayer, Require, Scope, ScopeName, Verified, roles,
};
use serde_json::{Value, json};

struct ReadWorkers;
impl ScopeName for ReadWorkers {
    const NAME: &'static str = "read:workers";
}

roles! {
    /// A permission of Auth0's.
    MayReadWorkers = "read:workers";
    /// Entra's.
    WorkersRead = "Workers.Read";
    /// Entra's.
    PayrollAdmin = "Payroll.Admin";
    /// A group of Cognito's.
    Admins = "admins";
}

type MayLook = AnyOf<(Scope<ReadWorkers>, MayReadWorkers, WorkersRead, PayrollAdmin, Admins)>;
type MayPay = AnyOf<(PayrollAdmin, Admins)>;

pub(crate) fn router(layer: JwtLayer<AccessClaims>) -> Router {
    Router::new()
        .route("/me", get(me))
        .route("/workers", get(workers))
        .route("/payments", post(pay))
        .layer(layer)
}

/// A subject is somebody only together with its issuer: two issuers may both have a `bob`.
async fn me(Jwt(me): Jwt<AccessClaims>) -> Json<Value> {
    Json(json!({
        "issuer": Verified::issuer(&me),
        "subject": me.subject(),
        "roles": me.roles(),
        "scopes": me.scopes(),
    }))
}

async fn workers(_: Require<MayLook, AccessClaims>) -> Json<Value> {
    Json(json!(["Ada", "Grace"]))
}

async fn pay(by: Require<MayPay, AccessClaims>) -> Json<Value> {
    Json(json!({"paid_by": by.subject()}))
}
