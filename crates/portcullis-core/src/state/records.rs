//! What the tables hold: one small `Copy` record for each fact, and how two of them about the same
//! target merge. Every merge is commutative, associative and idempotent.

use super::expiry::Expiry;

/// A record of a [`Table`](super::table::Table).
pub(super) trait Record: Copy {
    /// The hash of the target: 128 bits, taken for the target itself.
    fn key(&self) -> u128;
    /// Until when it is kept.
    fn expiry(&self) -> Expiry;
    /// Takes in another record with the same key.
    fn merge(&mut self, other: Self);
}

/// A denial that is in force. 20 bytes: a million of them are most of what a store holds.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub(super) struct Denied {
    pub(super) key: u128,
    pub(super) expiry: u32,
}

impl Record for Denied {
    fn key(&self) -> u128 {
        self.key
    }

    fn expiry(&self) -> Expiry {
        Expiry::from_bits(self.expiry)
    }

    fn merge(&mut self, other: Self) {
        let (mine, theirs) = (self.expiry, other.expiry);
        self.expiry = mine.max(theirs);
    }
}

/// A denial that comes into force later. It stays in its table when it does: an earlier one in the
/// other table is no contradiction.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    pub(super) key: u128,
    pub(super) effective_millis: i64,
    pub(super) expiry: Expiry,
}

impl Record for Pending {
    fn key(&self) -> u128 {
        self.key
    }

    fn expiry(&self) -> Expiry {
        self.expiry
    }

    fn merge(&mut self, other: Self) {
        self.effective_millis = self.effective_millis.min(other.effective_millis);
        self.expiry = self.expiry.max(other.expiry);
    }
}

/// A mark of which the highest counts: a cutoff in milliseconds, a generation, a position.
#[derive(Clone, Copy)]
pub(super) struct Mark<T> {
    pub(super) key: u128,
    pub(super) value: T,
    pub(super) expiry: Expiry,
}

impl<T: Ord + Copy> Record for Mark<T> {
    fn key(&self) -> u128 {
        self.key
    }

    fn expiry(&self) -> Expiry {
        self.expiry
    }

    fn merge(&mut self, other: Self) {
        self.value = self.value.max(other.value);
        self.expiry = self.expiry.max(other.expiry);
    }
}

/// A token of the allowlist, or the tombstone of one.
#[derive(Clone, Copy)]
pub(super) struct Listed {
    pub(super) key: u128,
    /// The hash of its subject; zero if it has none.
    pub(super) subject: u128,
    /// The position at which it was first listed; zero, before all others, if it was removed.
    pub(super) position: u64,
    pub(super) expiry: Expiry,
    /// False if all that is known is its removal: the expiry is then only a guess.
    pub(super) was_listed: bool,
}

impl Record for Listed {
    fn key(&self) -> u128 {
        self.key
    }

    fn expiry(&self) -> Expiry {
        self.expiry
    }

    fn merge(&mut self, other: Self) {
        self.expiry = match (self.was_listed, other.was_listed) {
            (true, false) => self.expiry,
            (false, true) => other.expiry,
            _ => self.expiry.max(other.expiry),
        };
        self.was_listed |= other.was_listed;
        if other.position < self.position {
            self.position = other.position;
            self.subject = other.subject;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn a_denial_takes_20_bytes() {
        assert_eq!(size_of::<Denied>(), 20);
    }

    #[test]
    fn a_removal_takes_effect_in_any_order_and_only_guesses_the_expiry() {
        let at = |secs| Expiry::new(Some(Timestamp::from_secs(secs)));
        let listing = Listed { key: 1, subject: 2, position: 5, expiry: at(100), was_listed: true };
        let removal =
            Listed { key: 1, subject: 0, position: 0, expiry: at(200), was_listed: false };
        for [mut merged, second, third] in
            [[listing, removal, removal], [removal, listing, removal], [removal, removal, listing]]
        {
            merged.merge(second);
            merged.merge(third);
            assert_eq!(merged.position, 0);
            assert!(merged.expiry.is_over(Timestamp::from_secs(101)));
        }
    }
}
