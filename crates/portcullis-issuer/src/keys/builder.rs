//! Building a ring: from one key, or from what was written down.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{Clock, SystemClock, Timestamp};

use super::{KeyEntry, Ring, SigningKeys};
use crate::SigningKey;
use crate::error::IssuerError;

/// Settings and keys of a ring. See [`SigningKeys`].
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use portcullis::{Algorithm, Timestamp};
/// use portcullis_issuer::{KeyEntry, SigningKey, SigningKeys};
///
/// # fn main() -> Result<(), portcullis_issuer::IssuerError> {
/// let key = SigningKey::generate(Algorithm::EdDSA)?;
/// // as a table has it: kid, algorithm, private key, created, retired
/// let row = (key.key_id().to_owned(), key.algorithm(), key.to_private_bytes()?, 1_700_000_000);
///
/// let (kid, algorithm, private, created) = row;
/// let key = SigningKey::from_private_bytes(algorithm, private)?.with_key_id(kid);
/// let ring = SigningKeys::builder()
///     .overlap(Duration::from_secs(3600))
///     .entry(KeyEntry::new(key, Timestamp::from_secs(created)))
///     .build()?;
/// assert_eq!(ring.entries().len(), 1);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct SigningKeysBuilder {
    entries: Vec<KeyEntry>,
    pub(super) overlap: Duration,
    pub(super) publish_before: Duration,
    pub(super) clock: Arc<dyn Clock>,
}

impl Default for SigningKeysBuilder {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            overlap: Duration::from_secs(25 * 3600),
            publish_before: Duration::from_secs(3600),
            clock: Arc::new(SystemClock::new()),
        }
    }
}

impl SigningKeysBuilder {
    /// For how long an earlier key verifies after it has signed for the last time: at least the longest
    /// life of a token and the leeway of its verifiers. 25 hours unless set.
    pub fn overlap(mut self, overlap: Duration) -> Self {
        self.overlap = overlap;
        self
    }

    /// For how long a key that is [scheduled](SigningKeys::schedule) is published before it signs: an hour
    /// unless set. Caches may keep the JWK Set for half of it.
    pub fn publish_before(mut self, time: Duration) -> Self {
        self.publish_before = time;
        self
    }

    /// The clock that tells when a key signs and when it has retired for long enough: the machine's, unless set. A
    /// [`TokenIssuer`](crate::TokenIssuer) over the ring goes by it too.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// A key that was written down. One of them must be unretired; those that retired longer ago than
    /// the overlap are dropped.
    pub fn entry(mut self, entry: KeyEntry) -> Self {
        self.entries.push(entry);
        self
    }

    /// Several keys that were written down.
    pub fn entries(mut self, entries: impl IntoIterator<Item = KeyEntry>) -> Self {
        self.entries.extend(entries);
        self
    }

    /// A new key, which signs from now on.
    pub fn key(self, key: SigningKey) -> Self {
        let now = self.clock.now();
        self.entry(KeyEntry::new(key, now))
    }

    /// The time by its clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The ring. The key that signs is the latest of the unretired ones whose time has come; where there
    /// are several, the earlier ones retired when the next began.
    ///
    /// # Errors
    ///
    /// If no unretired key signs yet, if two of them begin at the same moment, or if two have the same `kid` or are the same.
    pub fn build(self) -> Result<SigningKeys, IssuerError> {
        let now = self.clock.now();
        let ring = Ring::new(self.entries, self.overlap, now)?;
        Ok(SigningKeys::start(ring, self.overlap, self.publish_before, self.clock))
    }
}

impl fmt::Debug for SigningKeysBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeysBuilder")
            .field("entries", &self.entries)
            .field("overlap", &self.overlap)
            .finish_non_exhaustive()
    }
}
