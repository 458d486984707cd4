//! The part of the cache that all threads share: sets of eight, each behind its own lock.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Entry;

const WAYS: usize = 8;

/// Beside each set, so many words of so many notes: which tokens were seen once. Where two share a single
/// place and come in turns, neither would ever be seen twice.
const WORDS: usize = 4;
const NOTES: u32 = 4;

/// The bits of a hash that are noted of a token. Another one with the same few comes in a little early.
const NOTE: u32 = u64::BITS / NOTES;

pub(super) struct Shared<C> {
    slots: Box<[Slot<C>]>,
    bytes: AtomicUsize,
    max_bytes: usize,
}

/// A set and what was seen of the tokens that belong there, side by side: a token that is new asks for both,
/// and waits for memory once.
#[repr(align(64))]
struct Slot<C> {
    /// A few bits of the hash of each entry: most tokens that are not there are known not to be without the
    /// lock. An entry that is put in meanwhile may be missed, and its token is verified once more.
    tags: AtomicU64,
    /// The newest note of a word is the lowest.
    seen: [AtomicU64; WORDS],
    set: Mutex<Set<C>>,
}

impl<C> Default for Slot<C> {
    fn default() -> Self {
        Self { tags: AtomicU64::new(0), seen: Default::default(), set: Mutex::default() }
    }
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
        let slots = entries.div_ceil(WAYS).next_power_of_two();
        Self {
            slots: (0..slots).map(|_| Slot::default()).collect(),
            bytes: AtomicUsize::new(0),
            max_bytes,
        }
    }

    fn slot(&self, hash: u64) -> &Slot<C> {
        &self.slots[hash as usize % self.slots.len()]
    }

    /// A panic while the lock was held leaves entries missing at worst.
    fn set(&self, hash: u64) -> MutexGuard<'_, Set<C>> {
        self.slot(hash).set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, hash: u64, text: &[u8]) -> Option<Arc<Entry<C>>> {
        let tags = self.slot(hash).tags.load(Ordering::Relaxed);
        if !tags.to_ne_bytes().contains(&tag(hash)) {
            return None;
        }
        let mut set = self.set(hash);
        let way = set.find(hash, text)?;
        set.used |= 1 << way;
        set.ways[way].clone()
    }

    /// Notes that this token was verified; true if it was noted already.
    pub(super) fn seen_before(&self, hash: u64) -> bool {
        // the low bits choose the set
        let word = &self.slot(hash).seen[(hash >> 32) as usize % WORDS];
        let notes = word.load(Ordering::Relaxed);
        let mask = u64::MAX >> (u64::BITS - NOTE);
        // an empty place is 0
        let note = (hash >> (u64::BITS - NOTE)).max(1);
        if (0..NOTES).any(|at| notes >> (at * NOTE) & mask == note) {
            return true;
        }
        // the oldest goes; where threads meet, a note is lost
        word.store(notes << NOTE | note, Ordering::Relaxed);
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
        // under the lock, so that nobody else writes them; what is driven out or removed leaves its own behind
        let tags = &self.slot(entry.hash).tags;
        let mut all = tags.load(Ordering::Relaxed).to_ne_bytes();
        all[way] = tag(entry.hash);
        tags.store(u64::from_ne_bytes(all), Ordering::Relaxed);
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

/// Bits that choose neither the set nor a note. 0 is the tag of an empty place and of some entries.
fn tag(hash: u64) -> u8 {
    (hash >> 40) as u8
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
    use super::super::tests::{Mint, hash};
    use super::*;

    /// More bytes than any of these tests takes.
    const PLENTY: usize = 64 * 1024 * 1024;

    /// How many of these texts are there under this hash.
    fn found<'a>(shared: &Shared<()>, texts: impl IntoIterator<Item = &'a [u8]>) -> Vec<&'a [u8]> {
        texts.into_iter().filter(|text| shared.set(0).find(0, text).is_some()).collect()
    }

    /// Texts of one byte each, a set full of them and some more.
    fn texts() -> Vec<[u8; 1]> {
        (0..2 * WAYS as u8).map(|n| [n]).collect()
    }

    #[test]
    fn tokens_that_come_in_turns_are_seen_again() {
        let shared = Shared::<()>::new(8192, 1);
        // half of what there is room for
        let seen = |n: &u64| shared.seen_before(hash(*n));
        let early = (1..=4096).filter(seen).count();
        // by chance, if it has the note of another: one in 65,536 for each other that it meets
        assert!(early <= 2, "{early}");
        let again = (1..=4096).filter(seen).count();
        assert!(again >= 4096 * 19 / 20, "{again}");
    }

    #[test]
    fn no_token_was_seen_before_it_came_whatever_its_hash() {
        for hash in [0, 1, 1 << 32, u64::MAX, u64::MAX << 32] {
            let shared = Shared::<()>::new(8, 1);
            assert!(!shared.seen_before(hash), "{hash:x}");
            assert!(shared.seen_before(hash), "{hash:x}");
        }
    }

    #[test]
    fn an_entry_is_found_by_its_hash_and_all_of_its_text() {
        let (mint, shared) = (Mint::new(), Shared::new(64, PLENTY));
        let entries = [mint.entry(hash(1), b"one"), mint.entry(hash(1), b"two")];
        for entry in &entries {
            shared.insert(Arc::clone(entry));
        }
        for entry in &entries {
            assert!(Arc::ptr_eq(&shared.get(hash(1), &entry.text).unwrap(), entry));
        }
        assert!(shared.get(hash(1), b"other").is_none());
        // in the same set, whatever their number
        assert!(shared.get(hash(1) ^ 1 << 63, b"one").is_none());
    }

    #[test]
    fn where_all_were_used_alike_the_oldest_goes() {
        let (mint, shared, texts) = (Mint::new(), Shared::new(WAYS, PLENTY), texts());
        for (n, text) in texts.iter().enumerate() {
            shared.insert(mint.entry(0, text));
            let left = &texts[(n + 1).saturating_sub(WAYS)..=n];
            assert_eq!(found(&shared, texts.iter().map(|text| &text[..])), left, "{n}");
        }
    }

    #[test]
    fn what_is_used_in_between_stays_however_often() {
        for uses in 1..=3 {
            let (mint, shared) = (Mint::new(), Shared::new(WAYS, PLENTY));
            for text in texts() {
                shared.insert(mint.entry(0, &text));
            }
            let hot = [2 * WAYS as u8 - 3];
            for n in 100..200 {
                for _ in 0..uses {
                    assert!(shared.get(0, &hot).is_some(), "{n}");
                }
                shared.insert(mint.entry(0, &[n]));
            }
        }
    }

    #[test]
    fn a_new_token_is_not_the_next_to_go_in_whosever_place_it_is() {
        let (mint, shared, texts) = (Mint::new(), Shared::new(WAYS, PLENTY), texts());
        for text in &texts[..WAYS] {
            shared.insert(mint.entry(0, text));
        }
        shared.remove(0, &texts[3]);
        shared.insert(mint.entry(0, b"new"));
        shared.insert(mint.entry(0, b"next"));
        assert_eq!(found(&shared, [&b"new"[..], b"next"]), [&b"new"[..], b"next"]);
        assert!(found(&shared, [&texts[0][..]]).is_empty());

        // where the hand is next, among others that were not used since it passed
        shared.remove(0, &texts[1]);
        shared.insert(mint.entry(0, b"newer"));
        shared.insert(mint.entry(0, b"newest"));
        assert_eq!(found(&shared, [&b"newer"[..], b"newest"]), [&b"newer"[..], b"newest"]);
        assert!(found(&shared, [&texts[2][..]]).is_empty());
    }

    #[test]
    fn the_same_token_is_there_once() {
        let (mint, shared) = (Mint::new(), Shared::new(WAYS, PLENTY));
        let first = mint.entry(0, b"one");
        shared.insert(Arc::clone(&first));
        shared.insert(mint.entry(0, b"one"));
        assert!(Arc::ptr_eq(&shared.get(0, b"one").unwrap(), &first));
        shared.remove(0, b"one");
        assert!(shared.get(0, b"one").is_none());
    }

    #[test]
    fn bytes_are_used_up_to_the_last_and_not_beyond() {
        let mint = Mint::new();
        let size = mint.entry(0, b"x").size();
        for (bytes, kept) in
            [(size - 1, 0), (size, 1), (2 * size - 1, 1), (2 * size, 2), (5 * size, 5)]
        {
            let shared = Shared::new(WAYS, bytes);
            let texts = texts();
            for text in &texts {
                shared.insert(mint.entry(0, text));
            }
            let found = found(&shared, texts.iter().map(|text| &text[..]));
            assert_eq!(found.len(), kept, "{bytes}");
            // the newest is among them
            let newest = texts.last().map(|text| &text[..]);
            assert!(kept == 0 || found.last().copied() == newest);
        }
    }

    #[test]
    fn a_large_token_has_as_many_go_as_it_needs_and_their_room_is_free_again() {
        let (mint, texts) = (Mint::new(), texts());
        let small = mint.entry(0, &texts[0]).size();
        let shared = Shared::new(WAYS, WAYS * small);
        let large = vec![b'x'; 2 * small];
        let larger = vec![b'x'; WAYS * small];
        for _ in 0..20 {
            for text in &texts[..WAYS] {
                shared.insert(mint.entry(0, text));
            }
            assert_eq!(found(&shared, texts.iter().map(|text| &text[..])).len(), WAYS);
            shared.insert(mint.entry(0, &large));
            let left = found(&shared, texts.iter().map(|text| &text[..])).len();
            // it takes the room of five
            assert!((1..=WAYS - 5).contains(&left), "{left}");
            assert!(shared.get(0, &large).is_some());
            // one that can't fit takes what its set has, and is not there
            shared.insert(mint.entry(0, &larger));
            assert!(shared.get(0, &larger).is_none());
            for text in texts.iter().map(|text| &text[..]).chain([&large[..]]) {
                shared.remove(0, text);
                assert!(shared.get(0, text).is_none());
            }
        }
    }

    #[test]
    fn one_set_never_takes_the_room_of_another() {
        let mint = Mint::new();
        let size = mint.entry(0, b"x").size();
        let shared = Shared::new(2 * WAYS, 2 * size);
        shared.insert(mint.entry(0, b"a"));
        shared.insert(mint.entry(0, b"b"));
        shared.insert(mint.entry(1, b"c"));
        assert!(shared.get(1, b"c").is_none());
        shared.remove(0, b"a");
        shared.insert(mint.entry(1, b"c"));
        assert!(shared.get(1, b"c").is_some() && shared.get(0, b"b").is_some());
    }

    #[test]
    fn only_what_is_named_is_removed() {
        let (mint, shared) = (Mint::new(), Shared::new(WAYS, PLENTY));
        for text in [b"one", b"two"] {
            shared.insert(mint.entry(0, text));
        }
        shared.remove(0, b"other");
        shared.remove(8, b"one");
        assert!(shared.get(0, b"one").is_some());
        shared.remove(0, b"one");
        assert!(shared.get(0, b"one").is_none() && shared.get(0, b"two").is_some());
    }
}
