//! Keys that say whose tokens they are for: the member `issuer` of a JWK.
//!
//! Where many tenants share a set of keys, some of its keys may be for one tenant only. Whoever gets such a key to sign
//! could otherwise write tokens for every other tenant.

use super::{Issuer, TrustedIssuer};
use crate::error::{Diagnosis, Rejection, RejectionKind, quoted};
use crate::keys::VerificationKey;

/// How keys name the issuer, with a hole for the tenant where it has tenants.
#[derive(Clone, Debug)]
pub(super) struct KeyIssuer {
    before: String,
    /// What is behind the hole, if there is one.
    after: Option<String>,
}

impl KeyIssuer {
    fn new(template: &str) -> Self {
        let hole = template
            .split_once('{')
            .and_then(|(before, rest)| Some((before, rest.split_once('}')?.1)));
        match hole {
            Some((before, after)) => Self { before: before.into(), after: Some(after.into()) },
            None => Self { before: template.into(), after: None },
        }
    }

    /// True if a key of that issuer may sign for this tenant.
    fn fits(&self, named: &str, tenant: Option<&str>) -> bool {
        let Some(after) = &self.after else { return named == self.before };
        let inner = named.strip_prefix(self.before.as_str());
        let Some(inner) = inner.and_then(|rest| rest.strip_suffix(after.as_str())) else {
            return false;
        };
        let is_any = inner.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        // the name in the braces is theirs
        is_any.is_some_and(|name| !name.is_empty() && !name.contains(['{', '}', '/']))
            || Some(inner) == tenant
    }
}

impl Issuer {
    /// Obeys the member `issuer` of JWKs: a key that has one verifies a token only if it reads like this, with a word
    /// in braces for any tenant, or with the tenant of the token. Several spellings add up. A key without it verifies
    /// what it did before.
    ///
    /// Microsoft publishes such keys, and asks that the member be looked at. Unless set it is not, since
    /// [RFC 7517 §4](https://www.rfc-editor.org/rfc/rfc7517#section-4) does not know it.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis::Issuer;
    ///
    /// let issuer = Issuer::per_tenant("https://login.microsoftonline.com/{tid}/v2.0")
    ///     .tenants(["8f0d1b6a-5a4d-4b0e-9f64-3a6d6e6d2b11"])
    ///     .key_issuer("https://login.microsoftonline.com/{tid}/v2.0")
    ///     .audience("1d2c3b4a-0000-4000-8000-000000000001");
    /// # let _ = issuer;
    /// ```
    pub fn key_issuer(mut self, template: impl AsRef<str>) -> Self {
        self.key_issuers.push(KeyIssuer::new(template.as_ref()));
        self
    }
}

/// What makes no sense about the names of issuers in keys.
pub(super) fn fault(settings: &Issuer) -> Option<&'static str> {
    let has_tenants = settings.tenants.is_some();
    let odd = |name: &KeyIssuer| name.before.is_empty() || name.after.is_some() != has_tenants;
    settings.key_issuers.iter().any(odd).then_some(
        "must be the name of an issuer, with a word in braces where Issuer::per_tenant has one",
    )
}

/// Whether the key that signed a token of this issuer may. The name in `iss` was found to be one of the issuer's.
pub(super) fn check(
    issuer: &TrustedIssuer,
    key: &VerificationKey,
    iss: Option<&str>,
) -> Result<(), Rejection> {
    let known = &issuer.settings.key_issuers;
    let Some(named) = key.issuer().filter(|_| !known.is_empty()) else { return Ok(()) };
    let tenants = issuer.settings.tenants.as_ref();
    let tenant = tenants.zip(iss).and_then(|(tenants, iss)| tenants.tenant_in(iss));
    if known.iter().any(|name| name.fits(named, tenant)) {
        return Ok(());
    }
    Err(refused(key, named, iss))
}

#[cold]
fn refused(key: &VerificationKey, named: &str, iss: Option<&str>) -> Rejection {
    let of = quoted(iss.unwrap_or_default());
    Diagnosis::new()
        .expected(format!("a key that may sign for {of}"))
        .found(format!("{}, which its issuer keeps for {}", key.describe(), quoted(named)))
        .hint("who signed it may not sign for this tenant: this may be a forgery by another one")
        .reject(RejectionKind::UnknownKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_any_tenant_or_the_one() {
        let name = KeyIssuer::new("https://login.example/{tid}/v2.0");
        for (named, fits) in [
            ("https://login.example/{tenantid}/v2.0", true),
            ("https://login.example/{tid}/v2.0", true),
            ("https://login.example/a-1/v2.0", true),
            ("https://login.example/b-2/v2.0", false),
            ("https://login.example/{}/v2.0", false),
            ("https://login.example/{a}{b}/v2.0", false),
            ("https://login.example/{a}/{b}/v2.0", false),
            ("https://login.example//v2.0", false),
            ("https://login.example/v2.0", false),
            ("https://login.example/a-1/v2.0/", false),
            ("https://login.example/A-1/v2.0", false),
            ("https://other.example/{tenantid}/v2.0", false),
            ("{tenantid}", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(name.fits(named, Some("a-1")), fits, "{named}");
        }
        assert!(!name.fits("https://login.example/a-1/v2.0", None));
        assert!(name.fits("https://login.example/{tenantid}/v2.0", None));
        let name = KeyIssuer::new("https://idp.example");
        assert!(name.fits("https://idp.example", None));
        assert!(!name.fits("https://idp.example/", None));
    }
}
