//! The state that a log of revocations folds into, in memory.
//!
//! [`State`] is an exact set: no false positives beyond what was written, and never a false negative.
//! The in-memory store is one of these behind a clock; a replica of a remote store is one that is fed
//! from its log. Both need that applying is idempotent and that order does not matter, and a property
//! test holds them to it.
//!
//! A denial takes 20 bytes in a hash table of its own, about 40 with the table's slack and two filters: a
//! million of them fit into 48 MB. Each is keyed by [`Target::hash128`](crate::Target::hash128). The tables are cut into 256
//! shards behind a lock each, so that growth never stalls more than a shard. In front of each lock are
//! two filters, which tell most of what is not there without taking it; whatever they let pass is looked up.
//!
//! | fact | two of them | room |
//! |---|---|---|
//! | denied | union; the earlier moment; kept for the longer time | denials, or cutoffs for what is broader than a session |
//! | not before | the later cutoff | cutoffs |
//! | collapsed | the later cutoff | cutoffs |
//! | least generation | the larger | cutoffs |
//! | allowed, removed | a removal beats an addition of the same token | allowed; cutoffs for removals of a subject, an issuer or everything |
//!
//! # Example
//!
//! ```
//! use portcullis_core::state::{Limits, State};
//! use portcullis_core::{Entry, Retention, Target, Timestamp};
//!
//! let state = State::new(Limits::default());
//! let now = Timestamp::from_secs(1_700_000_000);
//! let token = Target::token("https://idp.example.com", "7f1c");
//! state.revoke(&Entry::deny(token), &Retention::default(), now)?;
//! assert!(state.is_denied(&token, || now));
//! # Ok::<(), portcullis_core::StoreError>(())
//! ```

mod absorb;
mod blocks;
mod change;
mod draft;
mod expiry;
mod filter;
mod kinds;
mod limits;
mod read;
mod records;
mod shards;
mod subjects;
mod table;
mod write;

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64};

pub use change::{Change, Fact, is_broad};
pub use draft::{Draft, DraftFact, Moment};
use kinds::Kinds;
pub use limits::{Limits, Usage};
use records::{Denied, Listed, Mark, Pending, Record};
use subjects::Subjects;
use table::{Room, Table};

use super::hash::Tag;
use crate::{Target, TargetKind, Timestamp};

/// The revocations that were written so far. See [the module](self).
pub struct State {
    limits: Limits,
    denials: Room,
    cutoffs: Room,
    allowed: Room,
    /// Denials of tokens, fingerprints and sessions, then of all that is broader.
    denied: [Denials; 2],
    /// Of which there ever was a denial, in force or pending.
    denied_kinds: Kinds,
    not_before: Marks<i64>,
    collapsed: Marks<i64>,
    generations: Marks<u64>,
    removed: Marks<u64>,
    listed: Table<Listed>,
    subjects: Subjects,
    /// How many writes there were that may deny what passed before.
    version: AtomicU64,
    /// When the last of the pending denials comes into force, in milliseconds.
    pending_until: AtomicI64,
}

/// Denials of one room: in force, and to come into force.
struct Denials {
    now: Table<Denied>,
    pending: Table<Pending>,
}

impl Denials {
    const fn new() -> Self {
        Self { now: Table::new(), pending: Table::new() }
    }

    /// False only if there is no denial of what has this tag, in force or pending.
    #[inline]
    fn may_hold(&self, tag: Tag) -> bool {
        self.now.may_hold(tag) || self.pending.may_hold(tag)
    }

    /// True if a denial of this target, which these may hold, is in force.
    // Few come here, and the others should not carry it along.
    #[inline(never)]
    fn holds(&self, target: &Target<'_>, now: impl FnOnce() -> Timestamp) -> bool {
        let key = target.hash128();
        self.now.find(key).is_some() || self.comes_true(key, now)
    }

    /// True if a denial of this key was pending and has come into force.
    fn comes_true(&self, key: u128, now: impl FnOnce() -> Timestamp) -> bool {
        let pending = self.pending.get(key);
        pending.is_some_and(|pending| pending.effective_millis <= now().as_millis())
    }
}

/// A table of marks.
type Marks<T> = Marked<Table<Mark<T>>>;

/// A table, and which kinds of target were ever put into it: most hold none or one, and to ask for
/// another needs neither a hash nor a lock.
struct Marked<T> {
    kinds: Kinds,
    table: T,
}

impl<R: Record> Marked<Table<R>> {
    fn new() -> Self {
        Self { kinds: Kinds::default(), table: Table::new() }
    }
}

/// The kinds of target that can have a cutoff: for [`CutoffStore::kinds`](crate::CutoffStore::kinds).
pub const CUTOFF_KINDS: &[TargetKind] = &[
    TargetKind::Subject,
    TargetKind::Session,
    TargetKind::Client,
    TargetKind::Key,
    TargetKind::Issuer,
    TargetKind::Everything,
];

/// The kinds of target that can be denied: for
/// [`DenylistStore::kinds`](crate::DenylistStore::kinds).
pub const DENIAL_KINDS: &[TargetKind] = &TargetKind::ALL;

impl State {
    /// An empty state.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            denials: Room::new(limits.denials),
            cutoffs: Room::new(limits.cutoffs),
            allowed: Room::new(limits.allowed),
            denied: [Denials::new(), Denials::new()],
            denied_kinds: Kinds::default(),
            not_before: Marked::new(),
            collapsed: Marked::new(),
            generations: Marked::new(),
            removed: Marked::new(),
            listed: Table::new(),
            subjects: Subjects::default(),
            version: AtomicU64::new(0),
            pending_until: AtomicI64::new(i64::MIN),
        }
    }

    /// Drops what has expired. Writes do this by themselves where they would otherwise need more
    /// memory, so it is never necessary; it takes a lock on one shard after the other.
    pub fn purge(&self, now: Timestamp) {
        for room in [&self.denials, &self.cutoffs, &self.allowed] {
            room.start_purge();
        }
        for (denials, room) in self.denied.iter().zip([&self.denials, &self.cutoffs]) {
            denials.now.purge(room, now);
            denials.pending.purge(room, now);
        }
        self.not_before.table.purge(&self.cutoffs, now);
        self.collapsed.table.purge(&self.cutoffs, now);
        self.generations.table.purge(&self.cutoffs, now);
        self.removed.table.purge(&self.cutoffs, now);
        self.listed.purge(&self.allowed, now);
    }

    /// How much it may hold.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// How much it holds.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage::new(self.denials.used(), self.cutoffs.used(), self.allowed.used())
    }

    fn denials_of(&self, kind: TargetKind) -> &Denials {
        &self.denied[usize::from(is_broad(kind))]
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("limits", &self.limits)
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}
