//! What stands in for Google: the keys of service accounts, at the path where Google has them. And what such an account does:
//! it signs for itself, without asking Google.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use portcullis_axum::{Algorithm, ScopeName};
use portcullis_issuer::{JwsHeader, SigningKey};
use serde_json::{Value, json};

use crate::billing::Charge;

/// The account that Billing trusts.
pub(crate) const NIGHTLY: &str = "nightly@two-services.iam.gserviceaccount.com";

/// An account like any other: whoever has a project can have one.
const STRANGER: &str = "stranger@somebody-else.iam.gserviceaccount.com";

/// Google takes no token of an account's own that lives longer.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

/// Where the keys of an account are. The real ones are at `https://www.googleapis.com`.
pub(crate) fn keys_url(google: &str, account: &str) -> String {
    format!("{google}/service_accounts/v1/metadata/jwk/{account}")
}

/// The accounts, each with the private key that its owner downloaded.
#[derive(Clone)]
pub(crate) struct Accounts {
    accounts: Arc<[(&'static str, SigningKey)]>,
}

impl Accounts {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let account = |name| anyhow::Ok((name, SigningKey::generate(Algorithm::RS256)?));
        Ok(Self { accounts: [account(NIGHTLY)?, account(STRANGER)?].into() })
    }

    /// The service.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/service_accounts/v1/metadata/jwk/{account}", get(keys))
            .with_state(self)
    }

    /// Tokens to paste, all but the first of them no good.
    pub(crate) fn tokens(&self, billing: &str) -> anyhow::Result<Vec<(&'static str, String)>> {
        let [(_, nightly), (_, stranger)] = &*self.accounts else {
            anyhow::bail!("there are two accounts");
        };
        let elsewhere = "https://shipping.example";
        Ok(vec![
            ("NIGHTLY", self_signed(nightly, NIGHTLY, billing, LONGEST)?),
            ("NIGHTLY_ELSEWHERE", self_signed(nightly, NIGHTLY, elsewhere, LONGEST)?),
            ("NIGHTLY_TOO_LONG", self_signed(nightly, NIGHTLY, billing, 2 * LONGEST)?),
            ("NIGHTLY_FORGED", self_signed(stranger, NIGHTLY, billing, LONGEST)?),
            ("STRANGER", self_signed(stranger, STRANGER, billing, LONGEST)?),
        ])
    }
}

/// A self-signed token as Google's libraries make it (AIP-4111): `iss` and `sub` are the account, `aud` is the URL of the
/// service, `kid` names the key. The scope is what an account may write, and nobody has to believe.
fn self_signed(
    key: &SigningKey,
    account: &str,
    audience: &str,
    lifetime: Duration,
) -> anyhow::Result<String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("before 1970")?;
    let claims = json!({
        "iss": account,
        "sub": account,
        "aud": audience,
        "iat": now.as_secs(),
        "exp": (now + lifetime).as_secs(),
        "scope": Charge::NAME,
    });
    Ok(key.sign(&JwsHeader::new().with_typ("JWT"), claims.to_string())?)
}

async fn keys(State(google): State<Accounts>, Path(account): Path<String>) -> Response {
    let found = google.accounts.iter().find(|(name, _)| *name == account);
    let Some((_, key)) = found else { return StatusCode::NOT_FOUND.into_response() };
    // an RSA key has a public half
    let keys: Vec<Value> =
        key.public_jwk().iter().filter_map(|key| serde_json::from_str(key).ok()).collect();
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, json!({ "keys": keys }).to_string()).into_response()
}
