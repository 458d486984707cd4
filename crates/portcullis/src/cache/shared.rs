//! The part of the cache that all threads share: sets of eight, each behind its own lock.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Entry;

const WAYS: usize = 8;

/// How many tokens are remembered as seen once, in buckets of four: where two share a single place and
/// come in turns, neither would ever be seen twice.
const SEEN: usize = 32 * 1024;
const BUCKET: usize = 4;

pub(super) struct Shared<C> {
    sets: Box<[Mutex<Set<C>>]>,
    /// A few bits of the hash of tokens that were verified once.
    seen: Box<[AtomicU32]>,
    bytes: AtomicUsize,
    max_bytes: usize,
}

/// Eight entries, the hand of a clock that goes round them, and whether each was used since the hand
/// last passed it.
struct Set<C> {
    ways: [Option<Arc<Entry<C>>>; WAYS],
    used: u8,
    hand: u8,
}

impl<C> Default for Set<C> {
    fn default() -> Self {
        Self { ways: Default::default(), used: 0, hand: 0 }
    }
}

impl<C> Shared<C> {
    pub(super) fn new(entries: usize, max_bytes: usize) -> Self {
        let sets = entries.div_ceil(WAYS).next_power_of_two();
        Self {
            sets: (0..sets).map(|_| Mutex::default()).collect(),
            seen: (0..SEEN).map(|_| AtomicU32::new(0)).collect(),
            bytes: AtomicUsize::new(0),
            max_bytes,
        }
    }

    /// A panic while the lock was held leaves entries missing at worst.
    fn set(&self, hash: u64) -> MutexGuard<'_, Set<C>> {
        let set = &self.sets[hash as usize % self.sets.len()];
        set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, hash: u64, text: &[u8]) -> Option<Arc<Entry<C>>> {
        let mut set = self.set(hash);
        let way = set.find(hash, text)?;
        set.used |= 1 << way;
        set.ways[way].clone()
    }

    /// Notes that this token was verified; true if it was noted already.
    pub(super) fn seen_before(&self, hash: u64) -> bool {
        let note = (hash >> 32) as u32 | 1;
        let first = hash as usize % (SEEN / BUCKET) * BUCKET;
        let bucket = &self.seen[first..first + BUCKET];
        if bucket.iter().any(|seen| seen.load(Ordering::Relaxed) == note) {
            return true;
        }
        // the oldest goes; where threads meet, one note is lost or there twice
        bucket.iter().fold(note, |newer, seen| seen.swap(newer, Ordering::Relaxed));
        false
    }

    pub(super) fn insert(&self, entry: Arc<Entry<C>>) {
        let size = entry.size();
        let mut set = self.set(entry.hash);
        if set.find(entry.hash, &entry.text).is_some() {
            return;
        }
        let way = set.ways.iter().position(Option::is_none).unwrap_or_else(|| set.victim());
        if let Some(gone) = set.ways[way].take() {
            self.bytes.fetch_sub(gone.size(), Ordering::Relaxed);
        }
        // where others fill the memory, this set gives what it has
        while !self.reserve(size) {
            let Some(way) = set.ways.iter().position(Option::is_some) else { return };
            if let Some(gone) = set.ways[way].take() {
                self.bytes.fetch_sub(gone.size(), Ordering::Relaxed);
            }
        }
        set.used |= 1 << way;
        set.ways[way] = Some(entry);
    }

    fn reserve(&self, size: usize) -> bool {
        let fits = |used: usize| used.checked_add(size).filter(|sum| *sum <= self.max_bytes);
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    pub(super) fn remove(&self, hash: u64, text: &[u8]) {
        let mut set = self.set(hash);
        if let Some(gone) = set.find(hash, text).and_then(|way| set.ways[way].take()) {
            self.bytes.fetch_sub(gone.size(), Ordering::Relaxed);
        }
    }
}

impl<C> Set<C> {
    fn find(&self, hash: u64, text: &[u8]) -> Option<usize> {
        self.ways.iter().position(|way| way.as_ref().is_some_and(|entry| entry.is(hash, text)))
    }

    /// The first entry, from the hand on, that was not used since the hand last passed it.
    fn victim(&mut self) -> usize {
        loop {
            let way = usize::from(self.hand);
            self.hand = (self.hand + 1) % WAYS as u8;
            if self.used & (1 << way) == 0 {
                return way;
            }
            self.used &= !(1 << way);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hash of a number, as good as random (splitmix64).
    fn hash(n: u64) -> u64 {
        let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    #[test]
    fn tokens_that_come_in_turns_are_seen_again() {
        let shared = Shared::<()>::new(8, 1);
        assert!((1..=1000).all(|n| !shared.seen_before(hash(n))));
        let again = (1..=1000).filter(|n| shared.seen_before(hash(*n))).count();
        assert!(again >= 995, "{again}");
    }
}
