//! The state that a log of revocations folds into, in memory.
//!
//! [`State`] is an exact set: no false positives beyond what was written, and never a false negative.
//! The in-memory store is one of these behind a clock; a replica of a remote store is one that is fed
//! from its log. Both need that applying is idempotent and that order does not matter, and a property
//! test holds them to it.
//!
//! A denial takes 20 bytes in a hash table of its own, about 36 with the table's slack: a million of
//! them fit into 48 MB. Each is keyed by [`Target::hash128`]. The tables are cut into 256 shards
//! behind a lock each, so that growth never stalls more than a shard.
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

mod change;
mod expiry;
mod limits;
mod records;
mod subjects;
mod table;

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

pub use change::{Change, Fact, is_broad};
use expiry::Expiry;
pub use limits::{Limits, Usage};
use records::{Denied, Listed, Mark, Pending, Record};
use subjects::Subjects;
use table::{Put, Room, Table};

use crate::revocation::is_cut_off;
use crate::{
    Entry, Position, Retention, StoreError, StoreErrorKind, Target, TargetKind, Timestamp,
    TokenView,
};

/// The revocations that were written so far. See [the module](self).
pub struct State {
    limits: Limits,
    denials: Room,
    cutoffs: Room,
    allowed: Room,
    /// Denials of tokens, fingerprints and sessions, then of all that is broader.
    denied: [Denials; 2],
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
    kinds: Kinds,
    now: Table<Denied>,
    pending: Marked<Table<Pending>>,
}

/// A table of marks.
type Marks<T> = Marked<Table<Mark<T>>>;

/// A table, and which kinds of target were ever put into it: most hold none or one, and to ask for
/// another needs neither a hash nor a lock.
struct Marked<T> {
    kinds: Kinds,
    table: T,
}

#[derive(Default)]
struct Kinds(AtomicU32);

impl Kinds {
    fn add(&self, kind: TargetKind) {
        self.0.fetch_or(1 << kind as u32, Ordering::Release);
    }

    fn has(&self, kind: TargetKind) -> bool {
        self.0.load(Ordering::Acquire) & (1 << kind as u32) != 0
    }
}

impl<R: Record> Marked<Table<R>> {
    fn new() -> Self {
        Self { kinds: Kinds::default(), table: Table::new() }
    }

    fn get(&self, target: &Target<'_>) -> Option<R> {
        self.kinds.has(target.kind()).then(|| self.table.get(target.hash128()))?
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
        let denials =
            || Denials { kinds: Kinds::default(), now: Table::new(), pending: Marked::new() };
        Self {
            limits,
            denials: Room::new(limits.denials),
            cutoffs: Room::new(limits.cutoffs),
            allowed: Room::new(limits.allowed),
            denied: [denials(), denials()],
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

    /// Takes in a revocation that arrives now, and tells the cutoff now in force for its target, if
    /// it is one, or if the denial was collapsed into one.
    ///
    /// A subject that has [too many](Limits::denials_per_subject) denials already gets a cutoff
    /// instead of another one.
    ///
    /// # Errors
    ///
    /// [`Full`](StoreErrorKind::Full) at capacity; [`Invalid`](StoreErrorKind::Invalid) as
    /// [`Change::of_entry`].
    pub fn revoke(
        &self,
        entry: &Entry,
        retention: &Retention,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let change = Change::of_entry(entry, retention, now)?;
        if change.is_over(now) {
            return Ok(None);
        }
        match (change.fact(), entry.subject()) {
            (Fact::Denied { .. }, Some(subject)) if !is_broad(change.target().kind()) => {
                self.deny_of_subject(&change, entry, subject, retention, now)
            }
            (Fact::NotBefore(_), _) => {
                self.put(&change, now)?;
                Ok(self.cutoff(&change.target()))
            }
            _ => self.put(&change, now).map(|_| None),
        }
    }

    fn deny_of_subject(
        &self,
        change: &Change<'_>,
        entry: &Entry,
        subject: &str,
        retention: &Retention,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let subject = Target::subject(change.target().issuer(), subject);
        let mut subjects = self.subjects.lock();
        let counted = subjects.of(subject.hash128(), now);
        if counted.len() < self.limits.denials_per_subject || self.knows_denial(&change.target()) {
            if self.put(change, now)? == Put::New {
                counted.push(Expiry::new(change.keep_until()));
            }
            return Ok(None);
        }
        let cutoff = Change::collapsed(entry, retention, now).ok_or_else(|| {
            let limit = self.limits.denials_per_subject;
            full(format!("the subject has {limit} denied tokens and sessions already"))
        })?;
        self.put(&cutoff, now)?;
        Ok(self.cutoff(&cutoff.target()))
    }

    /// Takes in a change that a store has written down. In what order changes arrive and how often
    /// does not matter.
    ///
    /// # Errors
    ///
    /// [`Full`](StoreErrorKind::Full) at capacity.
    pub fn apply(&self, change: &Change<'_>, now: Timestamp) -> Result<(), StoreError> {
        if change.is_over(now) { Ok(()) } else { self.put(change, now).map(|_| ()) }
    }

    fn put(&self, change: &Change<'_>, now: Timestamp) -> Result<Put, StoreError> {
        if let Fact::Denied { effective_at: Some(at) } = change.fact() {
            self.pending_until.fetch_max(at.as_millis(), Ordering::AcqRel);
        }
        let put = self.put_record(change, now);
        // After the record can be found: whoever sees the version before this finds it when asking
        // again, and whoever sees the one after has asked, or will ask, with the record there.
        // A new listing denies nobody, and there is one at every sign-in.
        let only_allows = matches!((change.fact(), &put), (Fact::Allowed { .. }, Ok(Put::New)));
        if !only_allows {
            self.version.fetch_add(1, Ordering::AcqRel);
        }
        put
    }

    fn put_record(&self, change: &Change<'_>, now: Timestamp) -> Result<Put, StoreError> {
        let target = change.target();
        let (key, expiry) = (target.hash128(), Expiry::new(change.keep_until()));
        let mark = |marks: &Marks<i64>, time: Timestamp| {
            let mark = Mark { key, value: time.as_millis(), expiry };
            marks.kinds.add(target.kind());
            self.put_into(&marks.table, &self.cutoffs, mark, now)
        };
        match change.fact() {
            Fact::Denied { effective_at } => {
                let denials = self.denials_of(target.kind());
                let room = if is_broad(target.kind()) { &self.cutoffs } else { &self.denials };
                match effective_at.filter(|at| *at > now) {
                    None => {
                        denials.kinds.add(target.kind());
                        let denied = Denied { key, expiry: expiry.bits() };
                        self.put_into(&denials.now, room, denied, now)
                    }
                    Some(at) => {
                        denials.pending.kinds.add(target.kind());
                        let pending = Pending { key, effective_millis: at.as_millis(), expiry };
                        self.put_into(&denials.pending.table, room, pending, now)
                    }
                }
            }
            Fact::NotBefore(time) => mark(&self.not_before, time),
            Fact::Collapsed(time) => mark(&self.collapsed, time),
            Fact::MinGeneration(value) => {
                self.generations.kinds.add(target.kind());
                let mark = Mark { key, value, expiry };
                self.put_into(&self.generations.table, &self.cutoffs, mark, now)
            }
            Fact::Allowed { position, subject } => {
                let subject = subject.map(|id| Target::subject(target.issuer(), id));
                let subject = subject.map_or(0, |subject| subject.hash128());
                let position = position.get();
                let listed = Listed { key, subject, position, expiry, was_listed: true };
                self.put_into(&self.listed, &self.allowed, listed, now)
            }
            Fact::Removed { position } if is_broad(target.kind()) => {
                self.removed.kinds.add(target.kind());
                let mark = Mark { key, value: position.get(), expiry };
                self.put_into(&self.removed.table, &self.cutoffs, mark, now)
            }
            Fact::Removed { .. } => {
                let gone = Listed { key, subject: 0, position: 0, expiry, was_listed: false };
                self.put_into(&self.listed, &self.allowed, gone, now)
            }
        }
    }

    fn put_into<R: Record>(
        &self,
        table: &Table<R>,
        room: &Room,
        record: R,
        now: Timestamp,
    ) -> Result<Put, StoreError> {
        let mut put = table.put(record, room, now);
        if put == Put::Full && room.may_purge(now) {
            self.purge(now);
            put = table.put(record, room, now);
        }
        if put == Put::Full {
            return Err(full(format!("the store is full: it holds {} such entries", room.used())));
        }
        Ok(put)
    }

    /// True if this target itself is denied. The clock is only asked where the answer depends on it.
    #[must_use]
    pub fn is_denied(&self, target: &Target<'_>, now: impl FnOnce() -> Timestamp) -> bool {
        let denials = self.denials_of(target.kind());
        if denials.kinds.has(target.kind()) && denials.now.contains(target.hash128()) {
            return true;
        }
        let pending = denials.pending.get(target);
        pending.is_some_and(|pending| pending.effective_millis <= now().as_millis())
    }

    /// True if any of the targets is denied, or if the token falls under a cutoff that its subject's
    /// denials were collapsed into. A token without `iat` always does.
    #[must_use]
    pub fn is_any_denied(
        &self,
        token: &TokenView<'_>,
        targets: &[Target<'_>],
        now: impl Fn() -> Timestamp,
    ) -> bool {
        targets.iter().any(|target| self.is_denied(target, &now)) || self.is_collapsed(token)
    }

    fn is_collapsed(&self, token: &TokenView<'_>) -> bool {
        let subject = token.target(TargetKind::Subject);
        let Some(mark) = subject.and_then(|subject| self.collapsed.get(&subject)) else {
            return false;
        };
        let cutoff = Timestamp::from_millis(mark.value);
        token.issued_at().is_none_or(|issued| is_cut_off(issued, cutoff))
    }

    /// The cutoff of this target: the later of the one that was written and the one that its denials
    /// were collapsed into.
    #[must_use]
    pub fn cutoff(&self, target: &Target<'_>) -> Option<Timestamp> {
        let written = self.not_before.get(target).map(|mark| mark.value);
        let collapsed = self.collapsed.get(target).map(|mark| mark.value);
        written.max(collapsed).map(Timestamp::from_millis)
    }

    /// The least generation of this target that still works.
    #[must_use]
    pub fn min_generation(&self, target: &Target<'_>) -> Option<u64> {
        self.generations.get(target).map(|mark| mark.value)
    }

    /// True if this token is on the allowlist.
    #[must_use]
    pub fn is_allowed(&self, token: &Target<'_>) -> bool {
        let Some(listed) = self.listed.get(token.hash128()) else { return false };
        let removed_at = |kind, key: &dyn Fn() -> u128| {
            let known = self.removed.kinds.has(kind).then(|| self.removed.table.get(key()));
            known.flatten().map_or(0, |mark| mark.value)
        };
        let issuer = Target::issuer_wide(token.issuer());
        listed.position > removed_at(TargetKind::Subject, &|| listed.subject)
            && listed.position > removed_at(TargetKind::Issuer, &|| issuer.hash128())
            && listed.position
                > removed_at(TargetKind::Everything, &|| Target::everything().hash128())
    }

    /// Takes in the listing of a token at that position. It is done before the token is handed out.
    ///
    /// # Errors
    ///
    /// [`Full`](StoreErrorKind::Full) at capacity; [`Invalid`](StoreErrorKind::Invalid) as
    /// [`Change::listing`].
    pub fn allow(
        &self,
        token: Target<'_>,
        subject: Option<&str>,
        expires_at: Option<Timestamp>,
        position: Position,
        retention: &Retention,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let change = Change::listing(token, subject, expires_at, position, retention, now)?;
        self.apply(&change, now)
    }

    /// Takes in the removal of a token, or of all listed before that position of a subject, an issuer
    /// or everything.
    ///
    /// # Errors
    ///
    /// [`Full`](StoreErrorKind::Full) at capacity; [`Invalid`](StoreErrorKind::Invalid) as
    /// [`Change::removal`].
    pub fn remove(
        &self,
        target: Target<'_>,
        position: Position,
        retention: &Retention,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.apply(&Change::removal(target, position, retention, now)?, now)
    }

    /// A number that grows with every write that may deny what passed before; `None` while denials are pending, which come into force
    /// without one. See [`Revocation::version`](crate::Revocation::version).
    #[must_use]
    pub fn version(&self, now: impl FnOnce() -> Timestamp) -> Option<u64> {
        let version = self.version.load(Ordering::Acquire);
        let pending_until = self.pending_until.load(Ordering::Acquire);
        let pending = pending_until > i64::MIN && pending_until > now().as_millis();
        (!pending).then_some(version)
    }

    /// Drops what has expired. Writes do this by themselves where they would otherwise need more
    /// memory, so it is never necessary; it takes a lock on one shard after the other.
    pub fn purge(&self, now: Timestamp) {
        for room in [&self.denials, &self.cutoffs, &self.allowed] {
            room.start_purge();
        }
        for (denials, room) in self.denied.iter().zip([&self.denials, &self.cutoffs]) {
            denials.now.purge(room, now);
            denials.pending.table.purge(room, now);
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

    /// True if the target is denied or will be.
    fn knows_denial(&self, target: &Target<'_>) -> bool {
        self.is_denied(target, || Timestamp::MAX)
    }
}

fn full(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Full, message)
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("limits", &self.limits)
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}
