//! The tables. They are prefixed, so that they can stand beside a user's own.

use portcullis_core::state::Usage;
use portcullis_core::{StoreError, StoreErrorKind};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use crate::error::{corrupt, sqlite};

/// The version of the tables below.
const VERSION: i64 = 2;

/// `keep_until` is in seconds since 1970, rounded up, and the largest number is never. All other times
/// are in milliseconds. `effective_ms` of a denial that is in force at once is the smallest number.
/// `first` is the position at which a token was first listed, 0 if it was removed. `position` is that
/// of the last write to the row.
const TABLES: &str = "
    CREATE TABLE portcullis_meta (
        name TEXT NOT NULL PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE portcullis_denials (
        kind TEXT NOT NULL,
        issuer TEXT NOT NULL,
        id TEXT NOT NULL,
        subject TEXT,
        effective_ms INTEGER NOT NULL,
        keep_until INTEGER NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (kind, issuer, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX portcullis_denials_subject ON portcullis_denials (issuer, subject)
        WHERE subject IS NOT NULL;
    CREATE INDEX portcullis_denials_keep ON portcullis_denials (keep_until);

    CREATE TABLE portcullis_marks (
        rule TEXT NOT NULL,
        kind TEXT NOT NULL,
        issuer TEXT NOT NULL,
        id TEXT NOT NULL,
        value INTEGER NOT NULL,
        keep_until INTEGER NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (rule, kind, issuer, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX portcullis_marks_keep ON portcullis_marks (keep_until);

    CREATE TABLE portcullis_allowed (
        kind TEXT NOT NULL,
        issuer TEXT NOT NULL,
        id TEXT NOT NULL,
        subject TEXT,
        first INTEGER NOT NULL,
        was_listed INTEGER NOT NULL,
        keep_until INTEGER NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (kind, issuer, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX portcullis_allowed_keep ON portcullis_allowed (keep_until);

    INSERT INTO portcullis_meta VALUES
        ('schema', 1), ('store', random()), ('position', 0),
        ('denials', 0), ('cutoffs', 0), ('allowed', 0);
";

/// What version 2 adds: the log that copies follow. `value` is what the row of the entry says, and
/// `nonce` tells the entry from any other that might take its place. `trimmed` is the position up to
/// which the log was cut off. There is no `epoch` yet: a store without one is not initialised.
///
/// The number of the store is drawn anew, so that a process of an older version, which would not write
/// to the log, is not let near the tables any more.
const LOG: &str = "
    CREATE TABLE portcullis_log (
        position INTEGER NOT NULL PRIMARY KEY,
        nonce INTEGER NOT NULL,
        rule TEXT NOT NULL,
        kind TEXT NOT NULL,
        issuer TEXT NOT NULL,
        id TEXT NOT NULL,
        value INTEGER NOT NULL,
        keep_until INTEGER NOT NULL
    ) STRICT;

    INSERT INTO portcullis_meta VALUES ('trimmed', 0);
    UPDATE portcullis_meta SET value = random() WHERE name = 'store';
    UPDATE portcullis_meta SET value = 2 WHERE name = 'schema';
";

/// Creates the tables if they are not there, brings those of an older version up to date, and tells
/// what they say of themselves.
pub(crate) fn prepare(connection: &mut Connection) -> Result<Meta, StoreError> {
    let failed = sqlite("can't create the tables");
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    let exists = "SELECT 1 FROM sqlite_schema WHERE name = 'portcullis_meta'";
    let exists = transaction.query_row(exists, [], |_| Ok(())).optional().map_err(&failed)?;
    if exists.is_none() {
        transaction.execute_batch(TABLES).map_err(&failed)?;
    }
    let version = value(&transaction, "schema")?;
    if version == 1 {
        transaction.execute_batch(LOG).map_err(&failed)?;
        if exists.is_some() {
            // the tables have been in use, and have lost nothing
            set_epoch(&transaction)?;
        }
    } else if version != VERSION {
        let message = format!("the tables are of version {version}, not {VERSION}");
        return Err(StoreError::new(StoreErrorKind::Invalid, message));
    }
    let meta = Meta::load(&transaction)?;
    transaction.commit().map_err(failed)?;
    Ok(meta)
}

/// What the tables say of themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meta {
    /// A random number that tells this set of tables from any other.
    pub(crate) store: i64,
    /// The position of the last write.
    pub(crate) position: u64,
    /// Up to which position the log was cut off.
    pub(crate) trimmed: u64,
    pub(crate) usage: Usage,
}

impl Meta {
    pub(crate) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let count = |name| {
            usize::try_from(value(connection, name)?)
                .map_err(|_| corrupt(format!("the count of {name} is negative")))
        };
        Ok(Self {
            store: value(connection, "store")?,
            position: position(connection)?,
            trimmed: number(connection, "trimmed")?,
            usage: Usage::new(count("denials")?, count("cutoffs")?, count("allowed")?),
        })
    }

    pub(crate) fn save(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let failed = sqlite("can't write the position");
        let set = "UPDATE portcullis_meta SET value = ?2 WHERE name = ?1";
        let mut set = transaction.prepare_cached(set).map_err(&failed)?;
        let usage = self.usage;
        for (name, value) in [
            ("position", self.position),
            ("trimmed", self.trimmed),
            ("denials", usage.denials as u64),
            ("cutoffs", usage.cutoffs as u64),
            ("allowed", usage.allowed as u64),
        ] {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            if set.execute((name, value)).map_err(&failed)? != 1 {
                return Err(corrupt(format!("the row of {name} is missing")));
            }
        }
        Ok(())
    }
}

/// The position of the last write.
pub(crate) fn position(connection: &Connection) -> Result<u64, StoreError> {
    number(connection, "position")
}

fn number(connection: &Connection, name: &str) -> Result<u64, StoreError> {
    u64::try_from(value(connection, name)?).map_err(|_| corrupt(format!("the {name} is negative")))
}

/// The random number of the epoch.
pub(crate) fn epoch(connection: &Connection) -> Result<i64, StoreError> {
    find_epoch(connection)?
        .ok_or_else(|| StoreError::new(StoreErrorKind::Uninitialised, "the tables have no epoch"))
}

pub(crate) fn find_epoch(connection: &Connection) -> Result<Option<i64>, StoreError> {
    find(connection, "epoch")
}

/// Begins an epoch.
pub(crate) fn set_epoch(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    transaction
        .execute("INSERT OR REPLACE INTO portcullis_meta VALUES ('epoch', random())", [])
        .map(|_| ())
        .map_err(sqlite("can't begin an epoch"))
}

/// The random number that tells this set of tables from any other.
pub(crate) fn store(connection: &Connection) -> Result<i64, StoreError> {
    value(connection, "store")
}

fn value(connection: &Connection, name: &str) -> Result<i64, StoreError> {
    find(connection, name)?.ok_or_else(|| corrupt(format!("the row of {name} is missing")))
}

fn find(connection: &Connection, name: &str) -> Result<Option<i64>, StoreError> {
    let failed = sqlite("can't read what the tables say of themselves");
    let get = "SELECT value FROM portcullis_meta WHERE name = ?1";
    let mut get = connection.prepare_cached(get).map_err(&failed)?;
    get.query_row([name], |row| row.get(0)).optional().map_err(failed)
}
