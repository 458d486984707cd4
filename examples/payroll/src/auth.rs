//! Who may come in: the claims, the roles, and the layer that verifies tokens.

use std::time::Duration;

use axum::Json;
use portcullis_axum::{
    BuildError, HasRoles, Issuer, Jwt, JwtLayer, Keys, Revocation, Role, Verified, Verifier, roles,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// `iss`: who signs the tokens. It is this service, for nobody but itself.
pub(crate) const ISSUER: &str = "https://payroll.example";
/// `aud`: whom they are for.
pub(crate) const AUDIENCE: &str = "payroll";
/// How long a token lives.
pub(crate) const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How much longer it is taken for good. One machine's clock signs and verifies.
pub(crate) const LEEWAY: Duration = Duration::from_secs(5);

/// The claims of this service's own.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Payroll {
    pub(crate) sub: String,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
}

impl HasRoles for Payroll {
    fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|r| r == role)
    }
}

roles! {
    /// May pay and change.
    pub(crate) Admin = "admin";
    /// May look.
    pub(crate) Reader = "reader" granted_by Admin;
}

/// The caller, whoever it is.
pub(crate) type SignedIn = Jwt<Payroll>;
/// The caller, who may look.
pub(crate) type AsReader = Role<Reader, Payroll>;
/// The caller, who may pay and change.
pub(crate) type AsAdmin = Role<Admin, Payroll>;

/// The layer around everything that needs a token.
pub(crate) fn layer<R: Revocation>(
    keys: Keys,
    revocation: R,
) -> Result<JwtLayer<Payroll, R>, BuildError> {
    let issuer = Issuer::new(ISSUER)
        .audience(AUDIENCE)
        .keys(keys)
        .leeway(LEEWAY)
        // what is revoked is forgotten when a token of this lifetime would be over
        .max_lifetime(LIFETIME);
    let verifier = Verifier::builder().trust(issuer).build::<Payroll>()?;
    let layer = JwtLayer::new(verifier).realm("payroll")?.retry_after(Duration::from_secs(1));
    Ok(layer.with_revocation(revocation))
}

/// What the caller's token says.
pub(crate) fn claims(me: &Verified<Payroll>) -> Json<Value> {
    Json(json!({
        "iss": Verified::issuer(me),
        "aud": AUDIENCE,
        "sub": me.sub,
        "roles": me.roles,
        "iat": Verified::issued_at(me),
        "exp": Verified::expires_at(me),
        "jti": Verified::token_id(me),
    }))
}
