//! The server: a token endpoint, and an API that takes its tokens. In one process here; the API needs no more of the other
//! than its public keys.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use axum::routing::{get, post};
use axum::{Json, Router};
use portcullis_axum::{
    AccessClaims, Algorithm, Issuer, Jwt, JwtLayer, Require, Scope, ScopeName, Verifier,
};
use portcullis_issuer::token_endpoint::{ClientDirectory, TokenEndpoint};
use portcullis_issuer::web::{JwksService, ServerMetadata};
use portcullis_issuer::{SigningKey, SigningKeys, TokenIssuer};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::banner;
use crate::cli::Serve;

/// How long an access token lives.
const HOUR: Duration = Duration::from_secs(3600);

/// What tokens are given for.
const GRANTS: [&str; 2] = ["client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"];

/// What the API is called in tokens.
const API: &str = "reports";

/// The scope for reading.
#[derive(Debug)]
struct Read;

impl ScopeName for Read {
    const NAME: &'static str = "reports:read";
}

/// The scope for writing, which no client has.
#[derive(Debug)]
struct Write;

impl ScopeName for Write {
    const NAME: &'static str = "reports:write";
}

/// Serves until a signal says to stop.
pub(crate) async fn serve(options: &Serve) -> anyhow::Result<()> {
    anyhow::ensure!(
        options.listen.ip().is_loopback(),
        "{} can be reached by others: this example speaks plain HTTP, for this machine only",
        options.listen
    );
    // for the private keys of clients, and for the public ones unless there is a directory already; removed at the end
    let folder = tempfile::tempdir().context("making a temporary folder")?;
    let clients = match &options.clients {
        Some(clients) => clients.clone(),
        None => {
            let clients = folder.path().join("clients");
            std::fs::create_dir(&clients)?;
            clients
        }
    };
    let socket = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("listening on {}", options.listen))?;
    let address = socket.local_addr()?;
    let service = router(address, &clients)?;

    let stopped = stopped()?;
    banner::print(&name(address), folder.path(), &clients);
    tokio::select! {
        result = axum::serve(socket, service) => Ok(result?),
        result = stopped => result,
    }
}

/// The name of the issuer, which is the audience of assertions.
fn name(address: SocketAddr) -> String {
    format!("http://{address}")
}

fn router(address: SocketAddr, clients: &Path) -> anyhow::Result<Router> {
    let keys = SigningKeys::new(SigningKey::generate(Algorithm::ES256)?);
    let issuer =
        TokenIssuer::builder(name(address), keys.clone()).audience(API).lifetime(HOUR).build()?;
    let endpoint = TokenEndpoint::builder(issuer, ClientDirectory::new(clients))
        .scopes(|_| vec![Read::NAME.to_owned()])
        .build()?;

    let url = name(address);
    // so that clients, and APIs elsewhere, need no more than the name
    let metadata = ServerMetadata::new(&*url)
        .jwks_uri(format!("{url}/keys"))
        .token_endpoint(format!("{url}/token"))
        .scopes([Read::NAME])
        .member("grant_types_supported", GRANTS.map(str::to_owned).to_vec())
        .member("token_endpoint_auth_methods_supported", vec!["private_key_jwt".to_owned()]);

    let trusted = Issuer::new(name(address))
        .audience(API)
        .keys(keys.verification_keys())
        .access_token_profile();
    let verifier = Verifier::builder().trust(trusted).build::<AccessClaims>()?;
    Ok(Router::new()
        .route("/me", get(me))
        .route("/reports", get(reports))
        .route("/reports", post(file))
        .layer(JwtLayer::new(verifier).realm(API)?)
        // what is added after the layer is open to everybody
        .route_service("/token", endpoint)
        .route_service("/keys", JwksService::new(keys))
        .route_service(&metadata.oauth_path(), metadata.into_service()?))
}

/// Every client with a token.
async fn me(Jwt(caller): Jwt<AccessClaims>) -> Json<Value> {
    Json(json!({ "client": caller.client(), "scopes": caller.scopes() }))
}

async fn reports(_: Require<Scope<Read>, AccessClaims>) -> Json<Value> {
    Json(json!(["2026-10", "2026-11"]))
}

async fn file(_: Require<Scope<Write>, AccessClaims>) -> Json<Value> {
    Json(json!("2026-12"))
}

/// Ctrl-C, or what process managers send.
#[cfg(unix)]
fn stopped() -> anyhow::Result<impl Future<Output = anyhow::Result<()>>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    })
}

/// Ctrl-C.
#[cfg(not(unix))]
fn stopped() -> anyhow::Result<impl Future<Output = anyhow::Result<()>>> {
    Ok(async { Ok(tokio::signal::ctrl_c().await?) })
}
