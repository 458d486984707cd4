//! What each issuer is trusted for. The rules are the same whether it is the real one or a stand-in: only
//! the addresses differ.

use anyhow::Context as _;
use portcullis_axum::{ClaimRule, Issuer};
use portcullis_oidc::RemoteKeys;

/// Whose tokens are accepted. Those that are `None` are not trusted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenants {
    pub(crate) auth0: Option<Auth0>,
    pub(crate) entra: Option<Entra>,
    pub(crate) cognito: Option<Cognito>,
}

#[derive(Clone, Debug)]
pub(crate) struct Auth0 {
    /// With the slash at its end, as its tokens have it.
    pub(crate) issuer: String,
    pub(crate) audience: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Entra {
    /// Of the one tenant: the keys of Entra sign for every tenant there is.
    pub(crate) issuer: String,
    pub(crate) keys: String,
    pub(crate) audience: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Cognito {
    /// The user pool.
    pub(crate) issuer: String,
    /// The app client: access tokens have no `aud`.
    pub(crate) client: String,
}

impl Tenants {
    /// The tenants that the environment names; `None` if it names none.
    pub(crate) fn from_env() -> anyhow::Result<Option<Self>> {
        let auth0 = pair("AUTH0_DOMAIN", "AUTH0_AUDIENCE")?
            .map(|(domain, audience)| Auth0 { issuer: format!("https://{domain}/"), audience });
        let entra = pair("ENTRA_TENANT", "ENTRA_AUDIENCE")?.map(|(tenant, audience)| Entra {
            issuer: format!("https://login.microsoftonline.com/{tenant}/v2.0"),
            keys: format!("https://login.microsoftonline.com/{tenant}/discovery/v2.0/keys"),
            audience,
        });
        let cognito = pair("COGNITO_ISSUER", "COGNITO_CLIENT")?
            .map(|(issuer, client)| Cognito { issuer, client });
        let tenants = Self { auth0, entra, cognito };
        let any = tenants.auth0.is_some() || tenants.entra.is_some() || tenants.cognito.is_some();
        Ok(any.then_some(tenants))
    }
}

/// Two variables that make sense together only.
fn pair(one: &str, other: &str) -> anyhow::Result<Option<(String, String)>> {
    let value = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (value(one), value(other)) {
        (None, None) => Ok(None),
        (Some(one), Some(other)) => Ok(Some((one, other))),
        (Some(_), None) => anyhow::bail!("{one} is set and {other} is not: set both, or none"),
        (None, Some(_)) => anyhow::bail!("{other} is set and {one} is not: set both, or none"),
    }
}

/// The issuers, whose keys begin to be fetched. Each says what it may assert: a role of one is no role of
/// another.
pub(crate) fn all(tenants: &Tenants) -> anyhow::Result<Vec<Issuer>> {
    let mut issuers = Vec::new();
    if let Some(auth0) = &tenants.auth0 {
        // found by its metadata
        let keys = RemoteKeys::discover(&auth0.issuer).spawn().context("AUTH0_DOMAIN")?;
        issuers.push(
            Issuer::new(&auth0.issuer)
                .keys(&keys)
                .audience(&auth0.audience)
                // RBAC writes permissions, such as `read:workers`, beside the scopes
                .scopes_from("scope")
                .scopes_from("permissions")
                .may_assert_scopes(["read:workers"]),
        );
    }
    if let Some(entra) = &tenants.entra {
        let keys = RemoteKeys::from_jwk_set_url(&entra.keys).spawn().context("ENTRA_TENANT")?;
        issuers.push(
            Issuer::new(&entra.issuer)
                .keys(&keys)
                .audience(&entra.audience)
                // app roles are in `roles`, delegated permissions in `scp`
                .scopes_from("scp")
                .token_id_claim("uti")
                .may_assert_roles(["Workers.Read", "Payroll.Admin"])
                .may_assert_scopes(["read:workers"]),
        );
    }
    if let Some(cognito) = &tenants.cognito {
        let url = format!("{}/.well-known/jwks.json", cognito.issuer);
        let keys = RemoteKeys::from_jwk_set_url(url).spawn().context("COGNITO_ISSUER")?;
        issuers.push(
            Issuer::new(&cognito.issuer)
                .keys(&keys)
                // an access token has no `aud`, and an ID token names the client there
                .audience_claim("client_id", [cognito.client.as_str()])
                .check_claim(ClaimRule::one_of("token_use", ["access"]))
                .roles_from("cognito:groups")
                .may_assert_roles(["admins"])
                .may_assert_scopes(["read:workers"]),
        );
    }
    Ok(issuers)
}
