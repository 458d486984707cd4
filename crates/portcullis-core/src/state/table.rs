//! An exact set of records, cut into shards so that no growth of it stalls everybody.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashTable;

use super::super::hash::{Tag, tag_of};
use super::expiry::Expiry;
use super::filter::Filters;
use super::records::Record;
use super::shards::{SHARDS, by_shard, shard_of};
use crate::Timestamp;

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
    inner: OnceLock<Inner<R>>,
}

struct Inner<R> {
    filters: Filters,
    shards: Box<[Shard<R>; SHARDS]>,
}

/// Alone on its line of the cache, so that a lock taken on one shard is not felt on its neighbours.
#[repr(align(64))]
struct Shard<R>(RwLock<Records<R>>);

struct Records<R> {
    table: HashTable<R>,
    /// How many more keys the filters are made for. They still have the bits of those that were dropped since.
    filter_room: usize,
}

impl<R> Shard<R> {
    fn new() -> Self {
        Self(RwLock::new(Records { table: HashTable::new(), filter_room: 0 }))
    }

    // A panic while a lock was held leaves a table whose records are whole: they are `Copy`, and
    // nothing of ours that could panic runs inside hashbrown.
    fn read(&self) -> RwLockReadGuard<'_, Records<R>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Records<R>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Record> Shard<R> {
    fn find(&self, key: u128) -> Option<R> {
        self.read().table.find(hash(key), |record| record.key() == key).copied()
    }
}

impl<R: Record> Table<R> {
    pub(super) const fn new() -> Self {
        Self { inner: OnceLock::new() }
    }

    pub(super) fn get(&self, key: u128) -> Option<R> {
        self.may_hold(tag_of(key)).then(|| self.find(key))?
    }

    /// [`get`](Self::get), where the filters were asked already.
    pub(super) fn find(&self, key: u128) -> Option<R> {
        self.inner.get()?.shards[usize::from(shard_of(tag_of(key)))].find(key)
    }

    /// False only if there is no record whose key has this tag. Few that are not there pass.
    #[inline]
    pub(super) fn may_hold(&self, tag: Tag) -> bool {
        self.inner.get().is_some_and(|inner| inner.filters.may_hold(shard_of(tag), tag))
    }

    pub(super) fn put(&self, record: R, room: &Room, now: Timestamp) -> Put {
        let new = || Inner { filters: Filters::new(), shards: by_shard(Shard::new) };
        let Inner { filters, shards } = self.inner.get_or_init(new);
        let key = record.key();
        let tag = tag_of(key);
        let at = shard_of(tag);
        let mut records = shards[usize::from(at)].write();
        let Records { table, filter_room } = &mut *records;
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
        if *filter_room == 0 {
            let keys = table.capacity();
            if !filters.has_room(keys) {
                // as much memory as all shards will need is made while none is locked, and then it begins anew
                room.give_back(1);
                drop(records);
                filters.make_room(keys);
                return self.put(record, room, now);
            }
            filters.rebuild(at, table.iter().map(|record| tag_of(record.key())), keys);
            *filter_room = keys - table.len();
        }
        room.note(record.expiry());
        filters.add(at, tag);
        *filter_room -= 1;
        table.insert_unique(hash(key), record, |record| hash(record.key()));
        Put::New
    }

    /// How many shards there are.
    pub(super) fn shards(&self) -> usize {
        self.all().len()
    }

    fn all(&self) -> &[Shard<R>] {
        self.inner.get().map_or(&[], |inner| &*inner.shards)
    }

    /// The records of this shard, as they are now. There are none beyond the last.
    pub(super) fn records_of(&self, shard: usize) -> Vec<R> {
        let shard = self.all().get(shard);
        shard.map_or_else(Vec::new, |shard| shard.read().table.iter().copied().collect())
    }

    /// Drops what has expired, shard by shard.
    pub(super) fn purge(&self, room: &Room, now: Timestamp) {
        for shard in self.all() {
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

fn retain<R: Record>(table: &mut HashTable<R>, room: &Room, keep: impl Fn(&R) -> bool) {
    let before = table.len();
    table.retain(|record| keep(record));
    room.give_back(before - table.len());
}

/// The keys are hashes already: the half that is no part of the tag.
fn hash(key: u128) -> u64 {
    (key >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::super::super::hash::spread;
    use super::super::records::Denied;
    use super::super::shards::Shard;
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn record(n: u32, expiry: u32) -> Denied {
        // in one shard after the other
        let tag = n.rotate_right(Shard::BITS);
        Denied { key: u128::from(spread(n.into())) << 64 | u128::from(tag), expiry }
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
        assert!(table.get(record(0, 0).key).is_none() && table.get(record(40, 0).key).is_some());
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
        table.all().iter().map(|shard| shard.read().table.capacity()).sum()
    }

    fn memory(table: &Table<Denied>) -> usize {
        table.all().iter().map(|shard| shard.read().table.allocation_size()).sum()
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
            let before = memory(&table);
            table.purge(&room, NOW);
            assert_eq!(memory(&table) < before / 4, shrinks, "{left} % of {before}");
            assert_eq!(memory(&table) < before, shrinks, "{left} % of {before}");
            let kept = (0..50_000).filter(|&key| table.get(record(key, 0).key).is_some()).count();
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
                table.put(record(second * 100 + n, second + 10), &room, now);
            }
        }
        assert!(room.used() < 10_000, "{}", room.used());
        assert!(capacity(&table) < 20_000, "{}", capacity(&table));
    }
}
