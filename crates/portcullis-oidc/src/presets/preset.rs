//! [`Preset`]: the settings of a known issuer, and where its keys are.

use portcullis::{BuildError, ClaimPath, Issuer, Keys};

use super::keys::KeyPlace;
use crate::Refresher;
use crate::known::ForeignAudiences;

/// The settings of a known issuer and the place of its keys, before the keys are fetched. See
/// [`presets`](super).
///
/// It is data: what it sets can be read in the table there, and changed by
/// [`configure`](Self::configure).
///
/// # Example
///
/// ```no_run
/// use std::time::Duration;
/// use portcullis::{AccessClaims, Verifier};
/// use portcullis_oidc::presets;
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let auth0 = presets::auth0("tenant.eu.auth0.com")
///     .audience("https://api.example.com")
///     .configure(|issuer| issuer.leeway(Duration::from_secs(10)));
/// let verifier = Verifier::builder().trust(auth0.spawn()?).build::<AccessClaims>()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Preset {
    name: &'static str,
    issuer: Issuer,
    keys: KeyPlace,
    foreign: ForeignAudiences,
    fault: Option<String>,
}

impl Preset {
    pub(super) fn new(name: &'static str, issuer: Issuer, keys: KeyPlace) -> Self {
        Self { name, issuer, keys, foreign: &[], fault: None }
    }

    /// Remembers the first thing that makes no sense, for when keys are given.
    pub(super) fn check(mut self, result: Result<(), String>) -> Self {
        if let (Err(what), None) = (result, &self.fault) {
            self.fault = Some(what);
        }
        self
    }

    pub(super) fn foreign(mut self, audiences: ForeignAudiences) -> Self {
        self.foreign = audiences;
        self
    }

    /// An audience that is us: see [`Issuer::audience`].
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        let audience = audience.into();
        let foreign = self.foreign.iter().find(|(name, _)| *name == audience);
        if let Some((name, why)) = foreign {
            return self.check(Err(format!("audience {name:?}: {why}")));
        }
        self.issuer = self.issuer.audience(audience);
        self
    }

    /// Another place of roles: see [`Issuer::roles_from`].
    pub fn roles_from(self, path: impl Into<ClaimPath>) -> Self {
        self.configure(|issuer| issuer.roles_from(path))
    }

    /// The roles that it may assert: see [`Issuer::may_assert_roles`].
    pub fn may_assert_roles<S: Into<Box<str>>>(self, roles: impl IntoIterator<Item = S>) -> Self {
        self.configure(|issuer| issuer.may_assert_roles(roles))
    }

    /// The scopes that it may assert: see [`Issuer::may_assert_scopes`].
    pub fn may_assert_scopes<S: Into<Box<str>>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.configure(|issuer| issuer.may_assert_scopes(scopes))
    }

    /// It may assert every role and scope: see [`Issuer::may_assert_anything`].
    pub fn may_assert_anything(self) -> Self {
        self.configure(Issuer::may_assert_anything)
    }

    /// It may assert no role and no scope: see [`Issuer::may_assert_nothing`].
    pub fn may_assert_nothing(self) -> Self {
        self.configure(Issuer::may_assert_nothing)
    }

    /// Changes any other setting of the issuer.
    pub fn configure(mut self, change: impl FnOnce(Issuer) -> Issuer) -> Self {
        self.issuer = change(self.issuer);
        self
    }

    /// Fetches the keys, a JWK Set, from this address and not from where the preset says: for a proxy or a
    /// mirror in between.
    pub fn keys_at(mut self, url: impl Into<String>) -> Self {
        self.keys = KeyPlace::JwkSet(url.into());
        self
    }

    /// Where the keys are fetched from: the address of a JWK Set, or of the metadata that name it, or the
    /// addresses of single keys with `{kid}` in it.
    #[must_use]
    pub fn keys_url(&self) -> String {
        self.keys.shown()
    }

    /// The issuer, with these keys. Nothing is fetched.
    ///
    /// # Errors
    ///
    /// If what was given to the preset makes no sense; the error names it.
    pub fn issuer_with(self, keys: impl Into<Keys>) -> Result<Issuer, BuildError> {
        match self.fault {
            Some(what) => Err(BuildError::new(format!("presets::{}: {what}", self.name))),
            None => Ok(self.issuer.keys(keys)),
        }
    }

    /// The issuer, with keys that this refresher keeps fresh.
    ///
    /// # Errors
    ///
    /// As [`issuer_with`](Self::issuer_with), and if an address makes no sense.
    pub fn add_to(self, refresher: &Refresher) -> Result<Issuer, BuildError> {
        if let Some(what) = &self.fault {
            return Err(BuildError::new(format!("presets::{}: {what}", self.name)));
        }
        let keys = self.keys.clone().fetched_by(refresher)?;
        self.issuer_with(keys)
    }

    /// The issuer, with keys that a task on the present tokio runtime keeps fresh for as long as somebody
    /// holds the issuer or a verifier that trusts it. For a health check, or to stop the task, keep a [`Refresher`] and
    /// use [`add_to`](Self::add_to): [`Refresher::remote_keys`] says how the keys are.
    ///
    /// # Errors
    ///
    /// As [`add_to`](Self::add_to), and if the HTTP client can't be built.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[cfg(feature = "reqwest")]
    pub fn spawn(self) -> Result<Issuer, BuildError> {
        let client = crate::HttpClient::new()?;
        self.add_to(&Refresher::spawn(client))
    }
}

/// Several presets that are set up alike, such as one for each of a list of accounts.
#[derive(Clone, Debug)]
#[must_use]
pub struct Presets {
    presets: Vec<Preset>,
}

impl Presets {
    pub(super) fn new(presets: impl IntoIterator<Item = Preset>) -> Self {
        Self { presets: presets.into_iter().collect() }
    }

    /// Changes each of them.
    pub fn configure(self, change: impl FnMut(Preset) -> Preset) -> Self {
        Self { presets: self.presets.into_iter().map(change).collect() }
    }

    /// An audience that is us: see [`Issuer::audience`].
    pub fn audience(self, audience: &str) -> Self {
        self.configure(|preset| preset.audience(audience))
    }

    /// They may assert every role and scope: see [`Issuer::may_assert_anything`].
    pub fn may_assert_anything(self) -> Self {
        self.configure(Preset::may_assert_anything)
    }

    /// They may assert no role and no scope: see [`Issuer::may_assert_nothing`].
    pub fn may_assert_nothing(self) -> Self {
        self.configure(Preset::may_assert_nothing)
    }

    /// One by one.
    #[must_use]
    pub fn into_vec(self) -> Vec<Preset> {
        self.presets
    }

    /// The issuers, with keys that this refresher keeps fresh.
    ///
    /// # Errors
    ///
    /// As [`Preset::add_to`], and if there is none.
    pub fn add_to(self, refresher: &Refresher) -> Result<Vec<Issuer>, BuildError> {
        if self.presets.is_empty() {
            return Err(BuildError::new("presets: the list is empty, so nobody would be trusted"));
        }
        self.presets.into_iter().map(|preset| preset.add_to(refresher)).collect()
    }

    /// The issuers, with keys that one task on the present tokio runtime keeps fresh.
    ///
    /// # Errors
    ///
    /// As [`Preset::spawn`], and if there is none.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[cfg(feature = "reqwest")]
    pub fn spawn(self) -> Result<Vec<Issuer>, BuildError> {
        let client = crate::HttpClient::new()?;
        self.add_to(&Refresher::spawn(client))
    }
}
