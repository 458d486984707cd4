//! Issuers that come and go while a verifier runs.

use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;

use super::{Issuer, TrustedIssuer};
use crate::error::{BuildError, quoted};

/// How many maps there are. A change copies one of them, and readers take no lock.
const SHARDS: usize = 256;

type Map = HashMap<Box<str>, Arc<TrustedIssuer>, RandomState>;

/// Issuers that are trusted from when they are [added](Self::add) until they are
/// [removed](Self::remove), while verifiers run: the tenants of a service, for instance. Clones share
/// them.
///
/// A token finds its issuer by the hash of its exact `iss`, without a lock, among thousands as fast as
/// among two. An issuer that is removed is trusted by no check that starts afterwards, for tokens that
/// were verified before as well. What each may assert has to be said, since there may be others.
///
/// # Example
///
/// ```
/// use portcullis::{AccessClaims, Algorithm, Issuer, Issuers, Keys, Verifier};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret = "a secret that is shared, of 32 bytes or more";
/// # let keys = Keys::from_secret(Algorithm::HS256, secret)?;
/// let tenants = Issuers::new();
/// let verifier = Verifier::builder().trust_changing(tenants.clone()).build::<AccessClaims>()?;
///
/// tenants.add(
///     Issuer::new("https://one.idp.example.com")
///         .audience("payroll")
///         .keys(keys)
///         .may_assert_roles(["reader"]),
/// )?;
/// assert!(tenants.remove("https://one.idp.example.com"));
/// # let _ = verifier;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Issuers {
    inner: Arc<Inner>,
}

struct Inner {
    hasher: RandomState,
    shards: Box<[ArcSwap<Map>]>,
    /// Held by those that change something, so that two of them do not add one issuer twice.
    writing: Mutex<()>,
    len: AtomicUsize,
}

impl Issuers {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        let hasher = RandomState::default();
        let empty = || ArcSwap::from_pointee(Map::with_hasher(hasher.clone()));
        let shards = std::iter::repeat_with(empty).take(SHARDS).collect();
        let inner = Inner { hasher, shards, writing: Mutex::new(()), len: AtomicUsize::new(0) };
        Self { inner: Arc::new(inner) }
    }

    /// Trusts an issuer from now on.
    ///
    /// # Errors
    ///
    /// If a setting is missing or makes no sense, or if an issuer of this name is there already. One that
    /// is [bound to a place](Issuer::taken_from), or takes any tenant, belongs to
    /// [`VerifierBuilder::trust`](crate::VerifierBuilder::trust).
    pub fn add(&self, issuer: Issuer) -> Result<(), BuildError> {
        let issuer = Self::checked(issuer)?;
        let _writing = self.inner.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = issuer.names().find(|name| self.find(name).is_some()) {
            let message = format!("issuer {}: Issuers::add: it is there already", quoted(&name));
            return Err(BuildError::new(message));
        }
        self.put(&issuer);
        Ok(())
    }

    /// Puts other settings in place of those of the issuer of this name, if there is one, and trusts it
    /// either way. Tokens that were verified under the old settings are verified again.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add), and if one of its other names belongs to another issuer. The old settings
    /// then stay.
    pub fn replace(&self, issuer: Issuer) -> Result<(), BuildError> {
        let issuer = Self::checked(issuer)?;
        let _writing = self.inner.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let strange = |name: &String| self.find(name).is_some_and(|i| i.name() != issuer.name());
        if let Some(name) = issuer.names().find(strange) {
            let message =
                format!("issuer {}: Issuers::replace: it belongs to another", quoted(&name));
            return Err(BuildError::new(message));
        }
        let old = self.called(&issuer);
        self.put(&issuer);
        let kept: Vec<_> = issuer.names().collect();
        for old in old {
            self.take(old.names().filter(|name| !kept.contains(name)));
            old.withdraw();
            self.inner.len.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Trusts the issuer of this name no longer; false if there is none. Any of its names will do, and
    /// all of them go.
    pub fn remove(&self, name: &str) -> bool {
        let _writing = self.inner.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(issuer) = self.find(name) else { return false };
        self.take(issuer.names());
        // for tokens that were remembered while it was trusted
        issuer.withdraw();
        self.inner.len.fetch_sub(1, Ordering::Relaxed);
        true
    }

    /// True if an issuer goes by exactly this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.len.load(Ordering::Relaxed)
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<TrustedIssuer>> {
        self.shard(name).load().get(name).cloned()
    }

    /// Those that are there and have the name of this one. Of one template there may be several with
    /// other tenants each, and none of their names need be among those of this one.
    fn called(&self, issuer: &TrustedIssuer) -> Vec<Arc<TrustedIssuer>> {
        if issuer.settings.tenants.is_none() {
            return self.find(issuer.name()).into_iter().collect();
        }
        let mut called: Vec<Arc<TrustedIssuer>> = Vec::new();
        for shard in &self.inner.shards {
            for known in shard.load().values().filter(|known| known.name() == issuer.name()) {
                if !called.iter().any(|other| Arc::ptr_eq(other, known)) {
                    called.push(Arc::clone(known));
                }
            }
        }
        called
    }

    fn shard(&self, name: &str) -> &ArcSwap<Map> {
        let hash = self.inner.hasher.hash_one(name);
        // the map goes by other bits
        &self.inner.shards[(hash >> 24) as usize % SHARDS]
    }

    fn checked(issuer: Issuer) -> Result<Arc<TrustedIssuer>, BuildError> {
        let refuse = |what: &str| {
            let message = format!("issuer {}: Issuers: {what}", quoted(&issuer.name));
            Err(BuildError::new(message))
        };
        if !issuer.carriers.is_empty() {
            return refuse("it is bound to a place of the request; use VerifierBuilder::trust");
        }
        if issuer.tenants.as_ref().is_some_and(|tenants| tenants.any) {
            return refuse("it takes any tenant; use VerifierBuilder::trust");
        }
        TrustedIssuer::new(issuer, false).map(Arc::new)
    }

    /// Adds it under every name. The caller holds `writing`.
    fn put(&self, issuer: &Arc<TrustedIssuer>) {
        for name in issuer.names() {
            let shard = self.shard(&name);
            let mut map = Map::clone(&shard.load());
            map.insert(name.into(), Arc::clone(issuer));
            shard.store(Arc::new(map));
        }
        self.inner.len.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes these names out. The caller holds `writing`.
    fn take(&self, names: impl Iterator<Item = String>) {
        for name in names {
            let shard = self.shard(&name);
            let mut map = Map::clone(&shard.load());
            map.remove(name.as_str());
            shard.store(Arc::new(map));
        }
    }
}

impl Default for Issuers {
    fn default() -> Self {
        Self::new()
    }
}

/// How many there are: there may be thousands.
impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuers").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Algorithm, Keys};

    /// A lookup reads one map, and a change copies one: what either costs is its size.
    #[test]
    fn ten_thousand_issuers_are_spread_over_small_maps() {
        let secret = "a secret that is shared, of 32 bytes or more";
        let keys = Keys::from_secret(Algorithm::HS256, secret).unwrap();
        let issuers = Issuers::new();
        for n in 0..10_000 {
            let name = format!("https://tenant-{n}.example");
            let issuer = Issuer::new(name).audience("a").keys(keys.clone()).may_assert_nothing();
            issuers.add(issuer).unwrap();
        }
        let sizes: Vec<_> = issuers.inner.shards.iter().map(|shard| shard.load().len()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 10_000);
        // 39 on average; four times that has a chance below 10^-50
        assert!(sizes.iter().all(|&size| size < 160), "{sizes:?}");
        for n in 0..10_000 {
            let name = format!("https://tenant-{n}.example");
            assert_eq!(issuers.find(&name).unwrap().name(), name);
        }
    }
}
