//! The service under load: axum, the layer, and revocations in an SQLite file behind a wrapper that can be
//! made slow.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::routing::get;
use portcullis::{
    CutoffStore, Denylist, DenylistStore, IatCutoff, Issuer, Keys, Revocation, StoreError, Target,
    TargetKind, Timeout, Timestamp, TokenView, Verifier,
};
use portcullis_axum::{Jwt, JwtLayer};
use portcullis_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};

pub(crate) const ISSUER: &str = "https://soak.example.com";
pub(crate) const AUDIENCE: &str = "soak";

/// How long the layer waits for the store.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long a slow store takes.
const SLOWNESS: Duration = Duration::from_secs(2);

/// The claims.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
}

/// Starts the service; it runs until the runtime ends.
pub(crate) async fn start(keys: Keys, store: Flaky) -> Result<SocketAddr> {
    let issuer = Issuer::new(ISSUER).audience(AUDIENCE).keys(keys).leeway(Duration::ZERO);
    let verifier = Verifier::builder().trust(issuer).build::<Claims>()?;
    let rule = IatCutoff::new(store.clone()).and(Denylist::new(store));
    let app = Router::new()
        .route("/me", get(async |Jwt(me): Jwt<Claims>| me.sub.clone()))
        .layer(JwtLayer::new(verifier).with_revocation(Timeout::new(rule, PATIENCE)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

/// A store that can be made slow.
#[derive(Clone, Debug)]
pub(crate) struct Flaky {
    pub(crate) store: SqliteStore,
    slow: Arc<AtomicBool>,
}

impl Flaky {
    pub(crate) fn new(store: SqliteStore) -> Self {
        Self { store, slow: Arc::default() }
    }

    /// Makes it slow, or quick again.
    pub(crate) fn set_slow(&self, slow: bool) {
        self.slow.store(slow, Ordering::SeqCst);
    }

    async fn dawdle(&self) {
        if self.slow.load(Ordering::SeqCst) {
            tokio::time::sleep(SLOWNESS).await;
        }
    }
}

impl CutoffStore for Flaky {
    type Error = StoreError;

    async fn cutoff(&self, target: &Target<'_>) -> Result<Option<Timestamp>, StoreError> {
        self.dawdle().await;
        self.store.cutoff(target).await
    }

    fn kinds(&self) -> &'static [TargetKind] {
        CutoffStore::kinds(&self.store)
    }

    async fn latest_cutoff(&self, targets: &[Target<'_>]) -> Result<Option<Timestamp>, StoreError> {
        self.dawdle().await;
        self.store.latest_cutoff(targets).await
    }
}

impl DenylistStore for Flaky {
    type Error = StoreError;

    async fn is_denied(&self, target: &Target<'_>) -> Result<bool, StoreError> {
        self.dawdle().await;
        self.store.is_denied(target).await
    }

    fn kinds(&self) -> &'static [TargetKind] {
        DenylistStore::kinds(&self.store)
    }

    async fn is_any_denied(
        &self,
        token: &TokenView<'_>,
        targets: &[Target<'_>],
    ) -> Result<bool, StoreError> {
        self.dawdle().await;
        self.store.is_any_denied(token, targets).await
    }
}
