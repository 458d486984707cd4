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
/// [`schedule`](Self::schedule) publishes a new key before it signs, so that those who keep the JWK Set
/// for a while have it in time. [`rotate`](Self::rotate) puts one in front at once; the earlier one verifies for the
/// [overlap](SigningKeysBuilder::overlap), until no token under it is alive.
/// [`rotate_and_revoke`](Self::rotate_and_revoke) withdraws every earlier key at once, and all tokens
/// under them. A verifier in the same process that holds [`verification_keys`](Self::verification_keys)
/// follows both; others read the [JWK Set](Self::jwk_set).
///
/// Nothing is kept on disk: [`key_store`](crate::key_store) does that, in a directory or in SQLite. Or write
/// [`entries`](Self::entries) down yourself, and give them back to [`SigningKeysBuilder::entry`] after a
/// restart; write a new key *before* it signs.
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
    publish_before: Duration,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Ring {
    // published, and to sign later; the soonest first
    upcoming: Vec<KeyEntry>,
    current: KeyEntry,
    // the latest first
    earlier: Vec<KeyEntry>,
}

impl Ring {
    fn new(entries: Vec<KeyEntry>, overlap: Duration, now: Timestamp) -> Result<Self, IssuerError> {
        let (mut unretired, mut earlier): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| entry.retired_at().is_none());
        unretired.sort_by_key(KeyEntry::signs_from);
        earlier.sort_by_key(|entry| std::cmp::Reverse(entry.retired_at()));
        if unretired.windows(2).any(|pair| pair[0].signs_from() == pair[1].signs_from()) {
            return Err(IssuerError::setting(
                "two unretired keys of the ring begin to sign at the same moment: one of them is meant \
                 to have retired",
            ));
        }
        let mut unretired = unretired.into_iter();
        let Some(current) = unretired.next().filter(|first| first.signs_from() <= now) else {
            return Err(IssuerError::setting(
                "a ring has a key that signs now, with no time of retirement; none of these is one",
            ));
        };
        let mut ring = Self { upcoming: Vec::new(), current, earlier: Vec::new() };
        for entry in earlier {
            ring.check_new(entry.key())?;
            ring.earlier.push(entry);
        }
        for entry in unretired {
            ring.check_new(entry.key())?;
            ring.upcoming.push(entry);
        }
        ring.settle(overlap, now);
        Ok(ring)
    }

    fn check_new(&self, key: &SigningKey) -> Result<(), IssuerError> {
        if self.knows(key) {
            return Err(IssuerError::setting(
                "two keys of the ring are the same or have the same `kid`",
            ));
        }
        Ok(())
    }

    /// The one that signs, those that will, those that did.
    fn entries(&self) -> impl Iterator<Item = &KeyEntry> {
        std::iter::once(&self.current).chain(&self.upcoming).chain(&self.earlier)
    }

    /// Puts those in front whose time has come, and drops those whose last token is over. True if there
    /// was one.
    fn settle(&mut self, overlap: Duration, now: Timestamp) -> bool {
        let due = self.upcoming.iter().take_while(|next| next.signs_from() <= now).count();
        for next in self.upcoming.drain(..due) {
            let before = std::mem::replace(&mut self.current, next);
            let retired_at = self.current.signs_from();
            self.earlier.insert(0, before.with_retired_at(retired_at));
        }
        self.prune(overlap, now) || due > 0
    }

    /// True if it has something to settle.
    fn is_due(&self, overlap: Duration, now: Timestamp) -> bool {
        self.upcoming.first().is_some_and(|next| next.signs_from() <= now)
            || self.earlier.iter().any(|entry| entry.ends_at(overlap).is_some_and(|end| end <= now))
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
        let ring = Ring { upcoming: Vec::new(), current, earlier: Vec::new() };
        Self::start(ring, settings.overlap, settings.publish_before, settings.clock)
    }

    fn start(
        ring: Ring,
        overlap: Duration,
        publish_before: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let published = Keys::from(ring.published());
        let ring = ArcSwap::from_pointee(ring);
        Self {
            shared: Arc::new(Shared {
                ring,
                changing: Mutex::default(),
                published,
                overlap,
                publish_before,
                clock,
            }),
        }
    }

    /// The key that signs now.
    #[must_use]
    pub fn current(&self) -> SigningKey {
        self.settled().current.key().clone()
    }

    /// The ring as of now.
    fn settled(&self) -> Arc<Ring> {
        let ring = self.shared.ring.load_full();
        if ring.is_due(self.shared.overlap, self.shared.clock.now()) {
            self.prune();
            return self.shared.ring.load_full();
        }
        ring
    }

    /// Publishes a new key, which signs once it has been published for as long as the
    /// [settings](SigningKeysBuilder::publish_before) say. By then whoever keeps the JWK Set for as long
    /// as they may has it. Tells from when on it signs.
    ///
    /// # Errors
    ///
    /// If the key, or another of the same `kid`, is in the ring already.
    pub fn schedule(&self, key: SigningKey) -> Result<Timestamp, IssuerError> {
        let _changing = self.changing();
        let now = self.shared.clock.now();
        let mut ring = Ring::clone(&self.shared.ring.load());
        ring.check_new(&key)?;
        ring.settle(self.shared.overlap, now);
        let after = now.saturating_add(self.shared.publish_before);
        // a second apart, so that their order can be told from what is written down
        let behind = |last: &KeyEntry| last.signs_from().saturating_add(Duration::from_secs(1));
        let latest = ring.upcoming.last().map_or(after, |last| after.max(behind(last)));
        ring.upcoming.push(KeyEntry::new(key, now).with_signs_from(latest));
        ring.settle(self.shared.overlap, now);
        self.change(ring);
        Ok(latest)
    }

    /// Puts a new key in front. The earlier one signs no more, and verifies for the
    /// [overlap](SigningKeysBuilder::overlap). Whoever keeps the JWK Set of earlier meets tokens under a
    /// key that they have not seen: [`schedule`](Self::schedule) where there are such. A key that was
    /// scheduled is withdrawn unused.
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
        let mut before = Ring::clone(&before);
        before.settle(self.shared.overlap, now);
        let current = KeyEntry::new(key, now);
        let mut ring = Ring { upcoming: Vec::new(), current, earlier: Vec::new() };
        if keep {
            ring.earlier.push(before.current.with_retired_at(now));
            ring.earlier.append(&mut before.earlier);
            ring.prune(self.shared.overlap, now);
        }
        self.change(ring);
        Ok(())
    }

    /// Withdraws the keys whose last token is over, and puts those in front whose time has come. Rotating,
    /// signing and publishing do so by themselves; an issuer that does none of it for long may call this.
    pub fn prune(&self) {
        let _changing = self.changing();
        let mut ring = Ring::clone(&self.shared.ring.load());
        if ring.settle(self.shared.overlap, self.shared.clock.now()) {
            self.change(ring);
        }
    }

    /// Puts a ring that was written down in the place of this one.
    pub(crate) fn adopt(&self, entries: Vec<KeyEntry>) -> Result<(), IssuerError> {
        let _changing = self.changing();
        let ring = Ring::new(entries, self.shared.overlap, self.shared.clock.now())?;
        self.change(ring);
        Ok(())
    }

    /// Takes a key back that was scheduled.
    pub(crate) fn forget(&self, key: &SigningKey) {
        let _changing = self.changing();
        let mut ring = Ring::clone(&self.shared.ring.load());
        ring.upcoming.retain(|entry| entry.key().thumbprint() != key.thumbprint());
        self.change(ring);
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

    /// The public keys as a JWK Set ([RFC 7517 §5]), the one that signs first, then those that will. Shared secrets are never
    /// in it.
    ///
    /// [RFC 7517 §5]: https://www.rfc-editor.org/rfc/rfc7517#section-5
    #[must_use]
    pub fn jwk_set(&self) -> String {
        let ring = self.settled();
        let keys: Vec<_> = ring.entries().filter_map(|entry| entry.key().public_jwk()).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// The ring to be written down, the key that signs first.
    #[must_use]
    pub fn entries(&self) -> Vec<KeyEntry> {
        self.settled().entries().cloned().collect()
    }

    /// For how long an earlier key verifies after it has signed for the last time.
    #[must_use]
    pub fn overlap(&self) -> Duration {
        self.shared.overlap
    }

    /// For how long a scheduled key is published before it signs.
    #[must_use]
    pub fn publish_before(&self) -> Duration {
        self.shared.publish_before
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
            .field("upcoming", &ring.upcoming)
            .field("current", &ring.current)
            .field("earlier", &ring.earlier)
            .finish_non_exhaustive()
    }
}
