//! Any issuer with metadata.

use portcullis::Issuer;

use super::Preset;
use super::keys::KeyPlace;
use crate::known::{foreign_audiences, signs_for_strangers};

/// Any issuer with OpenID metadata
/// ([OpenID Connect Discovery 1.0](https://openid.net/specs/openid-connect-discovery-1_0.html)), by its exact `iss`.
///
/// It checks what [`Issuer`] checks, and nothing that is special to this issuer: not whether a token is an
/// access token or an ID token for instance, unless the issuer types its tokens and
/// [`Issuer::access_token_profile`] is added. Where there is a preset of its own, use that; GitHub and Google, which sign for
/// everybody, are refused here.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = presets::openid("https://idp.example.com/t/1").audience("payroll").spawn()?;
/// # Ok(())
/// # }
/// ```
pub fn openid(issuer: &str) -> Preset {
    any("openid", issuer, KeyPlace::OpenId(issuer.to_owned()))
}

/// Any issuer with the metadata of an OAuth authorization server
/// ([RFC 8414](https://www.rfc-editor.org/rfc/rfc8414)), by its exact `iss`. See [`openid`].
///
/// # Example
///
/// ```no_run
/// use portcullis::Issuer;
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = presets::oauth("https://as.example.com")
///     .audience("payroll")
///     .configure(Issuer::access_token_profile)
///     .spawn()?;
/// # Ok(())
/// # }
/// ```
pub fn oauth(issuer: &str) -> Preset {
    any("oauth", issuer, KeyPlace::OAuth(issuer.to_owned()))
}

/// Whatever is known of an issuer by its name: one that signs for strangers is refused here.
fn any(name: &'static str, issuer: &str, keys: KeyPlace) -> Preset {
    let checked = match signs_for_strangers(issuer) {
        None => Ok(()),
        Some(known) => Err(format!(
            "{issuer} signs for {}; presets::{} asks which tokens are yours",
            known.whom, known.preset
        )),
    };
    Preset::new(name, Issuer::new(issuer), keys).foreign(foreign_audiences(issuer)).check(checked)
}
