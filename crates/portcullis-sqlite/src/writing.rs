//! Writing: one thread that writes what has queued up in one transaction, and acknowledges each write
//! when the transaction is on the disk.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_channel::oneshot;
use portcullis_core::state::{Change, Fact, Limits, is_broad};
use portcullis_core::{
    Clock, Entry, Position, Retention, Revoked, StoreError, StoreErrorKind, Target, TargetBuf,
    Timestamp,
};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::connect::forget_pages;
use crate::error::{is_refusal, sqlite};
use crate::guard::Guard;
use crate::queue::Queue;
use crate::reading::{
    COLLAPSED, DENIED, GENERATION, NOT_BEFORE, REMOVED, Shared, View, generation_to_sql,
};
use crate::rows::{PURGE, Room, keep_until, to_sql};
use crate::schema::{self, Meta};

/// How many writes share one transaction, and thereby one wait for the disk.
const BATCH: usize = 256;

/// How often expired rows are looked for while there are writes.
const PURGE_EVERY: Duration = Duration::from_secs(30);

/// A write, and who waits for it.
pub(crate) struct Request {
    pub(crate) write: Write,
    pub(crate) reply: oneshot::Sender<Result<Revoked, StoreError>>,
}

pub(crate) enum Write {
    Revoke(Entry),
    Allow { token: TargetBuf, subject: Option<Box<str>>, expires_at: Option<Timestamp> },
    Remove(TargetBuf),
}

pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) guard: Guard,
    pub(crate) limits: Limits,
    pub(crate) retention: Retention,
    /// How many writes the log goes back.
    pub(crate) log: u64,
}

impl Writer {
    /// Begins the first epoch, if there is none: whatever was revoked before is not known here, so
    /// everything that was issued until now is refused, unless that is waived.
    pub(crate) fn initialise(&mut self, shared: &Shared, waived: bool) -> Result<(), StoreError> {
        self.transact(shared, |batch| {
            if schema::find_epoch(batch.transaction)?.is_none() {
                if !waived {
                    let everything = Entry::not_before_now(Target::everything());
                    batch.write(&Write::Revoke(everything))??;
                }
                schema::set_epoch(batch.transaction)?;
            }
            Ok(Vec::<()>::new())
        })
        .map(|_| ())
    }

    /// Writes until the queue is closed and empty.
    pub(crate) fn run(mut self, shared: &Shared, queue: &Queue<Request>) {
        let mut purged_at = shared.clock.elapsed();
        while let Some(requests) = queue.pop(BATCH) {
            let (writes, replies): (Vec<_>, Vec<_>) =
                requests.into_iter().map(|request| (request.write, request.reply)).unzip();
            let results = self
                .commit(shared, |batch| writes.iter().map(|write| batch.write(write)).collect())
                .unwrap_or_else(|error| vec![Err(error); replies.len()]);
            for (reply, result) in replies.into_iter().zip(results) {
                // nobody waits any more: the write stands all the same
                let _ = reply.send(result);
            }
            if shared.clock.elapsed().saturating_sub(purged_at) >= PURGE_EVERY {
                // if it fails there is still the next time, and nothing was promised
                let purged = self.commit(shared, |batch| batch.purge().map(|n| vec![n]));
                if purged.is_ok_and(|dropped| dropped.iter().all(|n| *n < PURGE)) {
                    purged_at = shared.clock.elapsed();
                }
            }
        }
    }

    /// One transaction on tables that are initialised.
    fn commit<T>(
        &mut self,
        shared: &Shared,
        write: impl FnOnce(&mut Batch<'_>) -> Result<Vec<T>, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.transact(shared, |batch| {
            schema::epoch(batch.transaction)?;
            write(batch)
        })
    }

    /// One transaction, which is on the disk when this returns.
    fn transact<T>(
        &mut self,
        shared: &Shared,
        write: impl FnOnce(&mut Batch<'_>) -> Result<Vec<T>, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        if self.guard.check()? {
            forget_pages(&self.connection)?;
        }
        let seen = shared.seen.load(Ordering::Acquire);
        let begin = sqlite("can't begin to write");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(begin)?;
        let meta = Meta::load(&transaction)?;
        shared.confirm(meta.store, meta.position, seen)?;
        let mut batch = Batch {
            view: View::new(&transaction, &*shared.clock),
            transaction: &transaction,
            meta,
            limits: self.limits,
            retention: self.retention,
            now: shared.clock.now(),
        };
        let results = write(&mut batch)?;
        batch.trim(self.log)?;
        let meta = batch.meta;
        meta.save(&transaction)?;
        transaction.commit().map_err(sqlite("can't commit"))?;
        // a commit to a file that nobody will find again is none
        self.guard.check()?;
        shared.seen.fetch_max(meta.position, Ordering::AcqRel);
        Ok(results)
    }
}

/// One transaction in the making.
pub(crate) struct Batch<'a> {
    pub(crate) transaction: &'a Transaction<'a>,
    pub(crate) view: View<'a>,
    pub(crate) meta: Meta,
    pub(crate) limits: Limits,
    retention: Retention,
    pub(crate) now: Timestamp,
}

impl Batch<'_> {
    /// The outer error ends the transaction, the inner refuses this one write.
    fn write(&mut self, write: &Write) -> Result<Result<Revoked, StoreError>, StoreError> {
        let position = Position::new(self.meta.position + 1);
        let cutoff = match write {
            Write::Revoke(entry) => self.revoke(entry, position),
            Write::Allow { token, subject, expires_at } => {
                let (token, subject) = (token.as_target(), subject.as_deref());
                let (retention, now) = (self.retention, self.now);
                Change::listing(token, subject, *expires_at, position, &retention, now)
                    .and_then(|change| self.apply(&change, None, position))
                    .map(|_| None)
            }
            Write::Remove(target) => {
                Change::removal(target.as_target(), position, &self.retention, self.now)
                    .and_then(|change| self.apply(&change, None, position))
                    .map(|_| None)
            }
        };
        match cutoff {
            Ok(cutoff) => {
                self.meta.position = position.get();
                Ok(Ok(Revoked::new(position, cutoff)))
            }
            Err(refusal) if is_refusal(&refusal) => Ok(Err(refusal)),
            Err(error) => Err(error),
        }
    }

    fn revoke(
        &mut self,
        entry: &Entry,
        position: Position,
    ) -> Result<Option<Timestamp>, StoreError> {
        let change = Change::of_entry(entry, &self.retention, self.now)?;
        if change.is_over(self.now) {
            return Ok(None);
        }
        let target = change.target();
        match (change.fact(), entry.subject()) {
            (Fact::Denied { .. }, Some(subject)) if !is_broad(target.kind()) => {
                if !self.has_too_many(&target, subject)? {
                    self.apply(&change, Some(subject), position)?;
                    return Ok(None);
                }
                let limit = self.limits.max_denials_per_subject();
                let cutoff =
                    Change::collapsed(entry, &self.retention, self.now).ok_or_else(|| {
                        full(format!("the subject has {limit} denied tokens and sessions already"))
                    })?;
                self.apply(&cutoff, None, position)?;
                self.view.cutoff(&cutoff.target())
            }
            (Fact::NotBefore(_), _) => {
                self.apply(&change, None, position)?;
                self.view.cutoff(&target)
            }
            (_, subject) => self.apply(&change, subject, position).map(|()| None),
        }
    }

    /// True if the subject has as many denials as it may have, and this is not one of them.
    fn has_too_many(&self, target: &Target<'_>, subject: &str) -> Result<bool, StoreError> {
        let limit = self.limits.max_denials_per_subject();
        let failed = sqlite("can't count a subject's denials");
        let sql = "SELECT count(*) FROM portcullis_denials
                   WHERE issuer = ?1 AND subject = ?2 AND keep_until > ?3
                     AND kind IN ('jti', 'fpr', 'sid')";
        let mut count = self.transaction.prepare_cached(sql).map_err(&failed)?;
        let count: i64 = count
            .query_row((target.issuer(), subject, self.now.as_secs()), |row| row.get(0))
            .map_err(failed)?;
        let has_room = usize::try_from(count).is_ok_and(|count| count < limit);
        Ok(!has_room && self.view.denied_from(target)?.is_none())
    }

    fn apply(
        &mut self,
        change: &Change<'_>,
        subject: Option<&str>,
        position: Position,
    ) -> Result<(), StoreError> {
        if change.is_over(self.now) {
            return Ok(());
        }
        let (target, keep_until) = (change.target(), keep_until(change.keep_until()));
        let broad = is_broad(target.kind());
        match change.fact() {
            Fact::Denied { effective_at } => {
                let room = if broad { Room::Cutoffs } else { Room::Denials };
                let effective_ms = effective_at.map_or(i64::MIN, Timestamp::as_millis);
                let known = self.view.denied_from(&target)?.is_some();
                self.take(room, known)?;
                self.put_denial(&target, subject, effective_ms, keep_until, position)?;
                self.log(DENIED, &target, effective_ms, keep_until, position)
            }
            Fact::NotBefore(time) => {
                let value = time.as_millis();
                self.put_mark(NOT_BEFORE, &target, value, keep_until, position)?;
                self.log(NOT_BEFORE, &target, value, keep_until, position)
            }
            Fact::Collapsed(time) => {
                let value = time.as_millis();
                self.put_mark(COLLAPSED, &target, value, keep_until, position)?;
                self.log(COLLAPSED, &target, value, keep_until, position)
            }
            Fact::MinGeneration(minimum) => {
                let value = generation_to_sql(minimum);
                self.put_mark(GENERATION, &target, value, keep_until, position)?;
                self.log(GENERATION, &target, value, keep_until, position)
            }
            Fact::Removed { position: at } if broad => {
                self.put_mark(REMOVED, &target, to_sql(at), keep_until, position)
            }
            Fact::Removed { .. } => self.put_listed(&target, None, 0, keep_until, position),
            Fact::Allowed { position: at, subject } => {
                self.put_listed(&target, subject, to_sql(at), keep_until, position)
            }
            _ => Err(StoreError::new(StoreErrorKind::Invalid, "this store is too old for that")),
        }
    }
}

pub(crate) fn full(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Full, message)
}
