//! Issuers that one runs oneself, or has for oneself: Keycloak, Kubernetes, Supabase, Clerk.

use portcullis::{Algorithm, BuildError, ClaimRule, Issuer, Keys, LookAlike};

use super::Preset;
use super::check::{self, owned};
use super::keys::KeyPlace;
use crate::known::OF_A_REALM;

/// Access tokens of a realm of Keycloak, by its exact `iss`: `https://id.example.com/realms/staff`.
///
/// Sets: keys at `{iss}/protocol/openid-connect/certs`, of which those for encryption are skipped; the algorithms that the
/// keys are for; the claim `typ` is `Bearer`; roles from `realm_access.roles`, scopes from `scope`. Roles of a client
/// are added by `.roles_from(["resource_access", "payroll", "roles"])`.
///
/// The audience is what an *audience mapper* of the client scope writes. `account` is refused: it is the audience of
/// Keycloak's own pages and in nearly every token, so it tells nothing.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let keycloak = presets::keycloak("https://id.example.com/realms/staff")
///     .audience("payroll")
///     .roles_from(["resource_access", "payroll", "roles"])
///     .spawn()?;
/// # Ok(())
/// # }
/// ```
// sources: Keycloak, "Server Administration Guide: Audience support" (`account`, audience mappers); keycloak/keycloak,
// TokenUtil.java (`Bearer`, `ID`, `Refresh`, `Offline`, `DPoP` in the claim `typ`) and AccessToken.java (roles)
pub fn keycloak(realm: &str) -> Preset {
    let checked = match realm.contains("/realms/") {
        true => check::url("the realm", realm),
        false => Err(format!("the realm {realm:?} must have `/realms/` in it")),
    };
    let settings = Issuer::new(realm)
        .check_claim(
            ClaimRule::one_of("typ", ["Bearer"])
                .recognise("ID", "this is an ID token, which is for the client and not for an API")
                .recognise("Refresh", "this is a refresh token, which is for Keycloak only")
                .recognise("Offline", "this is an offline token, which is for Keycloak only")
                .recognise("Logout", "this is a logout token")
                .recognise("DPoP", "this token is bound to a key of its sender"),
        )
        .roles_from(["realm_access", "roles"])
        .scopes_from("scope")
        .look_alike(LookAlike::audience(
            "account",
            "the client has no audience mapper for this service",
        ));
    let keys = KeyPlace::JwkSet(format!("{realm}/protocol/openid-connect/certs"));
    Preset::new("keycloak", settings, keys).foreign(OF_A_REALM).check(checked)
}

/// Tokens of the service accounts of a Kubernetes cluster, by the cluster's exact `iss`, once it is said of
/// [which](KubernetesAccounts). The audience is what the token was asked for with (a projected volume, `TokenRequest`).
///
/// Sets: keys at `{iss}/openid/v1/jwks`; the algorithms that the keys are for. The address may need the cluster's
/// authority and a token: give a client that has them, or another address by [`Preset::keys_at`].
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = presets::kubernetes("https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE")
///     .service_accounts([("jobs", "nightly")])
///     .audience("payroll")
///     .spawn()?;
/// # Ok(())
/// # }
/// ```
// sources: Kubernetes docs, "Managing Service Accounts" (bound tokens, claims under `kubernetes.io`, legacy tokens),
// "Configure Service Accounts for Pods: service account issuer discovery" (`/openid/v1/jwks`, RBAC)
pub fn kubernetes(issuer: &str) -> KubernetesAccounts {
    let issuer = issuer.to_owned();
    KubernetesAccounts { issuer }
}

/// A cluster, of which of its service accounts is not said yet.
#[derive(Clone, Debug)]
#[must_use]
pub struct KubernetesAccounts {
    issuer: String,
}

impl KubernetesAccounts {
    /// Of these service accounts, each by its namespace and name.
    pub fn service_accounts<N: AsRef<str>, A: AsRef<str>>(
        self,
        accounts: impl IntoIterator<Item = (N, A)>,
    ) -> Preset {
        let subjects: Vec<_> = accounts
            .into_iter()
            .map(|(ns, name)| format!("system:serviceaccount:{}:{}", ns.as_ref(), name.as_ref()))
            .collect();
        let checked = check::list("service_accounts", &subjects);
        self.preset(|issuer| issuer.check_claim(ClaimRule::one_of("sub", subjects).shown()))
            .check(checked)
    }

    /// Of every service account in these namespaces.
    pub fn namespaces<S: AsRef<str>>(self, namespaces: impl IntoIterator<Item = S>) -> Preset {
        let namespaces = owned(namespaces);
        let checked = check::list("namespaces", &namespaces);
        let rule = ClaimRule::one_of(["kubernetes.io", "namespace"], namespaces).shown();
        self.preset(|issuer| issuer.check_claim(rule)).check(checked)
    }

    /// Of every service account of the cluster.
    pub fn any_service_account(self) -> Preset {
        self.preset(|issuer| issuer)
    }

    fn preset(self, whose: impl FnOnce(Issuer) -> Issuer) -> Preset {
        let settings = whose(Issuer::new(self.issuer.as_str()))
            .look_alike(LookAlike::issuer(
                "kubernetes/serviceaccount",
                "this is a legacy token from a Secret, which has no audience and no end",
            ))
            .look_alike(LookAlike::audience(
                "https://kubernetes.default.svc*",
                "this token is for the API server of the cluster; mount one with an audience of its own",
            ));
        let keys = KeyPlace::JwkSet(format!("{}/openid/v1/jwks", self.issuer));
        Preset::new("kubernetes", settings, keys).check(check::url("the issuer", &self.issuer))
    }
}

/// Access tokens of a Supabase project, by its reference: the `abcdefghijklmnopqrst` of `…supabase.co`. It has to sign with
/// asymmetric keys; for the shared secret of old see [`supabase_hs256`].
///
/// Sets: the audience `authenticated`; ES256 and RS256; keys at `{iss}/.well-known/jwks.json`; roles from `role` and
/// `app_metadata.roles`; the session from `session_id`. What is in `user_metadata` the user has written himself: roles
/// can't be taken from there. Users who signed in anonymously are `authenticated`, too, and have `is_anonymous`.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let supabase = presets::supabase("abcdefghijklmnopqrst").spawn()?;
/// # Ok(())
/// # }
/// ```
// sources: Supabase docs, "JWT Signing Keys" (keys, algorithms), "JWT Claims Reference" (`role`, `session_id`,
// `is_anonymous`, `app_metadata`, `user_metadata`), "Users" (who may write the metadata)
pub fn supabase(project: &str) -> Preset {
    let iss = format!("https://{project}.supabase.co/auth/v1");
    let keys = KeyPlace::JwkSet(format!("{iss}/.well-known/jwks.json"));
    supabase_preset("supabase", project, &iss, keys)
        .configure(|issuer| issuer.algorithms([Algorithm::ES256, Algorithm::RS256]))
}

/// As [`supabase`], for a project that still signs with the shared secret of old (HS256). Nothing is fetched. Everybody who
/// has the secret can write tokens, this service included: move to asymmetric keys.
///
/// # Errors
///
/// If the secret is too short, or the project is none.
///
/// # Example
///
/// ```
/// use portcullis::{AccessClaims, Verifier};
/// use portcullis_oidc::presets;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret = "a secret that is shared, of 32 bytes or more";
/// let supabase = presets::supabase_hs256("abcdefghijklmnopqrst", secret)?;
/// let verifier = Verifier::builder().trust(supabase).build::<AccessClaims>()?;
/// # Ok(())
/// # }
/// ```
pub fn supabase_hs256(project: &str, secret: impl AsRef<[u8]>) -> Result<Issuer, BuildError> {
    let iss = format!("https://{project}.supabase.co/auth/v1");
    let nowhere = KeyPlace::JwkSet(iss.clone());
    supabase_preset("supabase_hs256", project, &iss, nowhere)
        .configure(|issuer| issuer.algorithms([Algorithm::HS256]))
        .issuer_with(Keys::from_secret(Algorithm::HS256, secret)?)
}

fn supabase_preset(name: &'static str, project: &str, iss: &str, keys: KeyPlace) -> Preset {
    let settings = Issuer::new(iss)
        .audience("authenticated")
        .roles_from("role")
        .roles_from(["app_metadata", "roles"])
        .self_asserted("user_metadata")
        .session_claim("session_id")
        .look_alike(LookAlike::issuer(
            "supabase",
            "this is an API key of the project (`anon` or `service_role`), not the token of a user",
        ))
        .look_alike(LookAlike::issuer(
            "https://*.supabase.co/auth/v1",
            "this token is of another project",
        ));
    Preset::new(name, settings, keys).check(check::label("the project", project))
}

/// Session tokens of Clerk, by the Frontend API URL: `https://clerk.example.com`. They have no `aud`, so it is the page that
/// they were got from (`azp`) which must be one of these origins: `https://app.example.com`.
///
/// Sets: RS256; keys at `{iss}/.well-known/jwks.json`; sessions that are `pending` (`sts`) are refused; roles from `o.rol`,
/// the role in the active organisation; `unsafe_metadata` is written by the user himself. The client is `azp`. Sessions
/// are revoked by `sid`; tokens live about a minute.
///
/// A page sends them as bearer tokens, or in the cookie `__session`: add
/// `.or_source(Source::cookie("__session")?)` to the layer.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let clerk = presets::clerk("https://clerk.example.com", ["https://app.example.com"]).spawn()?;
/// # Ok(())
/// # }
/// ```
// sources: Clerk docs, "Session tokens" (claims of versions 1 and 2, `sts`, `o`), "Manual JWT verification" (`azp`,
// keys, the cookie `__session`)
pub fn clerk<S: AsRef<str>>(frontend: &str, origins: impl IntoIterator<Item = S>) -> Preset {
    let origins = owned(origins);
    let checked = check::list("origins", &origins);
    clerk_preset("clerk", frontend, |issuer| issuer.audience_claim("azp", origins)).check(checked)
}

/// As [`clerk`], whatever page a token was got from, also where `azp` is missing: for apps that are no pages. A page on a
/// neighbouring domain that gets hold of the cookie can then use it here.
pub fn clerk_any_origin(frontend: &str) -> Preset {
    clerk_preset("clerk_any_origin", frontend, Issuer::audience_less)
}

fn clerk_preset(
    name: &'static str,
    frontend: &str,
    whose: impl FnOnce(Issuer) -> Issuer,
) -> Preset {
    let pending =
        "the session is pending: its user has something left to do before he is signed in";
    let settings = whose(
        Issuer::new(frontend)
            .algorithms([Algorithm::RS256])
            .check_claim(ClaimRule::none_of("sts", ["pending"]).recognise("pending", pending)),
    )
    .self_asserted("unsafe_metadata")
    .roles_from(["o", "rol"])
    .look_alike(LookAlike::issuer(
        "https://*.clerk.accounts.dev",
        "this token is of a development instance of Clerk",
    ));
    let keys = KeyPlace::JwkSet(format!("{frontend}/.well-known/jwks.json"));
    Preset::new(name, settings, keys).check(check::url("the Frontend API URL", frontend))
}
