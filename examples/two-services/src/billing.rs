//! Server 2: Billing. It has no keys and no users. It trusts Orders by the keys that Orders publishes, and one Google service
//! account by that account's, and says what each of them may do.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use portcullis_axum::{
    AccessClaims, Algorithm, ClaimRule, Issuer, Jwt, JwtLayer, Require, Scope, ScopeName, Verifier,
};
use portcullis_oidc::{HttpClient, Refresher, RemoteKeys, RemoteKeysBuilder};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::certificates::AUTHORITY;
use crate::cli::Trust;
use crate::google;

/// The scope for charging.
#[derive(Debug)]
pub(crate) struct Charge;

impl ScopeName for Charge {
    const NAME: &'static str = "charges:write";
}

/// Whom Billing trusts.
pub(crate) struct Callers<'a> {
    /// The name of Orders as an issuer, which is where its metadata are found.
    pub(crate) orders: &'a str,
    /// Where the keys of service accounts are.
    pub(crate) google: &'a str,
    pub(crate) trust: Trust,
}

/// The service. `url` is its own, and the audience of every token for it.
///
/// Nothing waits for the issuers: until their keys are there, their tokens are answered by 503.
pub(crate) fn router(url: &str, folder: &Path, callers: &Callers<'_>) -> anyhow::Result<Router> {
    let path = folder.join(AUTHORITY);
    let authority = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    // one task fetches for all issuers, and trusts our authority only
    let keys = Refresher::spawn(HttpClient::builder().root_certificates(authority).build()?);

    let orders = keys.add(callers.trust.apply(RemoteKeys::discover_oauth(callers.orders)))?;
    let orders = Issuer::new(callers.orders)
        .audience(url)
        .keys(orders)
        .access_token_profile()
        .may_assert_scopes([Charge::NAME]);

    // the address is made of the account that we trust, and of nothing in a token
    let account = google::keys_url(callers.google, google::NIGHTLY);
    let account = keys.add(callers.trust.apply(RemoteKeys::from_jwk_set_url(account)))?;
    let account = Issuer::new(google::NIGHTLY)
        .audience(url)
        .keys(account)
        .algorithms([Algorithm::RS256])
        .check_claim(ClaimRule::one_of("sub", [google::NIGHTLY]))
        .max_lifetime(google::LONGEST)
        .may_assert_nothing();

    let verifier = Verifier::builder().trust(orders).trust(account).build::<AccessClaims>()?;
    Ok(Router::new()
        .route("/charges", post(charge))
        .route("/totals", get(totals))
        .layer(JwtLayer::new(verifier).realm("billing")?))
}

impl Trust {
    fn apply(self, keys: RemoteKeysBuilder) -> RemoteKeysBuilder {
        let most = Duration::from_secs(self.refresh_every);
        keys.refresh_between(most.min(Duration::from_secs(60)), most)
            .trust_for(Duration::from_secs(self.trust_for))
    }
}

#[derive(Debug, Deserialize)]
struct Order {
    cents: u32,
}

/// Those that may charge: Orders. An account of Google that writes the scope into its own token may not assert it.
async fn charge(
    caller: Require<Scope<Charge>, AccessClaims>,
    Json(order): Json<Order>,
) -> (StatusCode, Json<Value>) {
    let charged = json!({ "cents": order.cents, "by": caller.subject() });
    (StatusCode::CREATED, Json(charged))
}

/// Everybody whom Billing trusts.
async fn totals(Jwt(caller): Jwt<AccessClaims>) -> Json<Value> {
    Json(json!({ "cents": 0, "for": caller.subject() }))
}
