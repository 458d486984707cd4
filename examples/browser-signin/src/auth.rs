//! What the layer checks: the claims, the roles, and where the token is.

use std::time::Duration;

use portcullis_axum::{
    And, BuildError, Denylist, HasRoles, IatCutoff, Issuer, Jwt, JwtLayer, Keys, MemoryStore,
    Revocation, Role, Source, Verifier, roles,
};
use serde::{Deserialize, Serialize};

/// `iss`: who signs the tokens. It is this service, for nobody but itself.
pub(crate) const ISSUER: &str = "https://signin.example";
/// `aud`: whom they are for.
pub(crate) const AUDIENCE: &str = "account";
/// The cookie with the token.
pub(crate) const SESSION: &str = "__Host-session";
/// The cookie with the refresh token.
pub(crate) const REFRESH: &str = "__Host-refresh";

/// The claims of this service's own.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) sub: String,
    pub(crate) roles: Vec<String>,
}

impl HasRoles for User {
    fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|r| r == role)
    }
}

roles! {
    /// May pay.
    pub(crate) Admin = "admin";
}

/// Somebody who signed in.
pub(crate) type SignedIn = Jwt<User>;
/// Somebody who may pay.
pub(crate) type AsAdmin = Role<Admin, User>;

/// What ends tokens: a user signed out everywhere, or a session was signed out.
pub(crate) type Rule = And<IatCutoff<MemoryStore>, Denylist<MemoryStore>>;

pub(crate) fn rule(store: MemoryStore) -> Rule {
    IatCutoff::new(store.clone()).and(Denylist::new(store))
}

/// The layer around everything that needs a token.
pub(crate) fn layer(
    keys: Keys,
    lifetime: Duration,
    rule: Rule,
) -> Result<JwtLayer<User, Rule>, BuildError> {
    let issuer = Issuer::new(ISSUER)
        .audience(AUDIENCE)
        .keys(keys)
        // one machine's clock signs and verifies
        .leeway(Duration::ZERO)
        .max_lifetime(lifetime);
    let verifier = Verifier::builder().trust(issuer).build::<User>()?;
    Ok(JwtLayer::new(verifier).source(Source::cookie(SESSION)?).with_revocation(rule))
}
