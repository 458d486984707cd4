//! What a replica shares between the one that follows the store and those who ask: `Shared` of
//! `portcullis/src/replica`, step by step as it is there. The states are the real ones; the swap of one for another is a
//! [`Swap`] here.

use crate::Timestamp;
use crate::bound_keys::Swap;
use crate::state::{Limits, State};
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU64, Ordering};

/// A copy, and as of when it is complete. Zero is never.
#[derive(Debug)]
pub struct Replica {
    copy: Swap<Option<Arc<State>>>,
    fresh_as_of: AtomicU64,
}

impl Replica {
    /// Without a copy.
    pub fn new() -> Self {
        Self { copy: Swap::new(None), fresh_as_of: AtomicU64::new(0) }
    }

    /// `Shared::publish`: the copy first, and then how fresh it is.
    pub fn publish(&self, state: &Arc<State>, as_of: u64) {
        let known = self.copy.load();
        if !(*known).as_ref().is_some_and(|known| Arc::ptr_eq(known, state)) {
            self.copy.store(Arc::new(Some(Arc::clone(state))));
        }
        self.fresh_as_of.fetch_max(as_of, Ordering::AcqRel);
    }

    /// `Shared::aged`: how fresh it is, and then the copy.
    pub fn aged(&self) -> Option<(Arc<State>, u64)> {
        let as_of = self.fresh_as_of.load(Ordering::Acquire);
        let copy = (as_of > 0).then(|| (*self.copy.load()).clone())?;
        copy.map(|copy| (copy, as_of))
    }

    /// What a fold does when it has read a snapshot into a new state: it takes over the denials of the old one, and goes
    /// on with its versions.
    ///
    /// # Panics
    ///
    /// If an unlimited state has no room.
    pub fn succeed(old: &State, now: Timestamp) -> Arc<State> {
        let new = Arc::new(State::new(Limits::unlimited()));
        let mut part = 0;
        while new.absorb(old, part, now).expect("it is unlimited") {
            part += 1;
        }
        new.succeed(old);
        new
    }
}

impl Default for Replica {
    fn default() -> Self {
        Self::new()
    }
}
