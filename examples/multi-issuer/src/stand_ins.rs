//! Local issuers whose tokens have the shapes of Auth0's, Entra's and Cognito's. They sign for whoever
//! asks, so they listen on the loopback only.

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

use crate::issuers::{Auth0, Cognito, Entra, Tenants};

const AUDIENCE: &str = "https://payroll.example.com";
const ENTRA_AUDIENCE: &str = "11111111-2222-3333-4444-555555555555";
const CLIENT: &str = "3n4b5urk1ft4fl3mg5e62d9ado";

/// Where the stand-ins listen.
pub(crate) struct StandIns {
    pub(crate) auth0: String,
    pub(crate) entra: String,
    pub(crate) cognito: String,
}

impl StandIns {
    /// As the API is to trust them.
    pub(crate) fn tenants(&self) -> Tenants {
        let Self { auth0, entra, cognito } = self;
        Tenants {
            auth0: Some(Auth0 { issuer: format!("{auth0}/"), audience: AUDIENCE.into() }),
            entra: Some(Entra {
                issuer: format!("{entra}/tenant-a/v2.0"),
                keys: format!("{entra}/tenant-a/discovery/v2.0/keys"),
                audience: ENTRA_AUDIENCE.into(),
            }),
            cognito: Some(Cognito {
                issuer: format!("{cognito}/eu-1_pool"),
                client: CLIENT.into(),
            }),
        }
    }
}

/// One issuer: its key, and the claims of each kind of token that it hands out.
struct StandIn {
    key: SigningKey,
    documents: HashMap<&'static str, Value>,
    tokens: HashMap<&'static str, Value>,
}

/// Starts all three, each on a port of its own.
pub(crate) async fn start() -> anyhow::Result<StandIns> {
    Ok(StandIns {
        auth0: serve(auth0).await?,
        entra: serve(entra).await?,
        cognito: serve(cognito).await?,
    })
}

type Shape = fn(&str, &Value) -> (HashMap<&'static str, Value>, HashMap<&'static str, Value>);

async fn serve(shape: Shape) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let key = SigningKey::generate(Algorithm::RS256)?;
    let public: Value = serde_json::from_str(&key.public_jwk().unwrap_or_default())?;
    let (documents, tokens) = shape(&url, &json!({"keys": [public]}));
    let stand_in = Arc::new(StandIn { key, documents, tokens });
    let app =
        Router::new().route("/token/{kind}", get(token)).fallback(document).with_state(stand_in);
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

async fn document(
    State(stand_in): State<Arc<StandIn>>,
    uri: axum::http::Uri,
) -> Result<Json<Value>, StatusCode> {
    stand_in.documents.get(uri.path()).cloned().map(Json).ok_or(StatusCode::NOT_FOUND)
}

/// The name ends in a slash; an API's token has `/userinfo` in its `aud` as well; there is no `jti`.
fn auth0(url: &str, keys: &Value) -> (HashMap<&'static str, Value>, HashMap<&'static str, Value>) {
    let issuer = format!("{url}/");
    let metadata = json!({"issuer": issuer, "jwks_uri": format!("{url}/.well-known/jwks.json")});
    let access = json!({
        "iss": issuer, "sub": "auth0|bob", "aud": [AUDIENCE, format!("{url}/userinfo")],
        "azp": "app", "scope": "openid profile", "permissions": ["read:workers"],
    });
    // what the sign-in page gives to the client, which is no key to an API
    let id = json!({"iss": issuer, "sub": "auth0|bob", "aud": "app", "nonce": "n", "name": "Bob"});
    // a role that this issuer may not give
    let mut admin = access.clone();
    admin["roles"] = json!(["Payroll.Admin"]);
    (
        HashMap::from([
            ("/.well-known/openid-configuration", metadata),
            ("/.well-known/jwks.json", keys.clone()),
        ]),
        HashMap::from([("access", access), ("id", id), ("admin", admin)]),
    )
}

/// One set of keys signs for every tenant, and the keys do not say their `alg`.
fn entra(url: &str, keys: &Value) -> (HashMap<&'static str, Value>, HashMap<&'static str, Value>) {
    let mut keys = keys.clone();
    if let Some(key) = keys["keys"][0].as_object_mut() {
        key.remove("alg");
    }
    let of = |tenant: &str, version: &str, roles: Value| {
        json!({
            "iss": format!("{url}/{tenant}/{version}"), "tid": tenant, "ver": "2.0", "uti": "x1",
            "aud": ENTRA_AUDIENCE, "sub": "alice", "azp": "app", "roles": roles,
        })
    };
    (
        HashMap::from([("/tenant-a/discovery/v2.0/keys", keys)]),
        HashMap::from([
            ("reader", of("tenant-a", "v2.0", json!(["Workers.Read"]))),
            ("admin", of("tenant-a", "v2.0", json!(["Payroll.Admin"]))),
            // signed by the very same key
            ("stranger", of("tenant-b", "v2.0", json!(["Payroll.Admin"]))),
        ]),
    )
}

/// Access tokens have no `aud` but a `client_id`, and `token_use` tells them from ID tokens.
fn cognito(
    url: &str,
    keys: &Value,
) -> (HashMap<&'static str, Value>, HashMap<&'static str, Value>) {
    let issuer = format!("{url}/eu-1_pool");
    let access = |client: &str| {
        json!({
            "iss": issuer, "sub": "carol", "token_use": "access", "client_id": client,
            "scope": "read:workers", "cognito:groups": ["admins"], "jti": "j1",
        })
    };
    let id = json!({
        "iss": issuer, "sub": "carol", "token_use": "id", "aud": CLIENT, "cognito:groups": ["admins"],
    });
    (
        HashMap::from([("/eu-1_pool/.well-known/jwks.json", keys.clone())]),
        HashMap::from([("access", access(CLIENT)), ("other", access("another")), ("id", id)]),
    )
}
