//! One instance: it answers from a copy of the revocations in its memory, and writes to the store that all share.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use portcullis::feed::Feed;
use portcullis::{
    Denylist, Entry, FailurePolicy, IatCutoff, Issuer, JwtLayer, Keys, Replica, Retention,
    Revocation, Revoke, Target, Verified, Verifier,
};
use portcullis_axum::Jwt;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

pub(crate) const ISSUER: &str = "https://payroll.example";
pub(crate) const AUDIENCE: &str = "payroll";
/// How long a token lives.
pub(crate) const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How old a copy may become before the policy decides.
pub(crate) const BOUND: Duration = Duration::from_secs(1);
/// How old it may become under the policy that goes on with an old one.
pub(crate) const STALE: Duration = Duration::from_secs(4);

/// How long revocations are kept: until a token of the longest lifetime is dead, which the verifiers enforce.
pub(crate) fn retention() -> Retention {
    Retention::default().max_lifetime(LIFETIME)
}

/// The claims of this service's own.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Payroll {
    pub(crate) sub: String,
}

/// A running instance.
pub(crate) struct Instance {
    pub(crate) name: &'static str,
    pub(crate) policy: &'static str,
    pub(crate) address: SocketAddr,
}

impl Instance {
    pub(crate) async fn start<S: Feed + Revoke + Clone>(
        name: &'static str,
        policy_name: &'static str,
        policy: FailurePolicy,
        store: S,
        keys: Keys,
    ) -> anyhow::Result<Self> {
        let replica = Replica::builder(store.clone()).with_staleness_bound(BOUND).spawn()?;
        // no request is answered before there is something to answer from
        replica.ready().await?;
        let rule = IatCutoff::new(replica.clone())
            .on_outage(policy)
            .and(Denylist::new(replica.clone()).on_outage(policy));
        let trusted = Issuer::new(ISSUER).audience(AUDIENCE).keys(keys).max_lifetime(LIFETIME);
        let verifier = Verifier::builder().trust(trusted).build::<Payroll>()?;
        let app = Router::new()
            .route("/me", get(async |Jwt(me): Jwt<Payroll>| me.sub.clone()))
            .route("/sign-out", post(move |me| sign_out(me, store, replica)))
            .layer(JwtLayer::new(verifier).with_revocation(rule));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { name, policy: policy_name, address })
    }
}

/// Answers when this instance refuses the token: the others follow within the bound.
async fn sign_out<S: Revoke>(
    Jwt(me): Jwt<Payroll>,
    store: S,
    replica: Replica,
) -> Result<StatusCode, StatusCode> {
    let jti = Verified::token_id(&me).ok_or(StatusCode::BAD_REQUEST)?;
    let mut entry = Entry::deny(Target::token(ISSUER, jti)).of_subject(me.sub.as_str());
    if let Some(exp) = Verified::expires_at(&me) {
        entry = entry.expiring_at(exp);
    }
    let outage = |_| StatusCode::SERVICE_UNAVAILABLE;
    store.revoke(entry).await.map_err(outage)?;
    replica.caught_up(BOUND).await.map_err(outage)?;
    Ok(StatusCode::NO_CONTENT)
}
