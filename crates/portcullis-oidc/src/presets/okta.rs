//! Okta and Auth0.

use portcullis::{Algorithm, ClaimRule, Issuer, LookAlike};

use super::keys::KeyPlace;
use super::{Preset, check};

/// Access tokens of a custom authorization server of Okta, by its exact `iss`:
/// `https://dev-1.okta.com/oauth2/default`.
///
/// Sets: RS256; keys at `{iss}/v1/keys`; scopes from `scp`, roles from `groups`; the client from `cid`, which must
/// be there: ID tokens have none. The audience is that of the authorization server.
///
/// The issuer of an organisation itself (`https://dev-1.okta.com`) is refused: its access tokens are for Okta's own
/// interface and not to be read by others.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let okta =
///     presets::okta("https://dev-1.okta.com/oauth2/default").audience("api://default").spawn()?;
/// # Ok(())
/// # }
/// ```
// sources: Okta developer docs, "OpenID Connect & OAuth 2.0 API" (claims of access tokens, `/v1/keys`) and "API
// Access Management" (the organisation's server); the README of okta-jwt-verifier-js (`aud`, `cid`)
pub fn okta(issuer: &str) -> Preset {
    let own_server = match issuer.contains("/oauth2/") {
        true => check::url("the issuer", issuer),
        false => Err(format!(
            "the issuer {issuer:?} is no custom authorization server, such as \
             `https://dev-1.okta.com/oauth2/default`; tokens of the organisation's own are not for us"
        )),
    };
    let settings = Issuer::new(issuer)
        .algorithms([Algorithm::RS256])
        .check_claim(
            ClaimRule::present("cid")
                .hint_if_missing("this looks like an ID token, which is for the client and not for an API"),
        )
        .client_claim("cid")
        .scopes_from("scp")
        .roles_from("groups")
        .look_alike(LookAlike::typ(
            "okta-internal-at+jwt",
            "this is an access token of Okta's organisation server, which nobody but Okta may read; \
             ask a custom authorization server for one",
        ));
    Preset::new("okta", settings, KeyPlace::JwkSet(format!("{issuer}/v1/keys"))).check(own_server)
}

/// Access tokens of Auth0, for the domain of a tenant: `tenant.eu.auth0.com`, or your own.
///
/// Sets: `iss` with the slash at its end; RS256; keys at `{iss}.well-known/jwks.json`; scopes from `scope`; roles from
/// `permissions`, which are there if RBAC adds them. Both profiles are accepted, Auth0's own (`azp`, no `jti`)
/// and RFC 9068 (`client_id`, `jti`).
///
/// An access token that was asked for without an audience is opaque, and found malformed here.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let auth0 = presets::auth0("tenant.eu.auth0.com").audience("https://api.example.com").spawn()?;
/// # Ok(())
/// # }
/// ```
// sources: Auth0 docs, "Access Token Profiles" (claims, `typ`, `jti`, `azp`), "Validate JSON Web Tokens"
// (`/.well-known/jwks.json`), "Enable Role-Based Access Control for APIs" (`permissions`)
pub fn auth0(domain: &str) -> Preset {
    let settings = Issuer::new(format!("https://{domain}/"))
        .algorithms([Algorithm::RS256])
        .scopes_from("scope")
        .roles_from("permissions")
        .look_alike(LookAlike::audience(
            &format!("https://{domain}/userinfo"),
            "this token is for Auth0's own user info; name the audience of the API when asking for one",
        ))
        .look_alike(LookAlike::audience(
            &format!("https://{domain}/api/v2/"),
            "this token is for Auth0's Management API",
        ));
    let keys = KeyPlace::JwkSet(format!("https://{domain}/.well-known/jwks.json"));
    Preset::new("auth0", settings, keys).check(check::host("the domain", domain))
}
