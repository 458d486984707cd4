//! A set of keys: which of them may have signed a token, and which entries could not be used.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::{VerificationKey, directory, jwk};
use crate::Algorithm;
use crate::error::KeyError;

/// Keys that do not change, and what was skipped when they were read.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Arc<VerificationKey>>,
    /// Asked with what strangers write, and filled only with what issuers publish.
    by_id: HashMap<Box<str>, Vec<usize>, RandomState>,
    skipped: Vec<SkippedKey>,
}

/// An entry of a set that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    entry: String,
    reason: KeyError,
}

impl SkippedKey {
    pub(super) fn new(entry: String, reason: KeyError) -> Self {
        Self { entry, reason }
    }

    /// Which entry it is: its file, or its place in the set and its `kid`.
    #[must_use]
    pub fn entry(&self) -> &str {
        &self.entry
    }

    /// Why it can't be used.
    #[must_use]
    pub fn reason(&self) -> &KeyError {
        &self.reason
    }
}

impl fmt::Display for SkippedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.entry, self.reason)
    }
}

impl KeySet {
    /// These keys; none is allowed, and verifies nothing.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = VerificationKey>) -> Self {
        let mut set = Self::default();
        for key in keys {
            set.push(key);
        }
        set
    }

    /// A JWK Set ([RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)). It may turn out to
    /// be empty.
    ///
    /// # Errors
    ///
    /// If it is no JSON object with an array `keys`.
    pub fn from_jwk_set(json: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        jwk::read_set(json.as_ref())
    }

    /// A JWK Set that somebody else publishes, with at most so many entries. A shared secret (`oct`) is
    /// skipped: whoever can read the set could sign with it. Otherwise as [`from_jwk_set`](Self::from_jwk_set).
    ///
    /// # Errors
    ///
    /// If it is no JSON object with an array `keys`, or if there are more entries.
    pub fn from_published_jwk_set(
        json: impl AsRef<[u8]>,
        max_keys: usize,
    ) -> Result<Self, KeyError> {
        jwk::read_published_set(json.as_ref(), max_keys)
    }

    /// A directory of public keys. It may turn out to be empty.
    ///
    /// Files are read by their ending: `.pem` and `.der` hold one public key each, whose `kid` is the
    /// name of the file without the ending; `.jwk` holds one JWK; `.jwks` and `.json` hold a JWK Set or
    /// one JWK. Names that start with a dot are passed over; other files are skipped with a reason. Files are taken in
    /// the order of their names.
    ///
    /// # Errors
    ///
    /// If the directory can't be listed.
    pub fn from_directory(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        directory::read_all(path.as_ref())
    }

    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &VerificationKey> {
        self.keys.iter().map(|key| &**key)
    }

    /// The entries that could not be used.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// True if the other set has the same keys, each under the same name, for the same algorithm and for the same
    /// [issuer](VerificationKey::issuer).
    #[must_use]
    pub fn has_same_keys(&self, other: &Self) -> bool {
        self.keys.len() == other.keys.len()
            && self.keys().all(|key| other.has(key))
            && other.keys().all(|key| self.has(key))
    }

    /// True if there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn push(&mut self, key: VerificationKey) {
        if let Some(id) = key.key_id() {
            self.by_id.entry(id.into()).or_default().push(self.keys.len());
        }
        self.keys.push(Arc::new(key));
    }

    pub(super) fn skip(&mut self, entry: String, reason: KeyError) {
        tracing::warn!(target: "portcullis", %entry, %reason, "a key was skipped");
        self.skipped.push(SkippedKey::new(entry, reason));
    }

    pub(super) fn extend(&mut self, other: Self) {
        for key in other.keys {
            // just read, so nobody else holds it
            self.push(Arc::unwrap_or_clone(key));
        }
        self.skipped.extend(other.skipped);
    }

    /// The set as an issuer uses it that names its algorithms: keys whose algorithm was only inferred are
    /// bound to those that it names.
    pub(crate) fn bound_to_any(&self, algorithms: &[Algorithm]) -> Self {
        let mut set = Self::new(self.keys.iter().flat_map(|key| key.bound_to_any(algorithms)));
        set.skipped.clone_from(&self.skipped);
        set
    }

    /// Itself, unless there is no key in it.
    pub(super) fn usable(self) -> Result<Self, KeyError> {
        if !self.keys.is_empty() {
            return Ok(self);
        }
        let reasons: Vec<_> = self.skipped.iter().take(4).map(ToString::to_string).collect();
        Err(KeyError::new(match reasons.as_slice() {
            [] => "there is no key in the set".to_owned(),
            reasons => format!("no key in the set can be used: {}", reasons.join("; ")),
        }))
    }

    /// True if this very key is in the set: the same material under the same name, for the same algorithm and issuer.
    pub(crate) fn has(&self, key: &VerificationKey) -> bool {
        self.keys.iter().any(|known| known.is_same(key))
    }

    /// True if some key is for this algorithm.
    pub(crate) fn serves(&self, algorithm: Algorithm) -> bool {
        self.keys.iter().any(|key| key.algorithm() == algorithm)
    }

    /// The keys that may have signed a token of this algorithm and `kid`, at most
    /// [`MAX_CANDIDATES`] of them: those with the same `kid`; where there is none, those without a
    /// `kid`. Every key fits a token without `kid`.
    pub(crate) fn candidates(&self, algorithm: Algorithm, kid: Option<&str>) -> Candidates<'_> {
        let mut found = Candidates::default();
        let fits = |key: &&Arc<VerificationKey>| key.algorithm() == algorithm;
        match kid {
            None => self.keys.iter().filter(fits).for_each(|key| found.push(key)),
            Some(kid) => {
                let named = self.by_id.get(kid).into_iter().flatten().map(|&at| &self.keys[at]);
                named.filter(fits).for_each(|key| found.push(key));
                if found.is_empty() {
                    let nameless = self.keys.iter().filter(|key| key.key_id().is_none());
                    nameless.filter(fits).for_each(|key| found.push(key));
                }
            }
        }
        found
    }
}

/// How many keys are tried for one token at most: what a forged one may cost.
pub(crate) const MAX_CANDIDATES: usize = 4;

/// The few keys that are tried.
#[derive(Default)]
pub(crate) struct Candidates<'a> {
    keys: [Option<&'a Arc<VerificationKey>>; MAX_CANDIDATES],
    left_out: usize,
}

impl<'a> Candidates<'a> {
    fn push(&mut self, key: &'a Arc<VerificationKey>) {
        match self.keys.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => *slot = Some(key),
            None => self.left_out += 1,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys[0].is_none()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a Arc<VerificationKey>> + '_ {
        self.keys.iter().map_while(|key| *key)
    }

    /// How many more would have fitted.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_under_another_name_or_of_other_material_is_another() {
        let key = |first: u8, kid: &str| {
            let secret: Vec<u8> = (first..first + 64).collect();
            VerificationKey::from_secret(Algorithm::HS256, secret).unwrap().with_key_id(kid)
        };
        let set = KeySet::new([key(0, "a")]);
        assert!(set.has(&key(0, "a")));
        assert!(!set.has(&key(0, "b")));
        assert!(!set.has(&key(1, "a")));
    }
}
