//! Cloudflare Access.

use portcullis::{Algorithm, ClaimRule, Issuer, LookAlike, Source};

use super::keys::KeyPlace;
use super::{Preset, check};

/// Application tokens of Cloudflare Access, for a team: the `acme` of `acme.cloudflareaccess.com`. The audience is the
/// AUD tag of the application.
///
/// Sets: RS256; keys at `{iss}/cdn-cgi/access/certs`; `type` is `app`; the client is the `common_name` that service tokens
/// have. Taken from the header `Cf-Access-Jwt-Assertion` only, which is ambient: Cloudflare adds it on the strength of
/// a cookie.
///
/// Service tokens have an empty `sub`: revoke them by their client. There is no `jti`: single tokens are revoked by their
/// fingerprint.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let access = presets::cloudflare_access("acme").audience("32eafc7626e974616deaf0dc3ce63d7b").spawn()?;
/// # Ok(())
/// # }
/// ```
// sources: Cloudflare One docs, "Application token" (claims, `type`, `common_name`, header), "Validate JWTs" (keys,
// rotation)
pub fn cloudflare_access(team: &str) -> Preset {
    let iss = format!("https://{team}.cloudflareaccess.com");
    let settings = Issuer::new(iss.as_str())
        .algorithms([Algorithm::RS256])
        .check_claim(ClaimRule::one_of("type", ["app"]).recognise(
            "org",
            "this is the token of the team's sign-in page, not of an application",
        ))
        .client_claim("common_name")
        .look_alike(LookAlike::issuer(
            "https://*.cloudflareaccess.com",
            "this token is of another team at Cloudflare",
        ));
    let keys = KeyPlace::JwkSet(format!("{iss}/cdn-cgi/access/certs"));
    super::bound(
        Preset::new("cloudflare_access", settings, keys),
        Source::header("cf-access-jwt-assertion"),
    )
    .check(check::label("the team", team))
}
