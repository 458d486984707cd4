//! The tokens that one thread used last.

use std::sync::Arc;

use super::Handle;

/// Four places for each of these many sets: a set is a line of the processor's cache.
const SETS: usize = 1024;
const WAYS: usize = 4;

/// What a lane may keep alive beyond the shared part, in bytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;

pub(super) struct Lane<C> {
    /// Empty until the first token comes.
    sets: Vec<[Place<C>; WAYS]>,
    bytes: usize,
    /// The set that gives next what it has, where the bytes do not suffice.
    hand: usize,
}

/// The hash stands beside the handle, so that the wrong ones need not be looked at.
struct Place<C> {
    hash: u64,
    handle: Option<Arc<Handle<C>>>,
}

impl<C> Place<C> {
    fn holds(&self, hash: u64, text: &[u8]) -> bool {
        self.hash == hash && self.handle.as_ref().is_some_and(|handle| handle.entry.is(hash, text))
    }

    /// Empties it, and says how many bytes were in it.
    fn clear(&mut self) -> usize {
        self.handle.take().map_or(0, |handle| handle.entry.size())
    }
}

impl<C> Default for Place<C> {
    fn default() -> Self {
        Self { hash: 0, handle: None }
    }
}

impl<C> Lane<C> {
    pub(super) const fn new() -> Self {
        Self { sets: Vec::new(), bytes: 0, hand: 0 }
    }

    pub(super) fn get(&mut self, hash: u64, text: &[u8]) -> Option<Arc<Handle<C>>> {
        let ways = self.sets.get_mut(set(hash))?;
        let at = ways.iter().position(|place| place.holds(hash, text))?;
        // the one used last stands first, and the last goes when another comes
        if at > 0 {
            ways[..=at].rotate_right(1);
        }
        ways[0].handle.clone()
    }

    pub(super) fn insert(&mut self, handle: Arc<Handle<C>>) -> Arc<Handle<C>> {
        let size = handle.entry.size();
        while self.bytes > 0 && self.bytes + size > MAX_BYTES {
            let ways = &mut self.sets[self.hand];
            self.bytes -= ways.iter_mut().map(Place::clear).sum::<usize>();
            self.hand = (self.hand + 1) % SETS;
        }
        if self.sets.is_empty() {
            self.sets.resize_with(SETS, Default::default);
        }
        let hash = handle.entry.hash;
        let ways = &mut self.sets[set(hash)];
        ways.rotate_right(1);
        let gone = ways[0].clear();
        ways[0] = Place { hash, handle: Some(Arc::clone(&handle)) };
        self.bytes = self.bytes + size - gone;
        handle
    }

    pub(super) fn remove(&mut self, hash: u64, text: &[u8]) {
        let Some(ways) = self.sets.get_mut(set(hash)) else { return };
        for place in ways.iter_mut().filter(|place| place.holds(hash, text)) {
            self.bytes -= place.clear();
        }
    }
}

fn set(hash: u64) -> usize {
    // the low bits choose the set of the shared part
    (hash >> 32) as usize % SETS
}
