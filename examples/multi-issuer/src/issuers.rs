//! What each issuer is trusted for: its preset, whom its tokens are for, and what it may assert. The rules are the same
//! whether it is the real one or a stand-in: only where the keys are differs.

use anyhow::Context as _;
use portcullis_axum::Issuer;
use portcullis_oidc::presets::{self, Preset};
use portcullis_oidc::{HttpClient, Refresher};

/// Whose tokens are accepted. Those that are `None` are not trusted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenants {
    pub(crate) auth0: Option<Tenant>,
    pub(crate) entra: Option<Tenant>,
    pub(crate) cognito: Option<Tenant>,
}

/// A tenant of one of them.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    /// The domain, the tenant's id or the user pool.
    pub(crate) name: String,
    /// What its tokens for this API name: an audience, or at Cognito, which has none, the app client.
    pub(crate) us: String,
    /// Where a stand-in has its keys; the preset knows where the real one has them.
    pub(crate) keys: Option<String>,
}

impl Tenants {
    /// The tenants that the environment names; `None` if it names none.
    pub(crate) fn from_env() -> anyhow::Result<Option<Self>> {
        let tenants = Self {
            auth0: tenant("AUTH0_DOMAIN", "AUTH0_AUDIENCE")?,
            entra: tenant("ENTRA_TENANT", "ENTRA_AUDIENCE")?,
            cognito: tenant("COGNITO_POOL", "COGNITO_CLIENT")?,
        };
        let any = tenants.auth0.is_some() || tenants.entra.is_some() || tenants.cognito.is_some();
        Ok(any.then_some(tenants))
    }
}

/// Two variables that make sense together only.
fn tenant(one: &str, other: &str) -> anyhow::Result<Option<Tenant>> {
    let value = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (value(one), value(other)) {
        (None, None) => Ok(None),
        (Some(name), Some(us)) => Ok(Some(Tenant { name, us, keys: None })),
        (Some(_), None) => anyhow::bail!("{one} is set and {other} is not: set both, or none"),
        (None, Some(_)) => anyhow::bail!("{other} is set and {one} is not: set both, or none"),
    }
}

/// The issuers, whose keys begin to be fetched, by one task. Each says what it may assert: a role of one is no role of
/// another.
pub(crate) fn all(tenants: &Tenants) -> anyhow::Result<Vec<Issuer>> {
    let refresher = Refresher::spawn(HttpClient::new()?);
    let mut issuers = Vec::new();
    let mut trust = |tenant: &Tenant, preset: Preset, variable: &'static str| {
        let preset = tenant.keys.iter().fold(preset, Preset::keys_at);
        issuers.push(preset.add_to(&refresher).context(variable)?);
        anyhow::Ok(())
    };
    if let Some(auth0) = &tenants.auth0 {
        let preset = presets::auth0(&auth0.name)
            .audience(&auth0.us)
            // what RBAC permits the user counts as a role, what the client asked for as a scope
            .may_assert_roles(["read:workers"])
            .may_assert_scopes(["read:workers"]);
        trust(auth0, preset, "AUTH0_DOMAIN")?;
    }
    if let Some(entra) = &tenants.entra {
        let preset = presets::entra()
            .tenant(&entra.name)
            .audience(&entra.us)
            .may_assert_roles(["Workers.Read", "Payroll.Admin"])
            .may_assert_scopes(["read:workers"]);
        trust(entra, preset, "ENTRA_TENANT")?;
    }
    if let Some(cognito) = &tenants.cognito {
        let preset = presets::cognito(&cognito.name, [&cognito.us])
            .may_assert_roles(["admins"])
            .may_assert_scopes(["read:workers"]);
        trust(cognito, preset, "COGNITO_POOL")?;
    }
    Ok(issuers)
}
