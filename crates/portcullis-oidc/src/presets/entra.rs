//! Microsoft Entra ID.

use portcullis::{Algorithm, ClaimRule, Issuer, LookAlike};

use super::Preset;
use super::check::owned;
use super::keys::{KeyPlace, is_uuid};

/// Access tokens of Microsoft Entra ID in version 2.0, once it is said of which [tenants](Entra).
///
/// Sets: an `iss` for each tenant, `https://login.microsoftonline.com/{tid}/v2.0`, whose `tid` must be the same; `ver`
/// 2.0; RS256; `azp` required, which ID tokens do not have; roles from `roles`, scopes from `scp`; the identifier
/// of a token from `uti`. The audience is the client ID (a GUID) of the API.
///
/// The keys of Entra are the same for all its tenants, so any of its customers can get a token that they sign. A key
/// whose JWK names one tenant as its `issuer` verifies tokens of that tenant only.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let entra = presets::entra()
///     .tenant("8f0d1b6a-5a4d-4b0e-9f64-3a6d6e6d2b11")
///     .audience("1d2c3b4a-0000-4000-8000-000000000001")
///     .spawn()?;
/// # Ok(())
/// # }
/// ```
// sources: Microsoft identity platform, "Access token claims reference" (`azp`, `ver`, `scp`, `roles`, `uti`, `tid`,
// `aud`), "ID token claims reference", "Access tokens: validate the issuer", "validate the signature" and "validate the
// signing key issuer"
pub const fn entra() -> Entra {
    Entra { version: Version::V2 }
}

/// As [`entra`], in version 1.0: what an API gets whose manifest leaves `requestedAccessTokenVersion` at null.
///
/// Sets: `https://sts.windows.net/{tid}/`; `ver` 1.0; the client from `appid`, which must be there. The audience is
/// the App ID URI or the client ID, as the client asked: name both if in doubt.
///
/// # Example
///
/// ```no_run
/// use portcullis_oidc::presets;
///
/// # fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let entra = presets::entra_v1()
///     .tenants(["8f0d1b6a-5a4d-4b0e-9f64-3a6d6e6d2b11", "00000000-0000-4000-8000-000000000002"])
///     .audience("api://payroll")
///     .spawn()?;
/// # Ok(())
/// # }
/// ```
pub const fn entra_v1() -> Entra {
    Entra { version: Version::V1 }
}

/// Entra, of which tenants is not said yet.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Entra {
    version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

const V1_ISSUER: &str = "https://sts.windows.net/{tid}/";
const V2_ISSUER: &str = "https://login.microsoftonline.com/{tid}/v2.0";

const ID_TOKEN: &str = "this looks like an ID token, which is for the client and not for an API";

impl Entra {
    /// Trusts this tenant, by its GUID.
    pub fn tenant(self, tenant: &str) -> Preset {
        self.tenants([tenant])
    }

    /// Trusts these tenants, by their GUIDs. Each is an issuer of its own to revocation.
    pub fn tenants<S: AsRef<str>>(self, tenants: impl IntoIterator<Item = S>) -> Preset {
        let tenants = owned(tenants);
        let wrong =
            |tenant: &&String| !is_uuid(tenant) || tenant.bytes().any(|b| b.is_ascii_uppercase());
        let checked = match tenants.iter().find(wrong) {
            None if tenants.is_empty() => Err("tenants: at least one is needed".to_owned()),
            None => Ok(()),
            Some(tenant) => Err(format!(
                "the tenant {tenant:?} must be a GUID in small letters; `common` and a domain are none"
            )),
        };
        let of = match tenants.as_slice() {
            [only] => only.as_str(),
            _ => "common",
        };
        self.preset(of, |issuer| issuer.tenants(&tenants)).check(checked)
    }

    /// Takes tokens of every customer of Microsoft, and of everybody with a personal account. Something
    /// else has to say who may come in.
    pub fn any_tenant(self) -> Preset {
        self.preset("common", Issuer::danger_accept_any_tenant)
    }

    fn preset(self, keys_of: &str, tenants: impl FnOnce(Issuer) -> Issuer) -> Preset {
        let (name, template, ver, client, path) = match self.version {
            Version::V1 => ("entra_v1", V1_ISSUER, "1.0", "appid", ""),
            Version::V2 => ("entra", V2_ISSUER, "2.0", "azp", "/v2.0"),
        };
        let other = match self.version {
            Version::V1 => LookAlike::issuer(
                "https://login.microsoftonline.com/*/v2.0",
                "this is a v2.0 token; use presets::entra",
            ),
            Version::V2 => LookAlike::issuer(
                "https://sts.windows.net/*",
                "this is a v1.0 token; set requestedAccessTokenVersion to 2 in the manifest of the API, or \
                 use presets::entra_v1",
            ),
        };
        // those of v1.0 were seen without an issuer, and the keys are the same: either name is theirs
        let settings = tenants(Issuer::per_tenant(template))
            .key_issuer(V2_ISSUER)
            .key_issuer(V1_ISSUER)
            .algorithms([Algorithm::RS256])
            .check_claim(ClaimRule::one_of("ver", [ver]).shown())
            .check_claim(ClaimRule::present(client).hint_if_missing(ID_TOKEN))
            .client_claim(client)
            .token_id_claim("uti")
            .roles_from("roles")
            .scopes_from("scp")
            .look_alike(other)
            .look_alike(LookAlike::audience(
                "00000003-0000-0000-c000-000000000000",
                "this token is for Microsoft Graph; ask for a scope of the API",
            ))
            .look_alike(LookAlike::audience(
                "https://graph.microsoft.com*",
                "this token is for Microsoft Graph; ask for a scope of the API",
            ));
        let keys = format!("https://login.microsoftonline.com/{keys_of}/discovery{path}/keys");
        Preset::new(name, settings, KeyPlace::JwkSet(keys))
    }
}
