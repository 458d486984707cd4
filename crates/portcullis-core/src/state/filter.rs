//! A filter in front of a shard: most questions are about what is not there, and it answers those
//! without a lock.
//!
//! It is a split block Bloom filter: a key sets eight bits of one block of 32 bytes, which is half a line
//! of the processor's cache. A bit that is missing is certain, since every key sets its bits before it can
//! be found; bits that are all there may be those of others, and the table is asked.
//!
//! Bits can't be taken back, so a filter is made anew when it has taken in as many keys as it was made for:
//! in place, and one shard at a time. Meanwhile it tells nothing and the table is asked. Whoever was reading just then
//! sees by the state, which is read again after a miss, that bits may have been wiped under it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many keys there are for a block at most: eight bits of it for each.
const KEYS: usize = 32;

/// Aligned, so that none lies across two lines.
#[repr(align(32))]
struct Block([AtomicU64; 4]);

impl Block {
    fn empty() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// Chunk 0 is one block, and each further chunk is as large as all before it together. So growth adds to
/// what is there, and nothing is copied or given up while others read it. All of them are enough for 16
/// million keys; more would share what there is.
const CHUNKS: usize = 20;

/// In the place of the number of chunks: the bits are being set anew.
const OFF: u64 = 0xff;

pub(super) struct Filter {
    /// In the low byte how many chunks are in use, or [`OFF`]; above it how often it has changed, so that
    /// it is never the same again.
    state: AtomicU64,
    chunks: [OnceLock<Box<[Block]>>; CHUNKS],
}

impl Filter {
    /// With no keys. It has no chunks, either.
    pub(super) const fn new() -> Self {
        Self { state: AtomicU64::new(0), chunks: [const { OnceLock::new() }; CHUNKS] }
    }

    /// False only if this key was not added.
    #[inline]
    pub(super) fn may_hold(&self, key: u128) -> bool {
        let state = self.state.load(Ordering::Acquire);
        let chunks = state & 0xff;
        if chunks == OFF || self.has_bits(key, chunks as u32) {
            return true;
        }
        // The words were read by acquire loads, and whoever wipes them does it by release stores after it
        // has changed the state: if a wiped word was read, the state is seen to be another one.
        self.state.load(Ordering::Relaxed) != state
    }

    fn has_bits(&self, key: u128, chunks: u32) -> bool {
        let Some(block) = self.block(key, chunks) else { return false };
        let words = block.0.iter().zip(bits(key));
        // all four are read: which of them is the first to miss is chance, and a wrong guess at a branch
        // costs more than they do
        words.fold(0, |missing, (word, bits)| missing | (bits & !word.load(Ordering::Acquire))) == 0
    }

    /// The block of a key, where so many chunks are in use; `None` if none is.
    fn block(&self, key: u128, chunks: u32) -> Option<&Block> {
        let mask = (1_usize << chunks >> 1).checked_sub(1)?;
        // the top of the key chooses the shard, and its low half the bits
        let at = (key >> 64) as usize & mask;
        let chunk = (usize::BITS - at.leading_zeros()) as usize;
        // a chunk begins where those before it end
        let first = 1 << chunk >> 1;
        self.chunks.get(chunk)?.get()?.get(at - first)
    }

    /// Adds a key. Only under the lock of the shard, and before the key can be found in its table.
    pub(super) fn add(&self, key: u128) {
        let chunks = self.state.load(Ordering::Relaxed) & 0xff;
        // if it is off, a panic left it so, and the table is asked
        if chunks != OFF {
            self.set_bits(key, chunks as u32);
        }
    }

    fn set_bits(&self, key: u128, chunks: u32) {
        let Some(block) = self.block(key, chunks) else { return };
        for (word, bits) in block.0.iter().zip(bits(key)) {
            // nobody else writes
            word.store(word.load(Ordering::Relaxed) | bits, Ordering::Release);
        }
    }

    /// Makes it anew, for these keys and as many more as there is room for. Only under the lock of the
    /// shard.
    pub(super) fn rebuild(&self, keys: impl Iterator<Item = u128>, room: usize) {
        let changes = self.state.load(Ordering::Relaxed) >> 8;
        self.state.store((changes + 1) << 8 | OFF, Ordering::Relaxed);
        let chunks = match room.div_ceil(KEYS) {
            0 => 0,
            blocks => (blocks.next_power_of_two().ilog2() as usize + 1).min(CHUNKS),
        };
        for (chunk, blocks) in self.chunks[..chunks].iter().enumerate() {
            let mut fresh = false;
            let blocks = blocks.get_or_init(|| {
                fresh = true;
                (0..(1 << chunk >> 1).max(1)).map(|_| Block::empty()).collect()
            });
            if !fresh {
                for word in blocks.iter().flat_map(|block| &block.0) {
                    word.store(0, Ordering::Release);
                }
            }
        }
        keys.for_each(|key| self.set_bits(key, chunks as u32));
        self.state.store((changes + 2) << 8 | chunks as u64, Ordering::Release);
    }
}

/// Two bits for each word of a block, chosen by the low half of the key.
fn bits(key: u128) -> [u64; 4] {
    let at = |n: usize| 1 << (key as u64 >> (6 * n) & 63);
    std::array::from_fn(|word| at(2 * word) | at(2 * word + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key, as good as random (splitmix64, twice).
    fn key(n: u64) -> u128 {
        let half = |n: u64| {
            let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        u128::from(half(2 * n + 1)) << 64 | u128::from(half(2 * n + 2))
    }

    fn passing(filter: &Filter, keys: std::ops::Range<u64>) -> usize {
        keys.filter(|&n| filter.may_hold(key(n))).count()
    }

    #[test]
    fn every_key_passes_and_few_others_do() {
        for room in [1, 3, 28, 32, 33, 448, 3_584, 57_344] {
            let filter = Filter::new();
            filter.rebuild((0..room / 2).map(key), room as usize);
            (room / 2..room).for_each(|n| filter.add(key(n)));
            assert_eq!(passing(&filter, 0..room) as u64, room, "room for {room}");
            let others = passing(&filter, 1_000_000..1_100_000);
            assert!(others < 4_000, "{others} of 100,000, with room for {room}");
        }
    }

    #[test]
    fn what_was_dropped_is_forgotten_whether_it_grows_or_shrinks() {
        let filter = Filter::new();
        assert_eq!(passing(&filter, 0..1_000), 0);
        for (keys, room) in [(0..900, 1_792), (900..1_000, 112), (1_000..9_000, 14_336), (0..0, 0)]
        {
            filter.rebuild(keys.clone().map(key), room);
            assert_eq!(passing(&filter, keys.clone()) as u64, keys.end - keys.start);
            let others = passing(&filter, 20_000..30_000);
            assert!(others < 400, "{others} of 10,000 beside {keys:?}");
        }
        assert_eq!(passing(&filter, 0..9_000), 0);
    }

    #[test]
    fn chunks_are_as_large_as_all_before_them() {
        let filter = Filter::new();
        filter.rebuild(std::iter::empty(), 32 * 1024);
        let blocks: Vec<_> = filter.chunks.iter().map_while(|c| Some(c.get()?.len())).collect();
        assert_eq!(blocks, [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
        assert_eq!(size_of::<Block>(), 32);
    }
}
