//! A ring of keys: one signs, those before it still verify until their last token is over.

mod builder;
mod entry;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis::Keys;
use portcullis::keys::KeySet;
use portcullis_core::{Clock, Timestamp};

pub use builder::SigningKeysBuilder;
pub use entry::KeyEntry;

use crate::SigningKey;
use crate::error::IssuerError;

/// The signing keys of an issuer: the one that signs, and earlier ones that still verify. Clones share
/// the ring.
///
/// [`rotate`](Self::rotate) puts a new key in front; the earlier one verifies for the
/// [overlap](SigningKeysBuilder::overlap), until no token under it is alive.
/// [`rotate_and_revoke`](Self::rotate_and_revoke) withdraws every earlier key at once, and all tokens
/// under them. A verifier in the same process that holds [`verification_keys`](Self::verification_keys)
/// follows both; others read the [JWK Set](Self::jwk_set).
///
/// Nothing is kept on disk. Write [`entries`](Self::entries) down, and give them back to
/// [`SigningKeysBuilder::entry`] after a restart; write a new key *before* it signs.
///
/// # Example
///
/// ```
/// use portcullis::{Algorithm, jws};
/// use portcullis_issuer::{JwsHeader, SigningKey, SigningKeys};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = SigningKeys::new(SigningKey::generate(Algorithm::ES256)?);
/// let keys = ring.verification_keys();
///
/// let early = ring.current().sign(&JwsHeader::new(), b"early")?;
/// ring.rotate(SigningKey::generate(Algorithm::ES256)?)?;
/// assert!(jws::verify(&early, &keys).is_ok());
///
/// ring.rotate_and_revoke(SigningKey::generate(Algorithm::ES256)?)?;
/// assert!(jws::verify(&early, &keys).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SigningKeys {
    shared: Arc<Shared>,
}

struct Shared {
    ring: ArcSwap<Ring>,
    // held by whoever changes the ring, so that two changes don't undo each other
    changing: Mutex<()>,
    published: Keys,
    overlap: Duration,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Ring {
    current: KeyEntry,
    // the latest first
    earlier: Vec<KeyEntry>,
}

impl Ring {
    fn entries(&self) -> impl Iterator<Item = &KeyEntry> {
        std::iter::once(&self.current).chain(&self.earlier)
    }

    fn knows(&self, key: &SigningKey) -> bool {
        self.entries().any(|entry| {
            entry.key().key_id() == key.key_id() || entry.key().thumbprint() == key.thumbprint()
        })
    }

    fn published(&self) -> KeySet {
        KeySet::new(self.entries().map(|entry| entry.key().verification_key()))
    }

    /// Drops the keys whose last token is over; true if there was one.
    fn prune(&mut self, overlap: Duration, now: Timestamp) -> bool {
        let before = self.earlier.len();
        self.earlier.retain(|entry| entry.ends_at(overlap).is_some_and(|end| now < end));
        self.earlier.len() != before
    }
}

impl SigningKeys {
    /// A ring of this key alone, with the machine's clock and the usual overlap.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        Self::of_one(key, SigningKeysBuilder::default())
    }

    /// A ring with other settings, or one that was written down.
    pub fn builder() -> SigningKeysBuilder {
        SigningKeysBuilder::default()
    }

    fn of_one(key: SigningKey, settings: SigningKeysBuilder) -> Self {
        let current = KeyEntry::new(key, settings.clock.now());
        Self::start(Ring { current, earlier: Vec::new() }, settings.overlap, settings.clock)
    }

    fn start(ring: Ring, overlap: Duration, clock: Arc<dyn Clock>) -> Self {
        let published = Keys::from(ring.published());
        let ring = ArcSwap::from_pointee(ring);
        Self {
            shared: Arc::new(Shared {
                ring,
                changing: Mutex::default(),
                published,
                overlap,
                clock,
            }),
        }
    }

    /// The key that signs now.
    #[must_use]
    pub fn current(&self) -> SigningKey {
        let now = self.shared.clock.now();
        let ring = self.shared.ring.load();
        let over =
            |entry: &KeyEntry| entry.ends_at(self.shared.overlap).is_some_and(|end| end <= now);
        if ring.earlier.iter().any(over) {
            self.prune();
        }
        ring.current.key().clone()
    }

    /// Puts a new key in front. The earlier one signs no more, and verifies for the
    /// [overlap](SigningKeysBuilder::overlap).
    ///
    /// # Errors
    ///
    /// If the key, or another of the same `kid`, is in the ring already.
    pub fn rotate(&self, key: SigningKey) -> Result<(), IssuerError> {
        self.put(key, true)
    }

    /// Puts a new key in front and withdraws every earlier one: no token under them verifies any more.
    /// A token that is being minted at this very moment may be among them.
    ///
    /// # Errors
    ///
    /// If the key, or another of the same `kid`, is in the ring already.
    pub fn rotate_and_revoke(&self, key: SigningKey) -> Result<(), IssuerError> {
        self.put(key, false)
    }

    fn put(&self, key: SigningKey, keep: bool) -> Result<(), IssuerError> {
        let _changing = self.changing();
        let before = self.shared.ring.load();
        if before.knows(&key) {
            return Err(IssuerError::key(
                "the ring has this key, or one of the same `kid`, already; rotate to a new one",
            ));
        }
        let now = self.shared.clock.now();
        let mut ring = Ring { current: KeyEntry::new(key, now), earlier: Vec::new() };
        if keep {
            ring.earlier.push(before.current.clone().with_retired_at(now));
            ring.earlier.extend_from_slice(&before.earlier);
            ring.prune(self.shared.overlap, now);
        }
        self.change(ring);
        Ok(())
    }

    /// Withdraws the keys whose last token is over. Rotating and signing do so by themselves; an issuer
    /// that does neither for long may call this.
    pub fn prune(&self) {
        let _changing = self.changing();
        let mut ring = Ring::clone(&self.shared.ring.load());
        if ring.prune(self.shared.overlap, self.shared.clock.now()) {
            self.change(ring);
        }
    }

    /// Published before it signs, so that no token is ever under a key that verifiers lack.
    fn change(&self, ring: Ring) {
        self.shared.published.replace(ring.published());
        self.shared.ring.store(Arc::new(ring));
    }

    /// The lock guards no data, so one who panicked while holding it left nothing half done.
    fn changing(&self) -> MutexGuard<'_, ()> {
        self.shared.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys that verify, as a handle for a verifier in this process. It follows every change.
    #[must_use]
    pub fn verification_keys(&self) -> Keys {
        self.shared.published.clone()
    }

    /// The public keys as a JWK Set ([RFC 7517 §5]), the one that signs first. Shared secrets are never
    /// in it.
    ///
    /// [RFC 7517 §5]: https://www.rfc-editor.org/rfc/rfc7517#section-5
    #[must_use]
    pub fn jwk_set(&self) -> String {
        let ring = self.shared.ring.load();
        let keys: Vec<_> = ring.entries().filter_map(|entry| entry.key().public_jwk()).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// The ring to be written down, the key that signs first.
    #[must_use]
    pub fn entries(&self) -> Vec<KeyEntry> {
        self.shared.ring.load().entries().cloned().collect()
    }

    /// For how long an earlier key verifies after it has signed for the last time.
    #[must_use]
    pub fn overlap(&self) -> Duration {
        self.shared.overlap
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.shared.clock)
    }
}

impl From<SigningKey> for SigningKeys {
    fn from(key: SigningKey) -> Self {
        Self::new(key)
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ring = self.shared.ring.load();
        f.debug_struct("SigningKeys")
            .field("current", &ring.current)
            .field("earlier", &ring.earlier)
            .finish_non_exhaustive()
    }
}
