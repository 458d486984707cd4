//! An exact set of records, cut into shards so that no growth of it stalls everybody.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashTable;

use super::expiry::Expiry;
use super::filter::Filter;
use super::records::Record;
use crate::Timestamp;

/// Shards of a large table. A millionth record makes one shard of 4,000 grow, not the whole.
const SHARDS: usize = 256;

/// How many records several tables may hold together, and how many they do.
pub(super) struct Room {
    limit: usize,
    used: AtomicUsize,
    /// No record in the room expires before this, so that a full room is not searched in vain at
    /// every write that it refuses.
    earliest: AtomicU32,
}

impl Room {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0), earliest: AtomicU32::new(Expiry::NEVER.bits()) }
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// True if a purge at this time might make room.
    pub(super) fn may_purge(&self, now: Timestamp) -> bool {
        Expiry::from_bits(self.earliest.load(Ordering::Relaxed)).is_over(now)
    }

    /// To be called before a purge of all tables of the room, each of which notes what remains.
    pub(super) fn start_purge(&self) {
        self.earliest.store(Expiry::NEVER.bits(), Ordering::Relaxed);
    }

    fn note(&self, expiry: Expiry) {
        self.earliest.fetch_min(expiry.bits(), Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        let free = |used| (used < self.limit).then_some(used + 1);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free).is_ok()
    }

    fn give_back(&self, records: usize) {
        self.used.fetch_sub(records, Ordering::Relaxed);
    }
}

/// What became of a record that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    New,
    Merged,
    Full,
}

pub(super) struct Table<R> {
    /// Made when the first record comes: most tables of a state hold none.
    shards: OnceLock<Box<[Shard<R>]>>,
}

/// Alone on its cache lines, so that a lock taken on one shard is not felt on its neighbours.
#[repr(align(64))]
struct Shard<R> {
    filter: Filter,
    records: RwLock<Records<R>>,
}

struct Records<R> {
    table: HashTable<R>,
    /// How many more keys the filter is made for. It still has the bits of those that were dropped since.
    filter_room: usize,
}

impl<R> Shard<R> {
    // A panic while a lock was held leaves a table whose records are whole: they are `Copy`, and
    // nothing of ours that could panic runs inside hashbrown.
    fn read(&self) -> RwLockReadGuard<'_, Records<R>> {
        self.records.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Records<R>> {
        self.records.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Record> Shard<R> {
    fn new() -> Self {
        let records = Records { table: HashTable::new(), filter_room: 0 };
        Self { filter: Filter::new(), records: RwLock::new(records) }
    }

    /// Makes the filter fit the table.
    fn rebuild_filter(&self, records: &mut Records<R>) {
        let room = records.table.capacity();
        self.filter.rebuild(records.table.iter().map(Record::key), room);
        records.filter_room = room - records.table.len();
    }
}

impl<R: Record> Table<R> {
    pub(super) const fn new() -> Self {
        Self { shards: OnceLock::new() }
    }

    pub(super) fn contains(&self, key: u128) -> bool {
        self.get(key).is_some()
    }

    #[inline]
    pub(super) fn get(&self, key: u128) -> Option<R> {
        let shard = shard_of(self.shards.get()?, key);
        if !shard.filter.may_hold(key) {
            return None;
        }
        shard.read().table.find(hash(key), |record| record.key() == key).copied()
    }

    pub(super) fn put(&self, record: R, room: &Room, now: Timestamp) -> Put {
        let key = record.key();
        let new = || (0..SHARDS).map(|_| Shard::new()).collect();
        let shard = shard_of(self.shards.get_or_init(new), key);
        let mut records = shard.write();
        let table = &mut records.table;
        if let Some(known) = table.find_mut(hash(key), |known| known.key() == key) {
            known.merge(record);
            return Put::Merged;
        }
        if !room.take() {
            return Put::Full;
        }
        if table.len() == table.capacity() {
            // what has expired goes first, so that a table at rest does not grow
            retain(table, room, |record| !record.expiry().is_over(now));
            // unless that would have to be done again soon
            let few = table.capacity() / 4 + 1;
            table.reserve(few, |record| hash(record.key()));
        }
        room.note(record.expiry());
        if records.filter_room == 0 {
            shard.rebuild_filter(&mut records);
        }
        shard.filter.add(key);
        records.filter_room -= 1;
        records.table.insert_unique(hash(key), record, |record| hash(record.key()));
        Put::New
    }

    /// How many shards there are.
    pub(super) fn shards(&self) -> usize {
        self.shards.get().map_or(0, |shards| shards.len())
    }

    /// The records of this shard, as they are now. There are none beyond the last.
    pub(super) fn records_of(&self, shard: usize) -> Vec<R> {
        let shard = self.shards.get().and_then(|shards| shards.get(shard));
        shard.map_or_else(Vec::new, |shard| shard.read().table.iter().copied().collect())
    }

    /// Drops what has expired, shard by shard.
    pub(super) fn purge(&self, room: &Room, now: Timestamp) {
        for shard in self.shards.get().into_iter().flatten() {
            let mut records = shard.write();
            let table = &mut records.table;
            retain(table, room, |record| {
                let keep = !record.expiry().is_over(now);
                if keep {
                    room.note(record.expiry());
                }
                keep
            });
            if table.len() < table.capacity() / 4 {
                table.shrink_to_fit(|record| hash(record.key()));
            }
        }
    }
}

/// The keys are hashes already: eight bits of one half choose the shard, the other half the place in it.
fn shard_of<R>(shards: &[Shard<R>], key: u128) -> &Shard<R> {
    &shards[(key >> 120) as usize % shards.len()]
}

fn retain<R: Record>(table: &mut HashTable<R>, room: &Room, keep: impl Fn(&R) -> bool) {
    let before = table.len();
    table.retain(|record| keep(record));
    room.give_back(before - table.len());
}

fn hash(key: u128) -> u64 {
    key as u64
}

#[cfg(test)]
mod tests {
    use super::super::records::Denied;
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn record(key: u128, expiry: u32) -> Denied {
        // spread over the shards as hashes would be
        Denied { key: key.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835), expiry }
    }

    #[test]
    fn a_room_is_never_overfilled_and_purging_makes_room() {
        let (table, room) = (Table::new(), Room::new(100));
        for key in 0..100 {
            let expiry = if key < 40 { 900 } else { 2_000 };
            assert_eq!(table.put(record(key, expiry), &room, Timestamp::UNIX_EPOCH), Put::New);
        }
        assert_eq!(table.put(record(100, 2_000), &room, Timestamp::UNIX_EPOCH), Put::Full);
        assert_eq!(table.put(record(99, 2_000), &room, Timestamp::UNIX_EPOCH), Put::Merged);
        assert!(!room.may_purge(Timestamp::from_secs(899)) && room.may_purge(NOW));
        room.start_purge();
        table.purge(&room, NOW);
        assert_eq!(room.used(), 60);
        assert!(!room.may_purge(Timestamp::from_secs(1_999)));
        assert!(!table.contains(record(0, 0).key) && table.contains(record(40, 0).key));
    }

    #[test]
    fn a_merge_keeps_the_later_expiry() {
        let (table, room) = (Table::new(), Room::new(10));
        for expiry in [5_000, 2_000] {
            table.put(record(1, expiry), &room, NOW);
        }
        let found = table.get(record(1, 0).key).map(|record| record.expiry().bits());
        assert_eq!(found, Some(5_000));
    }

    fn capacity(table: &Table<Denied>) -> usize {
        let shards = table.shards.get().into_iter().flatten();
        shards.map(|shard| shard.read().table.capacity()).sum()
    }

    #[test]
    fn a_purge_gives_memory_back_where_little_is_left_and_only_there() {
        for (left, shrinks) in [(0, true), (2, true), (45, false), (100, false)] {
            let (table, room) = (Table::new(), Room::new(usize::MAX));
            // as many as the shards have room for, so that a part of them is that part of a shard
            for key in 0..50_000 {
                let expiry = if key % 100 < left { 2_000 } else { 900 };
                table.put(record(key, expiry), &room, Timestamp::UNIX_EPOCH);
            }
            let before = capacity(&table);
            table.purge(&room, NOW);
            assert_eq!(capacity(&table) < before / 4, shrinks, "{left} % of {before}");
            assert_eq!(capacity(&table) < before, shrinks, "{left} % of {before}");
            let kept = (0..50_000).filter(|&key| table.contains(record(key, 0).key)).count();
            assert_eq!(kept, 500 * left as usize);
        }
    }

    #[test]
    fn a_table_at_rest_does_not_grow() {
        let (table, room) = (Table::new(), Room::new(usize::MAX));
        for second in 0..2_000u32 {
            let now = Timestamp::from_secs(i64::from(second));
            for n in 0..100 {
                // each lives for ten seconds, so about a thousand are needed at any time
                table.put(record(u128::from(second) * 100 + n, second + 10), &room, now);
            }
        }
        assert!(room.used() < 10_000, "{}", room.used());
        assert!(capacity(&table) < 20_000, "{}", capacity(&table));
    }
}
