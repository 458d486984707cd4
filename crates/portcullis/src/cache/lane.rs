//! The tokens that one thread used last.

use std::sync::Arc;

use super::Handle;

/// Two places for each of these many sets.
const SETS: usize = 1024;

/// What a lane may keep alive beyond the shared part, in bytes.
const MAX_BYTES: usize = 2 * 1024 * 1024;

pub(super) struct Lane<C> {
    /// Empty until the first token comes.
    sets: Vec<[Option<Arc<Handle<C>>>; 2]>,
    bytes: usize,
}

impl<C> Lane<C> {
    pub(super) const fn new() -> Self {
        Self { sets: Vec::new(), bytes: 0 }
    }

    pub(super) fn get(&mut self, hash: u64, text: &[u8]) -> Option<Arc<Handle<C>>> {
        let [first, second] = self.sets.get_mut(set(hash))?;
        if let Some(handle) = first.as_ref().filter(|handle| handle.entry.is(hash, text)) {
            return Some(Arc::clone(handle));
        }
        let found = second.as_ref().filter(|handle| handle.entry.is(hash, text)).map(Arc::clone)?;
        // the one used last stands first, and the other goes when a third comes
        std::mem::swap(first, second);
        Some(found)
    }

    pub(super) fn insert(&mut self, handle: Arc<Handle<C>>) -> Arc<Handle<C>> {
        let size = handle.entry.size();
        if self.bytes + size > MAX_BYTES {
            self.sets.clear();
            self.bytes = 0;
        }
        if self.sets.is_empty() {
            self.sets.resize_with(SETS, Default::default);
        }
        let [first, second] = &mut self.sets[set(handle.entry.hash)];
        let gone = second.take().map_or(0, |handle| handle.entry.size());
        *second = first.replace(Arc::clone(&handle));
        self.bytes = self.bytes + size - gone;
        handle
    }

    pub(super) fn remove(&mut self, hash: u64, text: &[u8]) {
        let Some(ways) = self.sets.get_mut(set(hash)) else { return };
        for way in ways {
            if let Some(handle) = way.take_if(|handle| handle.entry.is(hash, text)) {
                self.bytes -= handle.entry.size();
            }
        }
    }
}

fn set(hash: u64) -> usize {
    // the low bits choose the set of the shared part
    (hash >> 32) as usize % SETS
}
