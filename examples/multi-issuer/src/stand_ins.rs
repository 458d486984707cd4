//! Local issuers in place of Auth0, Entra and Cognito: their tokens say what those of the real ones say, signed by keys
//! that are published here. They sign for whoever asks, so they listen on the loopback only.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use portcullis_axum::Algorithm;
use portcullis_issuer::{JwsHeader, SigningKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::issuers::{Tenant, Tenants};

const DOMAIN: &str = "payroll.auth0.example";
const AUDIENCE: &str = "https://payroll.example.com";
const TENANT: &str = "8f0d1b6a-5a4d-4b0e-9f64-3a6d6e6d2b11";
const OTHER_TENANT: &str = "00000000-0000-4000-8000-000000000002";
const ENTRA_AUDIENCE: &str = "11111111-2222-3333-4444-555555555555";
const POOL: &str = "eu-west-1_AbCdEfGhI";
const CLIENT: &str = "3n4b5urk1ft4fl3mg5e62d9ado";

/// Where each has its keys, below its own address.
const KEYS: &str = "/keys";

/// Where the stand-ins listen.
pub(crate) struct StandIns {
    pub(crate) auth0: String,
    pub(crate) entra: String,
    pub(crate) cognito: String,
}

impl StandIns {
    /// As the API is to trust them.
    pub(crate) fn tenants(&self) -> Tenants {
        let tenant = |name: &str, us: &str, url: &str| {
            let keys = Some(format!("{url}{KEYS}"));
            Some(Tenant { name: name.into(), us: us.into(), keys })
        };
        Tenants {
            auth0: tenant(DOMAIN, AUDIENCE, &self.auth0),
            entra: tenant(TENANT, ENTRA_AUDIENCE, &self.entra),
            cognito: tenant(POOL, CLIENT, &self.cognito),
        }
    }
}

/// One issuer: its key, and the claims of each kind of token that it hands out.
struct StandIn {
    key: SigningKey,
    published: Value,
    tokens: Tokens,
}

type Tokens = HashMap<&'static str, Value>;

/// Starts all three, each on a port of its own.
pub(crate) async fn start() -> anyhow::Result<StandIns> {
    Ok(StandIns {
        auth0: serve(auth0(), |_| ()).await?,
        entra: serve(entra(), as_entra_publishes).await?,
        cognito: serve(cognito(), |_| ()).await?,
    })
}

async fn serve(tokens: Tokens, change: fn(&mut Value)) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let key = SigningKey::generate(Algorithm::RS256)?;
    let mut public: Value = serde_json::from_str(&key.public_jwk().unwrap_or_default())?;
    change(&mut public);
    let stand_in = Arc::new(StandIn { key, published: json!({"keys": [public]}), tokens });
    let app = Router::new()
        .route("/token/{kind}", get(token))
        .route(KEYS, get(keys))
        .with_state(stand_in);
    // it ends with the process
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(url)
}

/// A token of this kind, signed now, for five minutes.
async fn token(
    State(stand_in): State<Arc<StandIn>>,
    Path(kind): Path<String>,
) -> Result<String, StatusCode> {
    let mut claims = stand_in.tokens.get(kind.as_str()).ok_or(StatusCode::NOT_FOUND)?.clone();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    claims["iat"] = now.into();
    claims["exp"] = (now + 300).into();
    let header = JwsHeader::new().with_typ("JWT");
    let token = stand_in.key.sign(&header, claims.to_string());
    token.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn keys(State(stand_in): State<Arc<StandIn>>) -> Json<Value> {
    Json(stand_in.published.clone())
}

/// The name ends in a slash; an API's token has `/userinfo` in its `aud` as well; there is no `jti`.
fn auth0() -> Tokens {
    let issuer = format!("https://{DOMAIN}/");
    let access = json!({
        "iss": issuer, "sub": "auth0|bob", "aud": [AUDIENCE, format!("{issuer}userinfo")],
        "azp": "app", "scope": "openid profile", "permissions": ["read:workers"],
    });
    // what the sign-in page gives to the client, which is no key to an API
    let id = json!({"iss": issuer, "sub": "auth0|bob", "aud": "app", "nonce": "n", "name": "Bob"});
    // a role that this issuer may not give
    let mut admin = access.clone();
    admin["permissions"] = json!(["Payroll.Admin", "admins"]);
    HashMap::from([("access", access), ("id", id), ("admin", admin)])
}

/// One set of keys signs for every tenant.
fn entra() -> Tokens {
    let of = |tenant: &str, roles: Value| {
        json!({
            "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"), "tid": tenant,
            "ver": "2.0", "uti": "x1", "aud": ENTRA_AUDIENCE, "sub": "alice", "azp": "app",
            "roles": roles,
        })
    };
    HashMap::from([
        ("reader", of(TENANT, json!(["Workers.Read"]))),
        ("admin", of(TENANT, json!(["Payroll.Admin"]))),
        // signed by the very same key
        ("stranger", of(OTHER_TENANT, json!(["Payroll.Admin"]))),
    ])
}

/// Its keys do not say their `alg`, and say whose tokens they are for.
fn as_entra_publishes(jwk: &mut Value) {
    if let Some(jwk) = jwk.as_object_mut() {
        jwk.remove("alg");
        jwk.insert("issuer".into(), json!("https://login.microsoftonline.com/{tenantid}/v2.0"));
    }
}

/// Access tokens have no `aud` but a `client_id`, and `token_use` tells them from ID tokens.
fn cognito() -> Tokens {
    let issuer = format!("https://cognito-idp.eu-west-1.amazonaws.com/{POOL}");
    let access = |client: &str| {
        json!({
            "iss": issuer, "sub": "carol", "token_use": "access", "client_id": client,
            "scope": "read:workers", "cognito:groups": ["admins"], "jti": "j1",
        })
    };
    let id = json!({
        "iss": issuer, "sub": "carol", "token_use": "id", "aud": CLIENT, "cognito:groups": ["admins"],
    });
    HashMap::from([("access", access(CLIENT)), ("other", access("another")), ("id", id)])
}
