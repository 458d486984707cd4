//! Who may come in. A real service has an issuer elsewhere and trusts its published keys; this one
//! mints its own tokens, so that there is something to paste.

use std::time::Duration;

use portcullis::{Algorithm, HasRoles, roles};
use portcullis_issuer::{IssuerError, SigningKey, SigningKeys, TokenIssuer};
use serde::{Deserialize, Serialize};

/// What the tokens say beside the registered claims. `sub` is one of them that we want to read.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
}

impl HasRoles for Claims {
    fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|ours| ours == role)
    }
}

roles! { pub(crate) Admin = "admin"; }

pub(crate) const AUDIENCE: &str = "plain-hyper";

/// An issuer with a new key, which is gone when the process ends.
pub(crate) fn new() -> Result<TokenIssuer, IssuerError> {
    let keys = SigningKeys::new(SigningKey::generate(Algorithm::ES256)?);
    TokenIssuer::builder("https://issuer.example", keys)
        .audience(AUDIENCE)
        .client_id("plain-hyper")
        .lifetime(Duration::from_secs(3600))
        .build()
}

/// A token for this person.
pub(crate) fn token(
    issuer: &TokenIssuer,
    name: &str,
    roles: &[&str],
) -> Result<String, IssuerError> {
    let roles = roles.iter().map(|&role| role.to_owned()).collect();
    Ok(issuer.mint(&Claims { sub: name.to_owned(), roles })?.into_token())
}
