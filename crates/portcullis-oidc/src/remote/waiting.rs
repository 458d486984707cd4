//! The requests that wait for an issuer: only so many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many requests may wait for an issuer at once. Each holds a request in memory.
pub(super) const MAX_WAITING: usize = 4096;

/// How many there are.
#[derive(Default)]
pub(super) struct Waiting(Arc<AtomicUsize>);

/// A place among them, until it is dropped.
pub(super) struct Place(Arc<AtomicUsize>);

impl Waiting {
    /// One more, if there is room.
    pub(super) fn place(&self) -> Option<Place> {
        let place = Place(Arc::clone(&self.0));
        // counted first, so that many at once do not all find the last place free
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        (before < MAX_WAITING).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_request_is_gone() {
        let waiting = Waiting::default();
        let mut taken: Vec<_> = (0..MAX_WAITING).map(|_| waiting.place().unwrap()).collect();
        assert!(waiting.place().is_none());
        assert!(waiting.place().is_none(), "who got none takes up none");
        taken.pop();
        assert!(waiting.place().is_some());
        drop(taken);
        assert_eq!(waiting.0.load(Ordering::Relaxed), 0);
    }
}
