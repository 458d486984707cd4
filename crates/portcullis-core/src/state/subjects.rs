//! How many denials each subject has in the store, so that one subject's many can be collapsed.
//!
//! Counting every subject would cost as much memory as the denials. Only the subjects that were
//! written about lately are counted: a loop writes often, so it is among them. To stay uncounted, a
//! loop would need some 8,192 other subjects between each of its own
//! [limit](super::Limits::denials_per_subject), and so makes up less than one in a hundred writes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::expiry::Expiry;
use crate::Timestamp;

/// The expiries of the denials of the subjects seen lately, by the hash of the subject.
#[derive(Default)]
pub(super) struct Subjects(Mutex<Generations>);

/// When the young generation is full it becomes the old one, and the old one is forgotten.
#[derive(Default)]
pub(super) struct Generations {
    young: HashMap<u128, Vec<Expiry>>,
    old: HashMap<u128, Vec<Expiry>>,
}

const GENERATION: usize = 8_192;

impl Subjects {
    /// A panic while the lock was held leaves at worst a count too low.
    pub(super) fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    /// The unexpired denials of the subject, to count and to add to.
    pub(super) fn of(&mut self, subject: u128, now: Timestamp) -> &mut Vec<Expiry> {
        if !self.young.contains_key(&subject) && self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        let Self { young, old } = self;
        let denials =
            young.entry(subject).or_insert_with(|| old.remove(&subject).unwrap_or_default());
        denials.retain(|expiry| !expiry.is_over(now));
        denials
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_counted_among_thousands_of_others_and_memory_is_bounded() {
        let mut counts = Generations::default();
        let now = Timestamp::from_secs(1);
        for other in 1..=100_000u128 {
            counts.of(other, now).push(Expiry::NEVER);
            if other % 1_000 == 0 {
                counts.of(0, now).push(Expiry::NEVER);
            }
        }
        assert_eq!(counts.of(0, now).len(), 100);
        assert!(counts.young.len() + counts.old.len() <= 2 * GENERATION);
    }

    #[test]
    fn memory_is_bounded_if_every_subject_is_new() {
        let mut counts = Generations::default();
        for subject in 0..3 * GENERATION as u128 {
            counts.of(subject, Timestamp::UNIX_EPOCH).push(Expiry::NEVER);
        }
        assert!(counts.young.len() + counts.old.len() <= 2 * GENERATION);
    }

    #[test]
    fn expired_denials_no_longer_count() {
        let mut counts = Generations::default();
        for secs in 1..=10 {
            let expiry = Expiry::new(Some(Timestamp::from_secs(secs)));
            counts.of(7, Timestamp::UNIX_EPOCH).push(expiry);
        }
        assert_eq!(counts.of(7, Timestamp::from_secs(4)).len(), 6);
    }
}
