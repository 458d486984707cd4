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

#[cfg(test)]
mod tests {
    use super::super::tests::{Mint, hash};
    use super::*;

    /// What `Cache::bytes` says of each thread.
    const ROOM: usize = 4 * 1024 * 1024;

    struct World {
        mint: Mint,
        lane: Lane<()>,
    }

    impl World {
        fn new() -> Self {
            Self { mint: Mint::new(), lane: Lane::new() }
        }

        fn insert(&mut self, hash: u64, text: &[u8]) -> Arc<Handle<()>> {
            self.lane.insert(Arc::new(Handle::new(self.mint.entry(hash, text))))
        }

        /// How many of these it has.
        fn found(&mut self, hashes: impl IntoIterator<Item = u64>, text: &[u8]) -> usize {
            hashes.into_iter().filter(|hash| self.lane.get(*hash, text).is_some()).count()
        }
    }

    #[test]
    fn a_handle_is_found_by_its_hash_and_all_of_its_text() {
        let mut world = World::new();
        assert!(world.lane.get(hash(1), b"one").is_none());
        let put = world.insert(hash(1), b"one");
        assert!(Arc::ptr_eq(&world.lane.get(hash(1), b"one").unwrap(), &put));
        assert!(world.lane.get(hash(1), b"two").is_none());
        assert!(world.lane.get(hash(2), b"one").is_none());
        // one that falls together with it is another
        let other = world.insert(hash(1), b"two");
        assert!(Arc::ptr_eq(&world.lane.get(hash(1), b"two").unwrap(), &other));
        assert!(Arc::ptr_eq(&world.lane.get(hash(1), b"one").unwrap(), &put));
    }

    #[test]
    fn of_those_that_fall_together_the_one_used_longest_ago_goes() {
        let mut world = World::new();
        let texts: Vec<_> = (0..=WAYS as u8).map(|n| [n]).collect();
        for text in &texts[..WAYS] {
            world.insert(hash(1), text);
        }
        // the oldest is used again, and by that becomes the last to go
        assert!(world.lane.get(hash(1), &texts[0]).is_some());
        world.insert(hash(1), &texts[WAYS]);
        assert!(world.lane.get(hash(1), &texts[1]).is_none());
        for text in texts.iter().filter(|text| **text != texts[1]) {
            assert!(world.lane.get(hash(1), text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn a_thousand_tokens_have_room() {
        let mut world = World::new();
        for n in 0..1000 {
            world.insert(hash(n), b"x");
        }
        let found = world.found((0..1000).map(hash), b"x");
        assert!(found >= 950, "{found}");
    }

    #[test]
    fn tokens_that_share_a_set_of_the_shared_part_do_not_share_one_here() {
        let mut world = World::new();
        let hashes = (0..500).map(|n| hash(n) << 32 | 7);
        hashes.clone().for_each(|hash| drop(world.insert(hash, b"x")));
        let found = world.found(hashes, b"x");
        assert!(found >= 475, "{found}");
    }

    /// A text of which 64 fit, with what belongs to them.
    fn large() -> Vec<u8> {
        vec![b'x'; ROOM / 64 / 2 - 1024]
    }

    #[test]
    fn tokens_take_no_more_than_four_mebibytes_and_the_newest_always_has_room() {
        let (mut world, text) = (World::new(), large());
        for n in 0..64 {
            world.insert(hash(n), &text);
        }
        assert_eq!(world.found((0..64).map(hash), &text), 64);
        for n in 64..1000 {
            world.insert(hash(n), &text);
            assert!(world.lane.get(hash(n), &text).is_some(), "{n}");
        }
        let found = world.found((0..1000).map(hash), &text);
        let size = world.mint.entry(0, &text).size();
        assert!(found * size <= ROOM, "{found}");
        assert!(found >= 32, "{found}");
    }

    #[test]
    fn what_exactly_fits_drives_nothing_out() {
        let mut world = World::new();
        let own = world.mint.entry(0, b"").size();
        let text = vec![b'x'; ROOM / 4 - own / 2];
        let size = world.mint.entry(0, &text).size();
        assert!(2 * size <= ROOM && 2 * (size + 2) > ROOM);
        world.insert(hash(1), &text);
        world.insert(hash(2), &text);
        assert_eq!(world.found([hash(1), hash(2)], &text), 2);
    }

    #[test]
    fn one_token_that_is_larger_than_all_the_room_is_held_until_the_next() {
        let mut world = World::new();
        let text = vec![b'x'; ROOM];
        world.insert(hash(1), &text);
        assert_eq!(world.found([hash(1)], &text), 1);
        world.insert(hash(2), &text);
        assert_eq!(world.found([hash(1), hash(2)], &text), 1);
        world.insert(hash(3), b"small");
        assert_eq!(world.found([hash(1), hash(2)], &text), 0);
        assert_eq!(world.found([hash(3)], b"small"), 1);
    }

    #[test]
    fn the_room_of_what_is_driven_out_or_removed_is_free_again() {
        let (mut world, text) = (World::new(), large());
        // in one set, so that each drives another out
        for n in 0..500 {
            world.insert(hash(1), &[&n.to_string().into_bytes(), &*text].concat());
        }
        for n in 496..500 {
            let text = [&n.to_string().into_bytes(), &*text].concat();
            assert!(world.lane.get(hash(1), &text).is_some(), "{n}");
            world.lane.remove(hash(1), &text);
            assert!(world.lane.get(hash(1), &text).is_none(), "{n}");
        }
        for n in 0..64 {
            world.insert(hash(n), &text);
        }
        assert_eq!(world.found((0..64).map(hash), &text), 64);
    }

    #[test]
    fn what_is_removed_frees_its_own_room_and_no_more() {
        let (mut world, text) = (World::new(), large());
        for n in 0..64 {
            world.insert(hash(n), &text);
        }
        world.lane.remove(hash(63), &text);
        for n in 100..200 {
            world.insert(hash(n), &text);
        }
        let found = world.found((0..200).map(hash), &text);
        assert!(found * world.mint.entry(0, &text).size() <= ROOM, "{found}");
    }

    #[test]
    fn only_what_is_named_is_removed() {
        let mut world = World::new();
        world.lane.remove(hash(1), b"one");
        for text in [b"one", b"two"] {
            world.insert(hash(1), text);
        }
        world.lane.remove(hash(2), b"one");
        world.lane.remove(hash(1), b"other");
        assert!(world.lane.get(hash(1), b"one").is_some());
        world.lane.remove(hash(1), b"one");
        assert!(world.lane.get(hash(1), b"one").is_none());
        assert!(world.lane.get(hash(1), b"two").is_some());
    }
}
