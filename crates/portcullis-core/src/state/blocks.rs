//! The memory of two filters: blocks of bits for each of the shards.
//!
//! In each of them a key has one block, and sets a bit in each of its four words. A block is half a line of the
//! processor's cache.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::shards::{SHARDS, Shard};

/// Aligned, so that none lies across two lines.
#[repr(align(32))]
struct Block([AtomicU64; 4]);

/// Which of the two.
#[derive(Clone, Copy, Debug)]
pub(super) enum Filter {
    First,
    Second,
}

/// Which bit of each word of a block.
pub(super) type Places = [u64; 4];

/// Chunk 0 has one block for each shard, and each further chunk is as large as all before it together. So
/// growth adds to what is there, and nothing is copied or given up while others read it. All of them are
/// enough for 33 million keys of a shard; more would share what there is.
const CHUNKS: usize = 20;

/// How many blocks a shard can have.
pub(super) const MOST_BLOCKS: usize = 1 << (CHUNKS - 1);

/// The blocks of all shards, each with a number within its shard, which is the same in both filters.
pub(super) struct Blocks {
    /// Of both filters at once, so that what has room in the one has it in the other.
    chunks: [OnceLock<[Chunk; 2]>; CHUNKS],
}

/// Blocks by their number within the shard, and those of one number by the shard.
type Chunk = Box<[Block]>;

impl Blocks {
    /// There are none.
    pub(super) const fn new() -> Self {
        Self { chunks: [const { OnceLock::new() }; CHUNKS] }
    }

    /// The block of this number, if there is such a chunk.
    #[inline]
    fn block(&self, filter: Filter, shard: Shard, number: u64) -> Option<&Block> {
        let blocks = &self.chunks.get(chunk_of(number))?.get()?[filter as usize];
        // a chunk begins where those before it end, which is as many blocks as it has, or none
        blocks.get((number as usize * SHARDS + usize::from(shard)) & (blocks.len() - 1))
    }

    /// True if all these bits of a block are set.
    #[inline]
    pub(super) fn has(&self, filter: Filter, shard: Shard, number: u64, places: Places) -> bool {
        let Some(block) = self.block(filter, shard, number) else { return false };
        let words = block.0.iter().zip(places);
        // all four are read: which of them is the first to miss is chance, and a wrong guess at a branch
        // costs more than they do
        words.fold(1, |all, (word, place)| all & (word.load(Ordering::Acquire) >> place)) != 0
    }

    /// Sets these bits of a block. Only for the one who may write to the shard.
    pub(super) fn set(&self, filter: Filter, shard: Shard, number: u64, places: Places) {
        let Some(block) = self.block(filter, shard, number) else { return };
        for (word, place) in block.0.iter().zip(places) {
            // nobody else writes
            word.store(word.load(Ordering::Relaxed) | 1 << place, Ordering::Release);
        }
    }

    /// Takes back all bits of the blocks up to this number, in both filters. Only for the one who may write to the shard.
    pub(super) fn wipe(&self, shard: Shard, last: u64) {
        for filter in [Filter::First, Filter::Second] {
            for block in (0..=last).filter_map(|number| self.block(filter, shard, number)) {
                for word in &block.0 {
                    word.store(0, Ordering::Release);
                }
            }
        }
    }

    /// True if there is memory for the blocks up to this number.
    pub(super) fn has_room(&self, last: u64) -> bool {
        self.chunks[chunk_of(last)].get().is_some()
    }

    /// Makes the memory for the blocks of each shard up to this number.
    pub(super) fn make_room(&self, last: u64) {
        for (chunk, blocks) in self.chunks[..=chunk_of(last)].iter().enumerate() {
            let len = SHARDS * (1 << chunk >> 1).max(1);
            let make = || (0..len).map(|_| Block(Default::default())).collect();
            blocks.get_or_init(|| [make(), make()]);
        }
    }
}

/// The chunk of a block of this number.
fn chunk_of(number: u64) -> usize {
    (2 * number + 1).ilog2() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    use Filter::{First, Second};

    #[test]
    fn chunks_are_as_large_as_all_before_them() {
        let blocks = Blocks::new();
        assert!(!blocks.has_room(0));
        blocks.make_room(1023);
        assert!(blocks.has_room(1023) && !blocks.has_room(1024));
        for filter in [First, Second] {
            let sizes =
                blocks.chunks.iter().map_while(|chunk| Some(&chunk.get()?[filter as usize]));
            let sizes: Vec<_> = sizes.map(|blocks| blocks.len() / SHARDS).collect();
            assert_eq!(sizes, [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512], "{filter:?}");
        }
        assert_eq!(size_of::<Block>(), 32);
        assert_eq!(chunk_of(MOST_BLOCKS as u64 - 1), CHUNKS - 1);
    }

    #[test]
    fn blocks_are_apart() {
        let blocks = Blocks::new();
        blocks.make_room(1023);
        let mut places = std::collections::HashSet::new();
        for (filter, shard) in [(First, 7), (First, 8), (Second, 7), (Second, 8)] {
            let at = |number| blocks.block(filter, shard, number).unwrap() as *const Block as usize;
            places.extend((0..1024).map(at));
            assert!(blocks.block(filter, shard, 1024).is_none());
        }
        assert_eq!(places.len(), 4 * 1024);
    }

    #[test]
    fn all_four_bits_are_asked_for() {
        const BITS: Places = [0, 63, 5, 6];
        let blocks = Blocks::new();
        blocks.make_room(0);
        blocks.set(First, 1, 0, BITS);
        assert!(blocks.has(First, 1, 0, BITS));
        assert!(!blocks.has(First, 0, 0, BITS), "of another shard");
        assert!(!blocks.has(Second, 1, 0, BITS), "of the other filter");
        for other in [[1, 63, 5, 6], [0, 62, 5, 6], [0, 63, 4, 6], [0, 63, 5, 7]] {
            assert!(!blocks.has(First, 1, 0, other), "{other:?}");
        }
    }

    #[test]
    fn the_blocks_of_one_shard_are_wiped_in_both_filters() {
        const BITS: Places = [1, 2, 3, 4];
        let blocks = Blocks::new();
        blocks.make_room(3);
        let all = || [First, Second].into_iter().flat_map(|filter| [(filter, 1), (filter, 2)]);
        for (filter, shard) in all() {
            (0..4).for_each(|number| blocks.set(filter, shard, number, BITS));
        }
        blocks.wipe(1, 2);
        for (filter, shard) in all() {
            let left: Vec<_> = (0..4).filter(|&n| blocks.has(filter, shard, n, BITS)).collect();
            assert_eq!(left, if shard == 1 { vec![3] } else { vec![0, 1, 2, 3] }, "{filter:?}");
        }
    }
}
