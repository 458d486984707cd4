//! The routes, who may use them, and what they share.

mod admin;
mod payments;
mod sessions;
mod signin;
mod workers;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, patch, post};
use portcullis_axum::{JwtLayer, Revocation};

use crate::auth::Payroll;
use crate::body;
use crate::db::Db;
use crate::keys::KeyRing;
use crate::password::Passwords;
use crate::problem::Problem;
use crate::revocation::Revocations;
use crate::slowdown::Slowdown;

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) db: Db,
    pub(crate) keys: KeyRing,
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) passwords: Arc<Passwords>,
    pub(crate) slowdown: Arc<Slowdown>,
    /// Whether those may sign in whose passwords everybody knows.
    pub(crate) demo_users: bool,
}

/// The whole service; `layer` is around everything that needs a token.
pub(crate) fn router(app: App, layer: JwtLayer<Payroll, impl Revocation>) -> Router {
    // Which role each of them needs stands in the signature of its handler.
    let guarded = Router::new()
        .route("/me", get(sessions::me))
        .route("/workers", get(workers::list))
        .route("/workers/{id}", patch(workers::change))
        .route("/payments", get(payments::list).post(payments::pay))
        .route("/signout", post(sessions::sign_out))
        .route("/users/{name}/sign-out-everywhere", post(sessions::sign_out_everywhere))
        .route("/admin/rotate-key", post(admin::rotate_key))
        .route_layer(layer);
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/signin", post(signin::sign_in))
        .merge(guarded)
        .fallback(async || Problem::not_found("there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path has other methods")
        })
        .layer(DefaultBodyLimit::max(body::MAX_BYTES))
        .with_state(app)
}
