//! The tables as a feed: where the log ends, what is in a page of a snapshot, what comes after a cursor.

use portcullis_core::feed::{Batch, Changes, Chunk, Epoch, FeedError, FeedErrorKind, Start};
use portcullis_core::state::{Change, Fact};
use portcullis_core::{Position, StoreError, Target, TargetKind, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::error::{corrupt, sqlite};
use crate::reading::{COLLAPSED, DENIED, GENERATION, NOT_BEFORE, generation_from_sql};
use crate::schema;

/// A place in the log of a [`SqliteStore`](crate::SqliteStore).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteCursor {
    /// Of the last entry that was read; zero before the first.
    position: i64,
    /// Of that entry.
    nonce: i64,
    /// Where the round that was begun ends.
    goal: Option<i64>,
}

impl SqliteCursor {
    pub(crate) const fn position(&self) -> i64 {
        self.position
    }
}

/// A place in a snapshot of a [`SqliteStore`](crate::SqliteStore).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlitePage {
    rule: String,
    kind: String,
    issuer: String,
    id: String,
}

/// One consistent view of the tables, for those who follow.
pub(crate) struct LogView<'a> {
    connection: &'a Connection,
    page: usize,
}

impl<'a> LogView<'a> {
    pub(crate) fn new(connection: &'a Connection, page: usize) -> Self {
        Self { connection, page }
    }

    fn epoch(&self) -> Result<Epoch, StoreError> {
        let (store, epoch) = (schema::store(self.connection)?, schema::epoch(self.connection)?);
        Ok(Epoch::new(format!("{store:016x}{epoch:016x}")))
    }

    pub(crate) fn start(&self) -> Result<Start<SqliteCursor>, FeedError> {
        let last = self.entry(
            "SELECT position, nonce FROM portcullis_log
                               ORDER BY position DESC LIMIT 1",
            [],
        )?;
        let (position, nonce) = last.unwrap_or((0, 0));
        Ok(Start::new(self.epoch()?, SqliteCursor { position, nonce, goal: None }))
    }

    /// The last position of the log.
    pub(crate) fn end(&self) -> Result<i64, StoreError> {
        let end = "SELECT coalesce(max(position), 0) FROM portcullis_log";
        self.connection
            .prepare_cached(end)
            .and_then(|mut end| end.query_row([], |row| row.get(0)))
            .map_err(sqlite("can't read the end of the log"))
    }

    pub(crate) fn read(&self, after: &SqliteCursor) -> Result<Batch<SqliteCursor>, FeedError> {
        let (epoch, meta) = (self.epoch()?, schema::Meta::load(self.connection)?);
        self.confirm(after, meta.trimmed)?;
        let end = self.end()?;
        let goal = after.goal.map_or(end, |goal| goal.min(end));
        let sql = "SELECT rule, kind, issuer, id, value, keep_until, position, nonce
                   FROM portcullis_log WHERE position > ?1 AND position <= ?2
                   ORDER BY position LIMIT ?3";
        let mut changes = Changes::new();
        let mut cursor = SqliteCursor { goal: None, ..after.clone() };
        self.rows(sql, (after.position, goal, self.limit()), |row| {
            push(&mut changes, row)?;
            cursor.position = row.get(6).map_err(unreadable)?;
            cursor.nonce = row.get(7).map_err(unreadable)?;
            Ok(())
        })?;
        let more = cursor.position < goal;
        cursor.goal = more.then_some(goal);
        // whoever has read the whole log has everything: the last writes may be listings
        let whole = cursor.position >= end;
        let position = if whole { meta.position } else { cursor.position.unsigned_abs() };
        Ok(Batch::new(epoch, cursor, Position::new(position), changes).with_more(more))
    }

    /// That the log still is the one that the cursor belongs to.
    fn confirm(&self, cursor: &SqliteCursor, trimmed: u64) -> Result<(), FeedError> {
        if trimmed > 0 && cursor.position.unsigned_abs() <= trimmed {
            return Err(FeedError::new(FeedErrorKind::Gap, "the log was trimmed"));
        }
        if cursor.position == 0 {
            return Ok(());
        }
        let nonce = "SELECT position, nonce FROM portcullis_log WHERE position = ?1";
        match self.entry(nonce, [cursor.position])? {
            Some((_, nonce)) if nonce == cursor.nonce => Ok(()),
            Some(_) => Err(FeedError::new(
                FeedErrorKind::Diverged,
                format!("another entry is at position {} of the log", cursor.position),
            )),
            None => Err(FeedError::new(
                FeedErrorKind::Diverged,
                format!("no entry is at position {} of the log", cursor.position),
            )),
        }
    }

    fn entry(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<Option<(i64, i64)>, StoreError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut entry| {
                entry.query_row(parameters, |row| Ok((row.get(0)?, row.get(1)?))).optional()
            })
            .map_err(sqlite("can't read the log"))
    }

    /// First the denials, then everything else, in the order of their keys.
    pub(crate) fn snapshot(
        &self,
        page: Option<&SqlitePage>,
        now: Timestamp,
    ) -> Result<Chunk<SqlitePage>, FeedError> {
        self.epoch()?;
        let first = SqlitePage::first(DENIED);
        let from = page.unwrap_or(&first);
        let mut changes = Changes::new();
        let mut last = from.clone();
        let now = now.as_secs();
        if from.rule == DENIED {
            let sql = "SELECT 'denied', kind, issuer, id, effective_ms, keep_until
                       FROM portcullis_denials
                       WHERE (kind, issuer, id) > (?1, ?2, ?3) AND keep_until > ?4
                       ORDER BY kind, issuer, id LIMIT ?5";
            let key = (&from.kind, &from.issuer, &from.id, now, self.limit());
            self.rows(sql, key, |row| last.read(&mut changes, row))?;
            if changes.len() < self.page {
                last = SqlitePage::first("");
            }
        } else {
            let sql = "SELECT rule, kind, issuer, id, value, keep_until FROM portcullis_marks
                       WHERE (rule, kind, issuer, id) > (?1, ?2, ?3, ?4) AND keep_until > ?5
                         AND rule <> 'removed'
                       ORDER BY rule, kind, issuer, id LIMIT ?6";
            let key = (&from.rule, &from.kind, &from.issuer, &from.id, now, self.limit());
            self.rows(sql, key, |row| last.read(&mut changes, row))?;
            if changes.len() < self.page {
                return Ok(Chunk::last(changes));
            }
        }
        Ok(Chunk::new(changes, last))
    }

    fn rows(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        mut each: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(unreadable)?;
        let mut rows = statement.query(parameters).map_err(unreadable)?;
        while let Some(row) = rows.next().map_err(unreadable)? {
            each(row)?;
        }
        Ok(())
    }

    fn limit(&self) -> i64 {
        i64::try_from(self.page).unwrap_or(i64::MAX)
    }
}

impl SqlitePage {
    /// Before everything of this rule and those after it. Denials have a table of their own, which
    /// comes first.
    fn first(rule: &str) -> Self {
        let nothing = String::new;
        Self { rule: rule.to_owned(), kind: nothing(), issuer: nothing(), id: nothing() }
    }

    /// Takes in a row, which is the last one for now.
    fn read(&mut self, changes: &mut Changes, row: &Row<'_>) -> Result<(), StoreError> {
        push(changes, row)?;
        for (part, column) in
            [&mut self.rule, &mut self.kind, &mut self.issuer, &mut self.id].into_iter().zip(0..)
        {
            let text =
                row.get_ref(column).and_then(|text| Ok(text.as_str()?)).map_err(unreadable)?;
            part.clear();
            part.push_str(text);
        }
        Ok(())
    }
}

/// Adds what a row of rule, kind, issuer, id, value and `keep_until` says.
fn push(changes: &mut Changes, row: &Row<'_>) -> Result<(), StoreError> {
    let text = |column| row.get_ref(column).and_then(|text| Ok(text.as_str()?)).map_err(unreadable);
    let (rule, kind, issuer, id) = (text(0)?, text(1)?, text(2)?, text(3)?);
    let value: i64 = row.get(4).map_err(unreadable)?;
    let keep_until: i64 = row.get(5).map_err(unreadable)?;
    let kind = TargetKind::from_name(kind).ok_or_else(|| corrupt("a kind of target is unknown"))?;
    let fact = match rule {
        DENIED => Fact::Denied {
            effective_at: (value != i64::MIN).then(|| Timestamp::from_millis(value)),
        },
        NOT_BEFORE => Fact::NotBefore(Timestamp::from_millis(value)),
        COLLAPSED => Fact::Collapsed(Timestamp::from_millis(value)),
        GENERATION => Fact::MinGeneration(generation_from_sql(value)?),
        _ => return Err(corrupt("a rule is unknown")),
    };
    let keep_until = (keep_until != i64::MAX).then(|| Timestamp::from_secs(keep_until));
    changes.push(&Change::new(Target::from_parts(kind, issuer, id), fact, keep_until));
    Ok(())
}

fn unreadable(error: rusqlite::Error) -> StoreError {
    sqlite("can't read what copies are made from")(error)
}
