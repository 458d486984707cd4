//! Reading: threads that answer questions, many of them in one look at the file.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_core::revocation::is_cut_off;
use portcullis_core::state::Usage;
use portcullis_core::{Clock, StoreError, Target, TargetKind, Timestamp};
use rusqlite::{CachedStatement, Connection, OptionalExtension};

use crate::connect::forget_pages;
use crate::error::{corrupt, sqlite};
use crate::guard::Guard;
use crate::queue::Queue;
use crate::schema;

/// How many questions are answered in one look at the file.
const BATCH: usize = 64;

/// A question, which is given either a view of the tables or the reason why there is none. It
/// replies to whoever asked by itself.
pub(crate) type Question = Box<dyn FnOnce(Result<&View<'_>, &StoreError>) + Send>;

/// What the threads have to agree on.
pub(crate) struct Shared {
    /// The random number of the tables that were opened.
    pub(crate) store: i64,
    /// The highest position seen. Tables that are behind it have lost writes: a backup was restored.
    pub(crate) seen: AtomicU64,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Shared {
    /// That the tables are those that were opened and have lost nothing that was there at `seen`.
    pub(crate) fn confirm(&self, store: i64, position: u64, seen: u64) -> Result<(), StoreError> {
        if store != self.store {
            return Err(corrupt("the tables were replaced by others"));
        }
        if position < seen {
            return Err(corrupt(format!(
                "the tables went back from position {seen} to {position}"
            )));
        }
        self.seen.fetch_max(position, Ordering::AcqRel);
        Ok(())
    }
}

/// Answers questions until the queue is closed.
pub(crate) fn run(
    connection: &Connection,
    guard: &mut Guard,
    shared: &Shared,
    queue: &Queue<Question>,
) {
    while let Some(questions) = queue.pop(BATCH) {
        let mut questions = questions.into_iter();
        let looked = look(connection, guard, shared, |view| {
            for question in questions.by_ref() {
                question(Ok(view));
            }
        });
        if let Err(error) = looked {
            // those that were answered already had a good view of the tables
            for question in questions {
                question(Err(&error));
            }
        }
    }
}

fn look(
    connection: &Connection,
    guard: &mut Guard,
    shared: &Shared,
    answer: impl FnOnce(&View<'_>),
) -> Result<(), StoreError> {
    if guard.check()? {
        forget_pages(connection)?;
    }
    let seen = shared.seen.load(Ordering::Acquire);
    let failed = sqlite("can't begin to read");
    // rolled back when it is dropped, which is all that a transaction that only reads needs
    let transaction = connection.unchecked_transaction().map_err(failed)?;
    shared.confirm(schema::store(&transaction)?, schema::position(&transaction)?, seen)?;
    schema::epoch(&transaction)?;
    answer(&View { connection: &transaction, clock: &*shared.clock });
    Ok(())
}

/// One consistent view of the tables.
pub(crate) struct View<'a> {
    connection: &'a Connection,
    clock: &'a dyn Clock,
}

impl<'a> View<'a> {
    pub(crate) fn new(connection: &'a Connection, clock: &'a dyn Clock) -> Self {
        Self { connection, clock }
    }

    fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, StoreError> {
        self.connection.prepare_cached(sql).map_err(sqlite("can't read the tables"))
    }

    /// From when on the target is denied, in milliseconds.
    pub(crate) fn denied_from(&self, target: &Target<'_>) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT effective_ms FROM portcullis_denials
                   WHERE kind = ?1 AND issuer = ?2 AND id = ?3";
        self.prepare(sql)?
            .query_row(key(target), |row| row.get(0))
            .optional()
            .map_err(sqlite("can't read the denials"))
    }

    pub(crate) fn is_denied(&self, target: &Target<'_>) -> Result<bool, StoreError> {
        let from = self.denied_from(target)?;
        Ok(from.is_some_and(|from| from == i64::MIN || from <= self.clock.now().as_millis()))
    }

    /// True if a token of this subject issued then falls under the cutoff that the subject's denials
    /// were collapsed into. A token without `iat` always does.
    pub(crate) fn is_collapsed(
        &self,
        subject: &Target<'_>,
        issued: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let cutoff = self.mark(COLLAPSED, subject)?.map(Timestamp::from_millis);
        Ok(cutoff.is_some_and(|cutoff| issued.is_none_or(|issued| is_cut_off(issued, cutoff))))
    }

    pub(crate) fn cutoff(&self, target: &Target<'_>) -> Result<Option<Timestamp>, StoreError> {
        let mut cutoff = self.mark(NOT_BEFORE, target)?;
        if target.kind() == TargetKind::Subject {
            cutoff = cutoff.max(self.mark(COLLAPSED, target)?);
        }
        Ok(cutoff.map(Timestamp::from_millis))
    }

    pub(crate) fn min_generation(&self, target: &Target<'_>) -> Result<Option<u64>, StoreError> {
        self.mark(GENERATION, target)?.map(generation_from_sql).transpose()
    }

    /// The highest value written for this rule and target.
    pub(crate) fn mark(&self, rule: &str, target: &Target<'_>) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT value FROM portcullis_marks
                   WHERE rule = ?1 AND kind = ?2 AND issuer = ?3 AND id = ?4";
        let (kind, issuer, id) = key(target);
        self.prepare(sql)?
            .query_row((rule, kind, issuer, id), |row| row.get(0))
            .optional()
            .map_err(sqlite("can't read the cutoffs"))
    }

    pub(crate) fn is_allowed(&self, token: &Target<'_>) -> Result<bool, StoreError> {
        let sql = "SELECT first, subject FROM portcullis_allowed
                   WHERE kind = ?1 AND issuer = ?2 AND id = ?3";
        let listed: Option<(i64, Option<String>)> = self
            .prepare(sql)?
            .query_row(key(token), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(sqlite("can't read the allowlist"))?;
        let Some((first, subject)) = listed.filter(|(first, _)| *first > 0) else {
            return Ok(false);
        };
        let issuer = token.issuer();
        let subject = subject.as_deref().map(|subject| Target::subject(issuer, subject));
        let wider = [subject, Some(Target::issuer_wide(issuer)), Some(Target::everything())];
        for target in wider.iter().flatten() {
            if self.mark(REMOVED, target)?.is_some_and(|removed| first <= removed) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn usage(&self) -> Result<Usage, StoreError> {
        Ok(schema::Meta::load(self.connection)?.usage)
    }
}

/// The names of the rules in the table of marks; in the log there are denials beside them, and no removals.
pub(crate) const DENIED: &str = "denied";
pub(crate) const NOT_BEFORE: &str = "not_before";
pub(crate) const COLLAPSED: &str = "collapsed";
pub(crate) const GENERATION: &str = "generation";
pub(crate) const REMOVED: &str = "removed";

/// The columns that a target is found by.
pub(crate) fn key<'a>(target: &Target<'a>) -> (&'static str, &'a str, &'a str) {
    (target.kind().as_str(), target.issuer(), target.id())
}

/// SQLite's integers have a sign. A generation beyond them is written as the largest, which stands
/// for the largest there is: stricter, and out of reach of any counter.
pub(crate) fn generation_to_sql(generation: u64) -> i64 {
    i64::try_from(generation).unwrap_or(i64::MAX)
}

pub(crate) fn generation_from_sql(value: i64) -> Result<u64, StoreError> {
    match value {
        i64::MAX => Ok(u64::MAX),
        _ => u64::try_from(value).map_err(|_| corrupt("a generation is negative")),
    }
}
