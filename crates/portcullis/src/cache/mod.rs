//! Tokens that were verified before: found again by their bytes, so that a repeat costs no parsing and
//! no signature.
//!
//! A hit saves work and never judgement: the caller applies the time rules, looks whether the key is
//! still trusted, and asks revocation, hit or not. Only tokens that were verified are stored, so what a
//! stranger sends can't fill it. A token comes in when it is seen a second time; tokens that are used
//! once drive nothing out.
//!
//! ```text
//! lane of the thread ─► shared, in sets of eight ─► miss: verify ─► seen before? ─► shared
//! ```
//!
//! The lane exists because of one hot token on many threads: cloning one shared `Arc` would have all
//! cores fight for its count. Each thread clones an `Arc` of its own.

mod lane;
mod shared;

use std::cell::RefCell;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use thread_local::ThreadLocal;

use self::lane::Lane;
use self::shared::Shared;
use crate::verified::Token;

/// How many verified tokens a verifier remembers.
///
/// # Example
///
/// ```
/// use portcullis::Cache;
///
/// let small = Cache::default().entries(500).bytes(1024 * 1024);
/// let off = Cache::off();
/// # let _ = (small, off);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Cache {
    entries: usize,
    bytes: usize,
}

impl Default for Cache {
    /// 8,192 tokens of 16 MiB together.
    fn default() -> Self {
        Self { entries: 8192, bytes: 16 * 1024 * 1024 }
    }
}

impl Cache {
    /// No cache: every token is parsed and its signature checked, however often it comes.
    pub const fn off() -> Self {
        Self { entries: 0, bytes: 0 }
    }

    /// The most tokens to remember. It is rounded up to sets of eight in a power of two.
    pub const fn entries(mut self, entries: usize) -> Self {
        self.entries = entries;
        self
    }

    /// The most memory for the text of tokens and their claims, estimated from the text. Each thread
    /// that verifies keeps the tokens that it used last, of at most 4 MiB, beyond that.
    pub const fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }
}

/// A verified token and its text.
pub(crate) struct Entry<C> {
    text: Box<[u8]>,
    hash: u64,
    /// The entry is good while its issuer has the key that signed this.
    pub(crate) token: Arc<Token<C>>,
}

impl<C> Entry<C> {
    fn is(&self, hash: u64, text: &[u8]) -> bool {
        // the whole text, always: the hash only says where to look
        self.hash == hash && *self.text == *text
    }

    /// Claims take about as much as the text that they were read from.
    fn size(&self) -> usize {
        2 * self.text.len() + std::mem::size_of::<Self>() + std::mem::size_of::<Token<C>>()
    }
}

/// An entry as one thread holds it, and what was found about it lately. Clones of the `Arc` around it
/// are made by that thread only.
pub(crate) struct Handle<C> {
    pub(crate) entry: Arc<Entry<C>>,
    /// The generation of the issuer's keys that was found to have the key.
    pub(crate) keys_generation: AtomicU64,
    /// Which layer's rules let the token pass, and at which version of their state.
    passed: [AtomicU64; 2],
}

impl<C> Handle<C> {
    fn new(entry: Arc<Entry<C>>) -> Self {
        Self {
            entry,
            // no generation is 0, so the keys are looked at once
            keys_generation: AtomicU64::new(0),
            passed: [AtomicU64::new(0), AtomicU64::new(0)],
        }
    }

    /// True if this layer's rules let the token pass at this very version of their state.
    pub(crate) fn has_passed(&self, layer: u64, version: u64) -> bool {
        self.passed[0].load(Ordering::Relaxed) == layer
            && self.passed[1].load(Ordering::Relaxed) == version
    }

    /// Notes that it passed. Only the thread of the lane calls this, so that the two belong together.
    pub(crate) fn note_passed(&self, layer: u64, version: u64) {
        self.passed[0].store(layer, Ordering::Relaxed);
        self.passed[1].store(version, Ordering::Relaxed);
    }
}

/// The cache of one verifier, without the bounds that its threads ask of `C`: those belong to the
/// methods of a verifier and not to its type.
pub(crate) trait Remember<C>: Send + Sync {
    /// Where this token would be.
    fn place(&self, text: &[u8]) -> Place;

    /// The token, if it is remembered. Whether its key is still trusted is for the caller to see.
    fn get(&self, place: Place, text: &[u8]) -> Option<Arc<Handle<C>>>;

    /// Remembers a token that was just verified, if it was seen before.
    fn offer(&self, place: Place, text: &[u8], token: &Arc<Token<C>>);

    /// Forgets a token.
    fn remove(&self, place: Place, text: &[u8]);
}

/// The cache of one verifier. It dies with it.
struct TokenCache<C: Send + Sync> {
    hasher: RandomState,
    lanes: ThreadLocal<RefCell<Lane<C>>>,
    shared: Shared<C>,
}

/// The place of a token in the cache, worked out once.
#[derive(Clone, Copy)]
pub(crate) struct Place(u64);

/// A cache with these settings; `None` if it is off.
pub(crate) fn new<C: Send + Sync + 'static>(settings: Cache) -> Option<Box<dyn Remember<C>>> {
    if settings.entries == 0 || settings.bytes == 0 {
        return None;
    }
    Some(Box::new(TokenCache {
        hasher: RandomState::default(),
        lanes: ThreadLocal::new(),
        shared: Shared::new(settings.entries, settings.bytes),
    }))
}

impl<C: Send + Sync> Remember<C> for TokenCache<C> {
    // The end of the text is the signature, which is as good as random and was verified for whatever is
    // stored; nobody can make many that fall together.
    fn place(&self, text: &[u8]) -> Place {
        // a text that is shorter is no token, and never stored
        let end = text.last_chunk().map_or(0, |end| u128::from_ne_bytes(*end));
        Place(self.hasher.hash_one(end))
    }

    fn get(&self, place: Place, text: &[u8]) -> Option<Arc<Handle<C>>> {
        let lane = self.lanes.get_or(|| RefCell::new(Lane::new()));
        let mut lane = lane.borrow_mut();
        if let Some(handle) = lane.get(place.0, text) {
            return Some(handle);
        }
        let entry = self.shared.get(place.0, text)?;
        Some(lane.insert(Arc::new(Handle::new(entry))))
    }

    fn offer(&self, place: Place, text: &[u8], token: &Arc<Token<C>>) {
        if self.shared.seen_before(place.0) {
            self.shared.insert(Arc::new(Entry {
                text: text.into(),
                hash: place.0,
                token: Arc::clone(token),
            }));
        }
    }

    fn remove(&self, place: Place, text: &[u8]) {
        if let Some(lane) = self.lanes.get() {
            lane.borrow_mut().remove(place.0, text);
        }
        self.shared.remove(place.0, text);
    }
}

#[cfg(test)]
mod tests;
