//! Filters in front of the shards of a table: most questions are about what is not there, and they answer
//! those without a lock.
//!
//! Each shard has two split block Bloom filters, one behind the other. In both a key has one [block](super::blocks) of bits. A bit that
//! is missing is certain, since every key sets its bits before it can be found; bits that are all there may be
//! those of others. The first is small, so that the processor's caches have most of it, and lets a
//! few in 100 pass of what is not there. The second, of other bits, is asked about those alone, and the table about the few that pass
//! both: each of them costs two waits for memory and a lock, and nothing is done meanwhile.
//!
//! The shards have a state each, and share the memory of their blocks. So all that is read on the way to a
//! block are a few lines that stay in the nearest cache, however many keys there are.
//!
//! Bits can't be taken back, so the filters of a shard are made anew when they have taken in as many keys as they were made for:
//! in place, and one shard at a time. Meanwhile they tell nothing and the table is asked. Whoever was reading just then
//! sees by the state, which is read again after a miss, that bits may have been wiped under it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::hash::Tag;
use super::blocks::{Blocks, Filter, MOST_BLOCKS, Places};
use super::shards::{SHARDS, Shard, by_shard};

/// How many keys there are for a block at most: four bits of it for each. Where the blocks are half full a filter lets 2 in 100 pass
/// of what is not there, and where they are full 1 in 6. With twice the blocks it would be 2 in 1,000 and 2 in 100; but they
/// would take twice as much of the processor's caches, and what does not fit there every question waits for.
const KEYS: usize = 64;

/// The part of a state that chooses a block, by the bits of a tag: how many there are, less one.
const MASK: u64 = (1 << 24) - 1;

/// In the place of the mask: the bits are being set anew.
const OFF: u64 = MASK;

/// What is added to a state when it changes, so that it is never the same again.
const CHANGE: u64 = MASK + 1;

pub(super) struct Filters {
    /// Of each shard: in the low bits the [`MASK`] or [`OFF`], above them how often it has changed.
    states: Box<[AtomicU64; SHARDS]>,
    blocks: Blocks,
}

impl Filters {
    /// With no keys. There are no blocks, either.
    pub(super) fn new() -> Self {
        Self { states: by_shard(|| AtomicU64::new(0)), blocks: Blocks::new() }
    }

    /// False only if no key with this tag was added.
    #[inline]
    pub(super) fn may_hold(&self, shard: Shard, tag: Tag) -> bool {
        let state = self.states[usize::from(shard)].load(Ordering::Acquire);
        let mask = state & MASK;
        if mask == OFF || self.has_bits(shard, tag, mask) {
            return true;
        }
        // The words were read by acquire loads, and whoever wipes them does it by release stores after it
        // has changed the state: if a wiped word was read, the state is seen to be another one.
        self.states[usize::from(shard)].load(Ordering::Relaxed) != state
    }

    #[inline]
    fn has_bits(&self, shard: Shard, tag: Tag, mask: u64) -> bool {
        let number = number_of(tag, mask);
        self.blocks.has(Filter::First, shard, number, places(Filter::First, tag))
            && self.has_second_bits(shard, tag, number)
    }

    // Few come here, and the others should not carry it along.
    #[inline(never)]
    fn has_second_bits(&self, shard: Shard, tag: Tag, number: u64) -> bool {
        self.blocks.has(Filter::Second, shard, number, places(Filter::Second, tag))
    }

    /// Adds a key with this tag. Only under the lock of the shard, and before the key can be found in its table.
    pub(super) fn add(&self, shard: Shard, tag: Tag) {
        let mask = self.states[usize::from(shard)].load(Ordering::Relaxed) & MASK;
        // if it is off, a panic left it so, and the table is asked
        if mask != OFF {
            self.set_bits(shard, tag, mask);
        }
    }

    fn set_bits(&self, shard: Shard, tag: Tag, mask: u64) {
        for filter in [Filter::First, Filter::Second] {
            self.blocks.set(filter, shard, number_of(tag, mask), places(filter, tag));
        }
    }

    /// True if there is memory for so many keys of a shard.
    pub(super) fn has_room(&self, keys: usize) -> bool {
        self.blocks.has_room(mask_of(keys))
    }

    /// Makes the memory for so many keys of each shard. It may be much, and nobody should have to wait for
    /// it, so this is for when no lock is held.
    pub(super) fn make_room(&self, keys: usize) {
        self.blocks.make_room(mask_of(keys));
    }

    /// Makes the filters of a shard anew, for the keys of these tags and as many more as there is room for. Only under
    /// the lock of the shard, and once there is [room](Self::make_room).
    pub(super) fn rebuild(&self, shard: Shard, tags: impl Iterator<Item = Tag>, room: usize) {
        let state = &self.states[usize::from(shard)];
        let changed = (state.load(Ordering::Relaxed) & !MASK).wrapping_add(CHANGE);
        state.store(changed | OFF, Ordering::Relaxed);
        let mask = mask_of(room);
        self.blocks.wipe(shard, mask);
        tags.for_each(|tag| self.set_bits(shard, tag, mask));
        state.store(changed.wrapping_add(CHANGE) | mask, Ordering::Release);
    }
}

/// The mask for so many keys.
fn mask_of(keys: usize) -> u64 {
    let blocks = keys.div_ceil(KEYS).next_power_of_two().min(MOST_BLOCKS);
    blocks as u64 - 1
}

/// The number of a key's block under a mask: the low bits of its tag.
#[inline]
fn number_of(tag: Tag, mask: u64) -> u64 {
    u64::from(tag) & mask
}

/// A bit of each word of a key's block, by all the bits of its tag.
#[inline]
fn places(filter: Filter, tag: Tag) -> Places {
    // the high bits of a product depend on all bits of its factors
    let spread = u64::from(tag).wrapping_mul(match filter {
        // 2⁶⁴ by the golden ratio
        Filter::First => 0x9e37_79b9_7f4a_7c15,
        // 2⁶⁴ times what follows the point in the square root of 2
        Filter::Second => 0x6a09_e667_f3bc_c909,
    });
    std::array::from_fn(|word| spread >> (40 + 6 * word) & 63)
}

#[cfg(test)]
mod tests {
    use super::super::super::hash::spread;
    use super::*;

    fn tag(n: u64) -> Tag {
        spread(n) as Tag
    }

    fn passing(filters: &Filters, shard: Shard, keys: std::ops::Range<u64>) -> usize {
        keys.filter(|&n| filters.may_hold(shard, tag(n))).count()
    }

    fn rebuild(filters: &Filters, shard: Shard, keys: std::ops::Range<u64>, room: u64) {
        filters.make_room(room as usize);
        assert!(filters.has_room(room as usize));
        filters.rebuild(shard, keys.map(tag), room as usize);
    }

    #[test]
    fn every_key_passes_and_few_others_do() {
        for room in [1, 3, 28, 64, 65, 448, 3_584, 57_344] {
            let filters = Filters::new();
            rebuild(&filters, 3, 0..room / 2, room);
            (room / 2..room).for_each(|n| filters.add(3, tag(n)));
            assert_eq!(passing(&filters, 3, 0..room) as u64, room, "room for {room}");
            let others = passing(&filters, 3, 1_000_000..1_100_000);
            // (1 - (63/64)^64)^8 is 0.026
            assert!(others < 4_000, "{others} of 100,000, with room for {room}");
        }
    }

    #[test]
    fn what_was_dropped_is_forgotten_whether_it_grows_or_shrinks() {
        let filters = Filters::new();
        assert_eq!(passing(&filters, 0, 0..1_000), 0);
        for (keys, room) in [(0..900, 1_792), (900..1_000, 112), (1_000..9_000, 14_336), (0..0, 0)]
        {
            rebuild(&filters, 0, keys.clone(), room);
            assert_eq!(passing(&filters, 0, keys.clone()) as u64, keys.end - keys.start);
            let others = passing(&filters, 0, 20_000..30_000);
            assert!(others < 200, "{others} of 10,000 beside {keys:?}");
        }
        assert_eq!(passing(&filters, 0, 0..9_000), 0);
    }

    #[test]
    fn shards_of_any_sizes_have_blocks_of_their_own() {
        let filters = Filters::new();
        let keys = |shard: Shard| {
            let first = u64::from(shard) * 100_000;
            first..first + [0, 1, 40, 900, 5_000][usize::from(shard) % 5]
        };
        // and when all of it is done again, nothing of another shard is wiped
        for _ in 0..2 {
            for shard in 0..=Shard::MAX {
                let keys = keys(shard);
                rebuild(&filters, shard, keys.clone(), keys.end - keys.start);
            }
        }
        let (mut others, mut all) = (0, 0);
        for shard in 0..=Shard::MAX {
            let keys = keys(shard);
            let count = keys.end - keys.start;
            assert_eq!(passing(&filters, shard, keys.clone()) as u64, count);
            others += passing(&filters, shard.wrapping_add(1), keys);
            all += count as usize;
        }
        assert!(others < all / 500, "{others} of {all} pass the filter of another shard");
    }

    #[test]
    fn no_block_is_for_more_keys_than_it_is_meant_for() {
        let blocks = |keys| mask_of(keys) + 1;
        assert_eq!([0, 1, KEYS, KEYS + 1, 2 * KEYS + 1].map(blocks), [1, 1, 1, 2, 4]);
        assert_eq!([1024 * KEYS, 1024 * KEYS + 1].map(blocks), [1024, 2048]);
        // but for the last, and no mask is taken for the filters being off
        assert_eq!(blocks(usize::MAX), MOST_BLOCKS as u64);
        assert!(mask_of(usize::MAX) < OFF);
    }
}
