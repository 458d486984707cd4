//! Telling a state.

use std::sync::atomic::Ordering;

use super::change::{Change, Fact, is_broad};
use super::expiry::Expiry;
use super::records::{Denied, Listed, Mark, Pending, Record};
use super::table::{Put, Room, Table};
use super::{Marks, State};
use crate::{Entry, Position, Retention, StoreError, StoreErrorKind, Target, Timestamp};

impl State {
    /// Takes in a revocation that arrives now, and tells the cutoff now in force for its target, if
    /// it is one, or if the denial was collapsed into one.
    ///
    /// A subject that has [too many](super::Limits::denials_per_subject) denials already gets a cutoff
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
            _ => self.put(&change, now).map(|()| None),
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
        let known = self.denial_expiry(&change.target());
        if counted.len() < self.limits.denials_per_subject || known.is_some() {
            self.put(change, now)?;
            // One that was known counts once, and as long as it is kept now. Which of several with the
            // same expiry is taken makes no difference.
            let new = Expiry::new(change.keep_until());
            match counted.iter_mut().find(|counted| Some(**counted) == known) {
                Some(counted) => *counted = new.max(*counted),
                None => counted.push(known.map_or(new, |known| known.max(new))),
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
        if change.is_over(now) { Ok(()) } else { self.put(change, now) }
    }

    fn put(&self, change: &Change<'_>, now: Timestamp) -> Result<(), StoreError> {
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
        put.map(|_| ())
    }

    fn put_record(&self, change: &Change<'_>, now: Timestamp) -> Result<Put, StoreError> {
        let target = change.target();
        let key = target.hash128();
        let expiry = Expiry::new(change.keep_until());
        let mark = |marks: &Marks<i64>, time: Timestamp| {
            let mark = Mark { key, value: time.as_millis(), expiry };
            marks.kinds.add(target.kind());
            self.put_into(&marks.table, &self.cutoffs, mark, now)
        };
        match change.fact() {
            Fact::Denied { effective_at } => {
                let denials = self.denials_of(target.kind());
                let room = if is_broad(target.kind()) { &self.cutoffs } else { &self.denials };
                self.denied_kinds.add(target.kind());
                match effective_at.filter(|at| *at > now) {
                    None => {
                        let denied = Denied { key, expiry: expiry.bits() };
                        self.put_into(&denials.now, room, denied, now)
                    }
                    Some(at) => {
                        let pending = Pending { key, effective_millis: at.as_millis(), expiry };
                        self.put_into(&denials.pending, room, pending, now)
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
}

fn full(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Full, message)
}
