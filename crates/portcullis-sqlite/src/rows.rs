//! The rows of a transaction in the making: merged with what is there, and counted.

use portcullis_core::state::{Usage, is_broad};
use portcullis_core::{Position, StoreError, Target, TargetKind, Timestamp};
use rusqlite::OptionalExtension;

use crate::error::sqlite;
use crate::reading::key;
use crate::writing::{Batch, full};

/// How many expired rows of each table are dropped at a time, so that nobody waits long.
pub(crate) const PURGE: usize = 500;

/// Where a row counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Room {
    Denials,
    Cutoffs,
    Allowed,
}

impl Batch<'_> {
    pub(crate) fn put_denial(
        &self,
        target: &Target<'_>,
        subject: Option<&str>,
        effective_ms: i64,
        keep_until: i64,
        position: Position,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO portcullis_denials VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT DO UPDATE SET
                       subject = coalesce(subject, excluded.subject),
                       effective_ms = min(effective_ms, excluded.effective_ms),
                       keep_until = max(keep_until, excluded.keep_until),
                       position = excluded.position";
        let (kind, issuer, id) = key(target);
        let row = (kind, issuer, id, subject, effective_ms, keep_until, to_sql(position));
        self.execute(sql, row)
    }

    pub(crate) fn put_mark(
        &mut self,
        rule: &str,
        target: &Target<'_>,
        value: i64,
        keep_until: i64,
        position: Position,
    ) -> Result<(), StoreError> {
        let known = self.view.mark(rule, target)?.is_some();
        self.take(Room::Cutoffs, known)?;
        let sql = "INSERT INTO portcullis_marks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT DO UPDATE SET
                       value = max(value, excluded.value),
                       keep_until = max(keep_until, excluded.keep_until),
                       position = excluded.position";
        let (kind, issuer, id) = key(target);
        self.execute(sql, (rule, kind, issuer, id, value, keep_until, to_sql(position)))
    }

    /// `first` of zero is the tombstone of a removed token.
    pub(crate) fn put_listed(
        &mut self,
        token: &Target<'_>,
        subject: Option<&str>,
        first: i64,
        keep_until: i64,
        position: Position,
    ) -> Result<(), StoreError> {
        let failed = sqlite("can't read the allowlist");
        let (kind, issuer, id) = key(token);
        let known = "SELECT 1 FROM portcullis_allowed WHERE kind = ?1 AND issuer = ?2 AND id = ?3";
        let known = self
            .transaction
            .prepare_cached(known)
            .and_then(|mut known| known.query_row((kind, issuer, id), |_| Ok(())).optional())
            .map_err(failed)?
            .is_some();
        self.take(Room::Allowed, known)?;
        // The expiry of a tombstone is a guess, that of a listing is known.
        let sql = "INSERT INTO portcullis_allowed VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                   ON CONFLICT DO UPDATE SET
                       keep_until = CASE
                           WHEN was_listed > excluded.was_listed THEN keep_until
                           WHEN was_listed < excluded.was_listed THEN excluded.keep_until
                           ELSE max(keep_until, excluded.keep_until) END,
                       was_listed = max(was_listed, excluded.was_listed),
                       subject = CASE
                           WHEN excluded.first < first THEN excluded.subject ELSE subject END,
                       first = min(first, excluded.first),
                       position = excluded.position";
        let was_listed = i64::from(first > 0);
        let position = to_sql(position);
        self.execute(sql, (kind, issuer, id, subject, first, was_listed, keep_until, position))
    }

    /// Tells those who follow. Allowlists are looked up here, so they are no part of the log.
    pub(crate) fn log(
        &self,
        rule: &str,
        target: &Target<'_>,
        value: i64,
        keep_until: i64,
        position: Position,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO portcullis_log VALUES (?1, random(), ?2, ?3, ?4, ?5, ?6, ?7)";
        let (kind, issuer, id) = key(target);
        self.execute(sql, (to_sql(position), rule, kind, issuer, id, value, keep_until))
    }

    /// Cuts the log off this far back, and never its last entry, by which those who have read
    /// everything see that it still is the same log.
    pub(crate) fn trim(&mut self, log: u64) -> Result<(), StoreError> {
        let failed = sqlite("can't trim the log");
        let last = "SELECT coalesce(max(position), 0) FROM portcullis_log";
        let last = self
            .transaction
            .prepare_cached(last)
            .and_then(|mut last| last.query_row([], |row| row.get::<_, i64>(0)))
            .map_err(failed)?;
        let end = self.meta.position.saturating_sub(log);
        let end = end.min(u64::try_from(last).unwrap_or(0).saturating_sub(1));
        if end > self.meta.trimmed {
            let end = to_sql(Position::new(end));
            self.execute("DELETE FROM portcullis_log WHERE position <= ?1", [end])?;
            self.meta.trimmed = end.unsigned_abs();
        }
        Ok(())
    }

    fn execute(&self, sql: &str, row: impl rusqlite::Params) -> Result<(), StoreError> {
        let failed = sqlite("can't write to the tables");
        let mut statement = self.transaction.prepare_cached(sql).map_err(&failed)?;
        statement.execute(row).map(|_| ()).map_err(failed)
    }

    /// Takes a place in the room for a row, unless it is there already.
    pub(crate) fn take(&mut self, room: Room, known: bool) -> Result<(), StoreError> {
        if known {
            return Ok(());
        }
        while self.used(room) >= self.limit(room) {
            if self.purge()? == 0 {
                let used = self.used(room);
                return Err(full(format!("the store is full: it holds {used} such entries")));
            }
        }
        *self.used_mut(room) += 1;
        Ok(())
    }

    /// Drops some rows that have expired, and tells how many.
    pub(crate) fn purge(&mut self) -> Result<usize, StoreError> {
        let mut dropped = 0;
        for (table, columns) in [
            ("denials", "kind, issuer, id"),
            ("marks", "rule, kind, issuer, id"),
            ("allowed", "kind, issuer, id"),
        ] {
            let failed = sqlite("can't drop what has expired");
            let sql = format!(
                "DELETE FROM portcullis_{table} WHERE ({columns}) IN (
                     SELECT {columns} FROM portcullis_{table} WHERE keep_until <= ?1 LIMIT {PURGE})
                 RETURNING kind"
            );
            let mut statement = self.transaction.prepare_cached(&sql).map_err(&failed)?;
            let kinds = statement
                .query_map([self.now.as_secs()], |row| row.get::<_, String>(0))
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(failed)?;
            drop(statement);
            dropped += kinds.len();
            for kind in kinds {
                let room = match (table, TargetKind::from_name(&kind)) {
                    ("denials", Some(kind)) if !is_broad(kind) => Room::Denials,
                    ("allowed", _) => Room::Allowed,
                    _ => Room::Cutoffs,
                };
                let used = self.used_mut(room);
                *used = used.saturating_sub(1);
            }
        }
        Ok(dropped)
    }

    fn used(&mut self, room: Room) -> usize {
        *self.used_mut(room)
    }

    fn used_mut(&mut self, room: Room) -> &mut usize {
        let Usage { denials, cutoffs, allowed, .. } = &mut self.meta.usage;
        match room {
            Room::Denials => denials,
            Room::Cutoffs => cutoffs,
            Room::Allowed => allowed,
        }
    }

    fn limit(&self, room: Room) -> usize {
        match room {
            Room::Denials => self.limits.max_denials(),
            Room::Cutoffs => self.limits.max_cutoffs(),
            Room::Allowed => self.limits.max_allowed(),
        }
    }
}

pub(crate) fn to_sql(position: Position) -> i64 {
    i64::try_from(position.get()).unwrap_or(i64::MAX)
}

/// Seconds since 1970, rounded up; the largest number is never.
pub(crate) fn keep_until(time: Option<Timestamp>) -> i64 {
    time.map_or(i64::MAX, |time| time.as_secs().saturating_add(i64::from(!time.is_whole_second())))
}
