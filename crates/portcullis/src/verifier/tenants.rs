//! Issuers that sign for many tenants with the same keys: the tenant is part of `iss`.

use std::collections::HashSet;

use super::Issuer;

/// The longest name of a tenant that is looked at.
const MAX_LEN: usize = 128;

/// `https://login.example.com/{tid}/v2.0`: a name with a hole, and what may stand in it.
#[derive(Clone, Debug)]
pub(super) struct Tenants {
    before: String,
    pub(super) claim: String,
    after: String,
    pub(super) listed: HashSet<Box<str>>,
    pub(super) any: bool,
}

impl Tenants {
    /// Reads a template; what is no template has an empty claim, which [`fault`](Self::fault) finds.
    fn new(template: &str) -> Self {
        let (before, rest) = template.split_once('{').unwrap_or((template, ""));
        let (claim, after) = rest.split_once('}').unwrap_or(("", ""));
        Self {
            before: before.to_owned(),
            claim: claim.to_owned(),
            after: after.to_owned(),
            listed: HashSet::new(),
            any: false,
        }
    }

    /// What makes no sense about it.
    pub(super) fn fault(&self) -> Option<&'static str> {
        /// What is read for another purpose, and proves nothing about a tenant.
        const TAKEN: [&str; 8] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid"];
        if self.before.is_empty() || self.claim.is_empty() || self.after.contains(['{', '}']) {
            Some("the template must have the name of one claim in braces, behind some text")
        } else if TAKEN.contains(&self.claim.as_str()) {
            Some("the tenant must be in a claim of its own")
        } else if !self.any && self.listed.is_empty() {
            Some(
                "no tenant is listed; call Issuer::tenants, or Issuer::danger_accept_any_tenant if \
                 every customer of the issuer may come in",
            )
        } else if self.listed.iter().any(|tenant| !is_name(tenant)) {
            Some("a tenant is named by small letters, digits and `-`, `_`, `.`")
        } else {
            None
        }
    }

    /// `iss` with this tenant in it.
    pub(super) fn expand(&self, tenant: &str) -> String {
        format!("{}{tenant}{}", self.before, self.after)
    }

    /// The tenant in `iss`, listed or not.
    pub(super) fn tenant_in<'a>(&self, iss: &'a str) -> Option<&'a str> {
        let tenant = iss.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?;
        is_name(tenant).then_some(tenant)
    }

    pub(super) fn allows(&self, tenant: &str) -> bool {
        self.any || self.listed.contains(tenant)
    }
}

/// One spelling for each tenant: a second one would be an identity that no revocation knows.
fn is_name(tenant: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    !tenant.is_empty() && tenant.len() <= MAX_LEN && tenant.bytes().all(legal)
}

impl Issuer {
    /// An issuer that signs for many tenants with the same keys, and names the tenant in `iss`. What is
    /// in braces is the name of a claim, which must name the same tenant:
    /// `https://login.microsoftonline.com/{tid}/v2.0`.
    ///
    /// Which [tenants](Self::tenants) are yours has to be said. Each of them is an issuer of its own to
    /// revocation, under the `iss` that its tokens have: a subject of one is nobody in another.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis::Issuer;
    ///
    /// let issuer = Issuer::per_tenant("https://login.microsoftonline.com/{tid}/v2.0")
    ///     .tenants(["8f0d1b6a-5a4d-4b0e-9f64-3a6d6e6d2b11"])
    ///     .audience("api://payroll");
    /// # let _ = issuer;
    /// ```
    pub fn per_tenant(template: &str) -> Self {
        let mut issuer = Self::new(template);
        let tenants = Tenants::new(template);
        issuer.claim_names.tenant = Some(tenants.claim.as_str().into());
        issuer.tenants = Some(tenants);
        issuer
    }

    /// The tenants that are trusted, beside those that were named before, for
    /// [`per_tenant`](Self::per_tenant); of no effect elsewhere is an error at `build()`.
    pub fn tenants<S: AsRef<str>>(mut self, tenants: impl IntoIterator<Item = S>) -> Self {
        let listed = tenants.into_iter().map(|tenant| Box::from(tenant.as_ref()));
        match &mut self.tenants {
            Some(of) => of.listed.extend(listed),
            None => self.stray_tenants = true,
        }
        self
    }

    /// Takes tokens of every tenant. Whoever can open an account at the issuer then gets in, unless
    /// something else is asked of his tokens.
    pub fn danger_accept_any_tenant(mut self) -> Self {
        match &mut self.tenants {
            Some(tenants) => tenants.any = true,
            None => self.stray_tenants = true,
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_stands_where_the_hole_is_and_nowhere_else() {
        let tenants = Tenants::new("https://login.example/{tid}/v2.0");
        assert_eq!(tenants.claim, "tid");
        assert_eq!(tenants.expand("a-1"), "https://login.example/a-1/v2.0");
        for (iss, tenant) in [
            ("https://login.example/a-1/v2.0", Some("a-1")),
            ("https://login.example/A-1/v2.0", None),
            ("https://login.example//v2.0", None),
            ("https://login.example/v2.0", None),
            ("https://login.example/a/b/v2.0", None),
            ("https://login.example/a%2fb/v2.0", None),
            ("https://login.example/a-1/v2.0/", None),
            ("https://login.example.evil/a-1/v2.0", None),
            ("https://login.example/a\u{e9}/v2.0", None),
        ] {
            assert_eq!(tenants.tenant_in(iss), tenant, "{iss}");
        }
        let long = format!("https://login.example/{}/v2.0", "a".repeat(MAX_LEN + 1));
        assert_eq!(tenants.tenant_in(&long), None);
    }

    #[test]
    fn what_is_no_template_is_found() {
        for bad in ["", "https://a/", "https://a/{}", "{tid}", "https://a/{tid}/{oid}", "a{iss}"] {
            let mut tenants = Tenants::new(bad);
            tenants.any = true;
            assert!(tenants.fault().is_some(), "{bad}");
        }
        let mut tenants = Tenants::new("https://a/{tid}");
        assert!(tenants.fault().unwrap().contains("Issuer::tenants"));
        tenants.listed.insert("A".into());
        assert!(tenants.fault().is_some());
        tenants.listed.clear();
        tenants.listed.insert("a".into());
        assert_eq!(tenants.fault(), None);
    }
}
