//! How much a state may hold, and how much it holds.

/// How many entries a store holds at most, apart for each of its rooms, so that a flood in one of
/// them can't block the others.
///
/// At capacity a write is refused ([`Full`](crate::StoreErrorKind::Full)) after what has expired was
/// dropped; nothing that is still needed is ever evicted.
///
/// # Example
///
/// ```
/// use portcullis_core::state::Limits;
///
/// let limits = Limits::default().denials(5_000_000).denials_per_subject(16);
/// # let _ = limits;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(super) denials: usize,
    pub(super) cutoffs: usize,
    pub(super) allowed: usize,
    pub(super) denials_per_subject: usize,
}

impl Default for Limits {
    /// A million entries in each room, 64 denials a subject.
    fn default() -> Self {
        Self { denials: 1_000_000, cutoffs: 1_000_000, allowed: 1_000_000, denials_per_subject: 64 }
    }
}

impl Limits {
    /// No limits at all: for a copy of a store that keeps limits itself.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self {
            denials: usize::MAX,
            cutoffs: usize::MAX,
            allowed: usize::MAX,
            denials_per_subject: usize::MAX,
        }
    }

    /// How many denials of tokens, fingerprints and sessions. In memory one takes about 40 bytes.
    #[must_use]
    pub const fn denials(mut self, entries: usize) -> Self {
        self.denials = entries;
        self
    }

    /// How many of all that signs out more than a session: cutoffs, generations, denials of
    /// subjects, clients, keys and issuers, and removals of subjects from the allowlist. In memory
    /// one takes about 70 bytes.
    #[must_use]
    pub const fn cutoffs(mut self, entries: usize) -> Self {
        self.cutoffs = entries;
        self
    }

    /// How many tokens on the allowlist, removed ones included until they expire. In memory one
    /// takes about 85 bytes.
    #[must_use]
    pub const fn allowed(mut self, entries: usize) -> Self {
        self.allowed = entries;
        self
    }

    /// How many denials of one subject's tokens (those written with
    /// [`of_subject`](crate::Entry::of_subject)) are kept one by one. One more is written as a cutoff
    /// for that subject instead, which signs out all of its tokens; one more of its sessions is
    /// refused.
    #[must_use]
    pub const fn denials_per_subject(mut self, entries: usize) -> Self {
        self.denials_per_subject = entries;
        self
    }

    /// See [`denials`](Self::denials).
    #[must_use]
    pub const fn max_denials(&self) -> usize {
        self.denials
    }

    /// See [`cutoffs`](Self::cutoffs).
    #[must_use]
    pub const fn max_cutoffs(&self) -> usize {
        self.cutoffs
    }

    /// See [`allowed`](Self::allowed).
    #[must_use]
    pub const fn max_allowed(&self) -> usize {
        self.allowed
    }

    /// See [`denials_per_subject`](Self::denials_per_subject).
    #[must_use]
    pub const fn max_denials_per_subject(&self) -> usize {
        self.denials_per_subject
    }
}

/// How many entries a store holds, those that have expired but were not dropped yet included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Against [`Limits::denials`].
    pub denials: usize,
    /// Against [`Limits::cutoffs`].
    pub cutoffs: usize,
    /// Against [`Limits::allowed`].
    pub allowed: usize,
}

impl Usage {
    /// So many entries in each room, for stores.
    #[must_use]
    pub const fn new(denials: usize, cutoffs: usize, allowed: usize) -> Self {
        Self { denials, cutoffs, allowed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::State;

    #[test]
    fn a_state_tells_the_limits_it_was_given() {
        let limits = Limits::default().denials(1).cutoffs(2).allowed(3).denials_per_subject(4);
        let told = State::new(limits).limits();
        assert_eq!((told.max_denials(), told.max_cutoffs(), told.max_allowed()), (1, 2, 3));
        assert_eq!(told.max_denials_per_subject(), 4);
        let told = State::new(Limits::unlimited()).limits();
        assert_eq!((told.max_denials(), told.max_allowed()), (usize::MAX, usize::MAX));
    }
}
