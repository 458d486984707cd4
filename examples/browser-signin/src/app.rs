//! The service: what it shares, and which request goes where.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{delete, get, post};
use portcullis_axum::MemoryStore;
use tokio::sync::watch;
use tower_http::csrf::CsrfLayer;

use crate::account::{self, Account};
use crate::activity::{self, Activity};
use crate::limits::Limits;
use crate::page;
use crate::passwords::Users;
use crate::sessions::{self, Sessions};

/// The largest body that is read: a name and a password.
const LARGEST: usize = 4 * 1024;

/// What the handlers share.
#[derive(Clone, FromRef)]
pub(crate) struct App {
    pub(crate) sessions: Sessions,
    users: Users,
    limits: Limits,
    account: Account,
    activity: Activity,
}

impl App {
    pub(crate) fn new(
        lifetime: Duration,
        forgers: SocketAddr,
        stopping: watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            sessions: Sessions::new(lifetime, forgers, MemoryStore::new())?,
            users: Users::new()?,
            limits: Limits::new(),
            account: Account::new(),
            activity: Activity::new(stopping),
        })
    }
}

/// Which request goes where.
pub(crate) fn router(app: App) -> anyhow::Result<Router> {
    let layer = app.sessions.layer()?;
    let guarded = Router::new()
        .route("/api/me", get(sessions::show))
        .route("/api/account", get(account::show))
        .route("/api/payments", post(account::pay))
        .route("/sessions", delete(sessions::sign_out_everywhere))
        .layer(layer);
    let open = Router::new()
        .route("/session", post(sessions::sign_in).delete(sessions::sign_out))
        .route("/session/refresh", post(sessions::refresh))
        // They look at the refresh token or at a password, so the layer's rule of origins does not see them.
        .layer(CsrfLayer::new());
    Ok(Router::new()
        .merge(guarded)
        .merge(open)
        .layer(from_fn_with_state(app.activity.clone(), activity::record))
        .route("/activity", get(activity::follow))
        .fallback(page::file)
        .layer(map_response(page::protect))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(app))
}
