//! Server 1: Orders. It mints tokens for its own customers and, for one call at a time, for Billing; it publishes its public
//! keys, and is trusted for nothing more than that.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::routing::post;
use axum::{Json, Router};
use portcullis_axum::{
    AccessClaims, Algorithm, Issuer, JwtLayer, Role, ScopeName, Verifier, roles,
};
use portcullis_issuer::web::{JwksService, ServerMetadata};
use portcullis_issuer::{IssuerError, Minted, SigningKey, SigningKeys, TokenIssuer};
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::billing::Charge;
use crate::certificates;
use crate::google;
use crate::problem::Problem;

roles! {
    /// Places orders.
    pub(crate) Customer = "customer";
    /// Rotates keys.
    pub(crate) Operator = "operator";
}

/// Tokens for Billing live as long as a call may take, and a little.
const CALL: Duration = Duration::from_secs(60);

/// Tokens that are printed live as long as somebody may take to paste them.
const PRINTED: Duration = Duration::from_secs(3600);

/// What Orders has: keys that sign, the tokens that it mints, and a client for Billing.
#[derive(Clone)]
pub(crate) struct Orders {
    url: Arc<str>,
    billing: Arc<str>,
    keys: SigningKeys,
    issuer: TokenIssuer,
    client: reqwest::Client,
}

impl Orders {
    /// `url` is its own, which is its name as an issuer too.
    pub(crate) fn new(url: &str, billing: &str, folder: &Path) -> anyhow::Result<Self> {
        let keys = SigningKeys::new(SigningKey::generate(Algorithm::ES256)?);
        Ok(Self {
            url: url.into(),
            billing: billing.into(),
            issuer: TokenIssuer::builder(url, keys.clone()).audience(url).build()?,
            client: reqwest::Client::builder()
                .tls_backend_preconfigured(certificates::client(folder)?)
                .redirect(Policy::none())
                .no_proxy()
                .timeout(Duration::from_secs(10))
                .build()?,
            keys,
        })
    }

    /// The service.
    pub(crate) fn router(self) -> anyhow::Result<Router> {
        let issuer = Issuer::new(&*self.url)
            .audience(&*self.url)
            .keys(self.keys.verification_keys())
            .access_token_profile();
        let verifier = Verifier::builder().trust(issuer).build::<AccessClaims>()?;
        // there is no endpoint for tokens, so no grant is supported
        let metadata = ServerMetadata::new(&*self.url)
            .jwks_uri(format!("{}/keys", self.url))
            .member("grant_types_supported", Vec::<String>::new());
        Ok(Router::new()
            .route("/orders", post(order))
            .route("/keys/rotate", post(rotate))
            .route("/keys/withdraw", post(withdraw))
            .layer(JwtLayer::new(verifier).realm("orders")?)
            // what is added after the layer is open to everybody
            .route_service(&metadata.oauth_path(), metadata.into_service()?)
            .route_service("/keys", JwksService::new(self.keys.clone()))
            .with_state(self))
    }

    /// Tokens to paste: the right ones, and what a thief or a confused service would try.
    pub(crate) fn tokens(&self) -> Result<Vec<(&'static str, String)>, IssuerError> {
        let posing = TokenIssuer::builder(google::NIGHTLY, self.keys.clone())
            .audience(&*self.billing)
            .plain_jwt()
            .build()?;
        let mint = |issuer: &TokenIssuer, claims: Value, audience: &str| {
            let token = issuer.token(&claims).audience(audience).lifetime(PRINTED);
            token.mint().map(Minted::into_token)
        };
        let person =
            |name: &str, role: &str| json!({ "sub": name, "client_id": "shop", "roles": [role] });
        let shipping = "https://shipping.example";
        Ok(vec![
            ("CUSTOMER", mint(&self.issuer, person("bob", "customer"), &self.url)?),
            ("OPERATOR", mint(&self.issuer, person("alice", "operator"), &self.url)?),
            ("FOR_BILLING", mint(&self.issuer, service(), &self.billing)?),
            ("FOR_SHIPPING", mint(&self.issuer, service(), shipping)?),
            ("POSING", mint(&posing, json!({ "sub": google::NIGHTLY }), &self.billing)?),
        ])
    }
}

/// The claims of Orders itself, when it calls others.
fn service() -> Value {
    json!({ "sub": "orders", "client_id": "orders", "scope": Charge::NAME })
}

#[derive(Debug, Deserialize)]
struct Order {
    cents: u32,
}

/// Places an order: a token for Billing and for this call, and the call.
async fn order(
    customer: Role<Customer, AccessClaims>,
    State(orders): State<Orders>,
    Json(order): Json<Order>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let claims = service();
    let token = orders.issuer.token(&claims).audience(&orders.billing).lifetime(CALL);
    let token = token.mint().map_err(Problem::internal)?;
    let charge = orders
        .client
        .post(format!("{}/charges", orders.billing))
        .bearer_auth(token.token())
        .header(header::CONTENT_TYPE, "application/json")
        .body(json!({ "cents": order.cents }).to_string());
    let answer = charge.send().await.map_err(Problem::unavailable)?;
    match answer.status() {
        StatusCode::CREATED => {
            let placed =
                json!({ "cents": order.cents, "for": customer.subject(), "charged": true });
            Ok((StatusCode::CREATED, Json(placed)))
        }
        status if status == StatusCode::SERVICE_UNAVAILABLE => {
            Err(Problem::unavailable("Billing answers 503"))
        }
        status => Err(Problem::refused(format_args!("Billing answers {status}"))),
    }
}

/// A new key signs from now on. The old one is published for as long as its last token may live.
async fn rotate(
    _: Role<Operator, AccessClaims>,
    State(orders): State<Orders>,
) -> Result<StatusCode, Problem> {
    let key = SigningKey::generate(Algorithm::ES256).map_err(Problem::internal)?;
    orders.keys.rotate(key).map_err(Problem::internal)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new key signs from now on, and no other is published: no earlier token works, here at once and at Billing when it looks
/// at our keys again.
async fn withdraw(
    _: Role<Operator, AccessClaims>,
    State(orders): State<Orders>,
) -> Result<StatusCode, Problem> {
    let key = SigningKey::generate(Algorithm::ES256).map_err(Problem::internal)?;
    orders.keys.rotate_and_revoke(key).map_err(Problem::internal)?;
    Ok(StatusCode::NO_CONTENT)
}
