//! Signing keys that outlive the process: in a directory, or in SQLite, and never for others to read.
//!
//! ```text
//! SigningKeyStore (a directory, SQLite, yours) ◄── StoredSigningKeys ──► SigningKeys ──► TokenIssuer, JwksService
//! ```
//!
//! A key is written once, before it signs, with the moment from which on it signs; it retires when the next one begins.
//! So everybody who reads the store derives the same ring from it, and several processes can share one: each calls
//! [`reload`](StoredSigningKeys::reload) now and then, well within
//! [`publish_before`](crate::SigningKeysBuilder::publish_before).

mod directory;
mod record;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis::Algorithm;
use portcullis_core::Timestamp;

pub use directory::KeyDirectory;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteKeys;

use crate::error::IssuerError;
use crate::{KeyEntry, SigningKey, SigningKeys, SigningKeysBuilder};

/// Where signing keys are written down. Calls may block: on a disk, or longer.
///
/// What is added has to be there when the call returns, whatever happens to the machine then: it is about to sign.
pub trait SigningKeyStore: Send + Sync + 'static {
    /// Every key, in any order.
    ///
    /// # Errors
    ///
    /// If the store can't be read, or if others than its owner could read it too.
    fn load(&self) -> Result<Vec<KeyEntry>, IssuerError>;

    /// Adds a key.
    ///
    /// # Errors
    ///
    /// If it was not written: it must not sign then.
    fn add(&self, entry: &KeyEntry) -> Result<(), IssuerError>;

    /// Removes a key, if it is there.
    ///
    /// # Errors
    ///
    /// If it may still be there.
    fn remove(&self, key: &SigningKey) -> Result<(), IssuerError>;
}

impl SigningKeyStore for Box<dyn SigningKeyStore> {
    fn load(&self) -> Result<Vec<KeyEntry>, IssuerError> {
        (**self).load()
    }

    fn add(&self, entry: &KeyEntry) -> Result<(), IssuerError> {
        (**self).add(entry)
    }

    fn remove(&self, key: &SigningKey) -> Result<(), IssuerError> {
        (**self).remove(key)
    }
}

/// [`SigningKeys`] that are kept in a store.
///
/// # Example
///
/// ```
/// use portcullis::Algorithm;
/// use portcullis_issuer::key_store::{KeyDirectory, StoredSigningKeys};
/// use portcullis_issuer::{SigningKey, SigningKeys, TokenIssuer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("keys");
/// let stored = StoredSigningKeys::load_or_generate(
///     KeyDirectory::open(path)?,
///     Algorithm::ES256,
///     SigningKeys::builder(),
/// )?;
/// let issuer = TokenIssuer::builder("https://idp.example.com", stored.keys().clone())
///     .audience("payroll")
///     .build()?;
///
/// // once a quarter: published now, signs in an hour
/// stored.schedule(SigningKey::generate(Algorithm::ES256)?)?;
/// # let _ = issuer;
/// # Ok(())
/// # }
/// ```
///
/// Clones of the ring may be read by any number of threads while one changes it. Changes wait for each other: a key that is
/// put in front while the store is being read again is in the ring afterwards.
pub struct StoredSigningKeys<S> {
    store: S,
    keys: SigningKeys,
    /// Held from before the store is looked at until ring and store agree again.
    changing: Mutex<()>,
}

impl<S: SigningKeyStore> StoredSigningKeys<S> {
    /// The keys of the store; a new one of this algorithm, if there is none that signs yet. `settings` have no keys of
    /// their own.
    ///
    /// # Errors
    ///
    /// If the store can't be read or written, or what it holds is no ring.
    pub fn load_or_generate(
        store: S,
        algorithm: Algorithm,
        settings: SigningKeysBuilder,
    ) -> Result<Self, IssuerError> {
        let now = settings.now();
        let mut entries = store.load()?;
        if !entries.iter().any(|entry| entry.signs_from() <= now) {
            store.add(&KeyEntry::new(SigningKey::generate(algorithm)?, now))?;
            // Another process may have had the same idea: read what both wrote.
            entries = store.load()?;
        }
        let keys = settings.entries(in_order(entries)).build()?;
        Ok(Self { store, keys, changing: Mutex::default() })
    }

    /// The ring, to sign and verify with. Change it by the methods here, so that the store knows.
    #[must_use]
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// As [`SigningKeys::schedule`], and written down.
    ///
    /// # Errors
    ///
    /// As there, and if it can't be written: the ring is as it was then.
    pub fn schedule(&self, key: SigningKey) -> Result<Timestamp, IssuerError> {
        let _changing = self.changing();
        let signs_from = self.keys.schedule(key.clone())?;
        let created_at = self.keys.clock().now();
        let entry = KeyEntry::new(key, created_at).with_signs_from(signs_from);
        if let Err(error) = self.store.add(&entry) {
            self.keys.forget(entry.key());
            return Err(error);
        }
        Ok(signs_from)
    }

    /// As [`SigningKeys::rotate`], and written down before it signs.
    ///
    /// # Errors
    ///
    /// As there, and if it can't be written: the ring is as it was then.
    pub fn rotate(&self, key: SigningKey) -> Result<(), IssuerError> {
        self.put(key, SigningKeys::rotate)
    }

    /// As [`SigningKeys::rotate_and_revoke`]: written down first, and the earlier ones removed.
    ///
    /// # Errors
    ///
    /// As there, and if the store can't be written. If an earlier key can't be removed, it is withdrawn in this process
    /// and would be back after a restart: do it again.
    pub fn rotate_and_revoke(&self, key: SigningKey) -> Result<(), IssuerError> {
        self.put(key, SigningKeys::rotate_and_revoke)
    }

    /// Reads the store again: keys that other processes added are published and sign when it is their time, keys that
    /// they removed are withdrawn. Removes what is over.
    ///
    /// # Errors
    ///
    /// If the store can't be read or what it holds is no ring: the ring is as it was then.
    pub fn reload(&self) -> Result<(), IssuerError> {
        let _changing = self.changing();
        let entries = self.store.load()?;
        self.keys.adopt(in_order(entries.clone()))?;
        self.remove_others(entries)
    }

    fn put(
        &self,
        key: SigningKey,
        put: impl Fn(&SigningKeys, SigningKey) -> Result<(), IssuerError>,
    ) -> Result<(), IssuerError> {
        let _changing = self.changing();
        let before = self.keys.entries();
        self.store.add(&KeyEntry::new(key.clone(), self.keys.clock().now()))?;
        if let Err(error) = put(&self.keys, key.clone()) {
            // It is in the ring already, perhaps under another key's name: then it must not be lost.
            if !before.iter().any(|entry| entry.key().thumbprint() == key.thumbprint()) {
                self.store.remove(&key)?;
            }
            return Err(error);
        }
        self.remove_others(before)
    }

    /// The lock guards no data, so one who panicked while holding it left nothing but what a failure leaves.
    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes from the store those that are not in the ring any more.
    fn remove_others(&self, entries: Vec<KeyEntry>) -> Result<(), IssuerError> {
        let kept = self.keys.entries();
        let gone = |entry: &KeyEntry| {
            !kept.iter().any(|kept| kept.key().thumbprint() == entry.key().thumbprint())
        };
        entries
            .iter()
            .filter(|entry| gone(entry))
            .try_for_each(|entry| self.store.remove(entry.key()))
    }
}

impl<S> fmt::Debug for StoredSigningKeys<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSigningKeys").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// Two processes may have written keys that begin at the same moment. Whoever reads them puts them into the same order, a
/// millisecond apart.
fn in_order(mut entries: Vec<KeyEntry>) -> Vec<KeyEntry> {
    entries.sort_by(|a, b| {
        (a.signs_from(), a.key().thumbprint()).cmp(&(b.signs_from(), b.key().thumbprint()))
    });
    let mut last = None;
    for entry in &mut entries {
        let least = last.map(|last: Timestamp| last.saturating_add(Duration::from_millis(1)));
        let signs_from = least.map_or(entry.signs_from(), |least| least.max(entry.signs_from()));
        *entry = entry.clone().with_signs_from(signs_from);
        last = Some(signs_from);
    }
    entries
}
