//! Families in an SQLite file: they outlive the process, and the processes of one host share them.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use futures_channel::oneshot;
use portcullis_core::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::{Family, RefreshStore};
use crate::error::{IssuerError, IssuerErrorKind};

/// Requests that wait for the thread. When the disk hangs, more than this are refused rather than piled up.
const QUEUE: usize = 1_024;
/// How many expired families are deleted with each new one, so that the table shrinks faster than it grows.
const SWEEP: u32 = 16;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS portcullis_refresh_families (
    id TEXT NOT NULL PRIMARY KEY,
    -- bytes, so that nothing is folded or trimmed
    subject BLOB NOT NULL,
    generation INTEGER NOT NULL,
    -- milliseconds since 1970
    expires_at INTEGER NOT NULL,
    family TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS portcullis_refresh_families_by_subject ON portcullis_refresh_families (subject);
CREATE INDEX IF NOT EXISTS portcullis_refresh_families_by_expiry ON portcullis_refresh_families (expires_at);
";

/// Families in an SQLite file. Clones share one thread of their own, which ends with the last of them.
///
/// The file may be one that holds other tables too. A new one is readable to nobody but its owner; what is in it lets
/// nobody refresh. Whatever was answered is on the disk: `synchronous=FULL`.
///
/// # Example
///
/// ```
/// use portcullis_issuer::refresh::{RefreshTokens, SqliteRefreshStore};
/// # use portcullis::MemoryStore;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let file = folder.path().join("sessions.db");
/// let store = SqliteRefreshStore::open(&file)?;
/// let refresh = RefreshTokens::builder("https://payroll.example.com", store, MemoryStore::new()).build()?;
/// # let _ = refresh;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SqliteRefreshStore {
    jobs: SyncSender<Job>,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

impl SqliteRefreshStore {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    ///
    /// [`StoreUnavailable`](IssuerErrorKind::StoreUnavailable) if it can't be opened or written to, or is no database.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, IssuerError> {
        let connection = connect(path.as_ref())?;
        let (jobs, work) = sync_channel(QUEUE);
        thread::Builder::new()
            .name("portcullis-refresh".into())
            .spawn(move || run(connection, &work))
            .map_err(|error| unavailable("can't start the thread of the store", error))?;
        Ok(Self { jobs })
    }

    /// Has the thread do it.
    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, IssuerError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // An error means that nobody waits any more.
            let _ = answer.send(job(connection));
        });
        self.jobs.try_send(job).map_err(|error| {
            let why = match error {
                TrySendError::Full(_) => "too many requests wait for the file of refresh tokens",
                TrySendError::Disconnected(_) => "the thread of the store has ended",
            };
            IssuerError::new(IssuerErrorKind::StoreUnavailable, why)
        })?;
        let result = answered
            .await
            .map_err(|error| unavailable("the thread of the store has ended", error))?;
        result.map_err(|error| unavailable("the file of refresh tokens failed", error))
    }
}

impl RefreshStore for SqliteRefreshStore {
    type Error = IssuerError;

    async fn insert(&self, family: &Family, now: Timestamp) -> Result<(), IssuerError> {
        let row = Row::of(family)?;
        self.ask(move |connection| {
            let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            change.execute(
                "DELETE FROM portcullis_refresh_families WHERE id IN (
                     SELECT id FROM portcullis_refresh_families WHERE expires_at <= ?1 LIMIT ?2)",
                params![now.as_millis(), SWEEP],
            )?;
            change.execute(
                "INSERT INTO portcullis_refresh_families VALUES (?1, ?2, ?3, ?4, ?5)",
                params![row.id, row.subject, row.generation, row.expires_at, row.family],
            )?;
            change.commit()
        })
        .await
    }

    async fn find(&self, id: &str) -> Result<Option<Family>, IssuerError> {
        let id = id.to_owned();
        let found = self.ask(move |connection| {
            connection
                .prepare_cached("SELECT family FROM portcullis_refresh_families WHERE id = ?1")?
                .query_row([id], |row| row.get::<_, String>(0))
                .optional()
        });
        found.await?.map(|text| read(&text)).transpose()
    }

    async fn advance(&self, family: &Family) -> Result<bool, IssuerError> {
        let Row { id, generation, family, .. } = Row::of(family)?;
        self.ask(move |connection| {
            let changed = connection
                .prepare_cached(
                    "UPDATE portcullis_refresh_families SET generation = ?2, family = ?3
                     WHERE id = ?1 AND generation = ?2 - 1",
                )?
                .execute(params![id, generation, family])?;
            Ok(changed == 1)
        })
        .await
    }

    async fn remove(&self, id: &str) -> Result<(), IssuerError> {
        let id = id.to_owned();
        self.ask(move |connection| {
            connection
                .prepare_cached("DELETE FROM portcullis_refresh_families WHERE id = ?1")?
                .execute([id])
                .map(drop)
        })
        .await
    }

    async fn of_subject(&self, subject: &str) -> Result<Vec<Family>, IssuerError> {
        let subject = subject.as_bytes().to_vec();
        let found = self.ask(move |connection| {
            connection
                .prepare_cached(
                    "SELECT family FROM portcullis_refresh_families WHERE subject = ?1",
                )?
                .query_map([subject], |row| row.get::<_, String>(0))?
                .collect::<rusqlite::Result<Vec<_>>>()
        });
        found.await?.iter().map(|text| read(text)).collect()
    }
}

/// A family as the table has it.
struct Row {
    id: String,
    subject: Vec<u8>,
    generation: u32,
    expires_at: i64,
    family: String,
}

impl Row {
    fn of(family: &Family) -> Result<Self, IssuerError> {
        let text = serde_json::to_string(family)
            .map_err(|error| unavailable("a family can't be written down", error))?;
        Ok(Self {
            id: family.id().to_owned(),
            subject: family.subject().as_bytes().to_vec(),
            generation: family.generation(),
            expires_at: family.expires_at().as_millis(),
            family: text,
        })
    }
}

fn read(text: &str) -> Result<Family, IssuerError> {
    serde_json::from_str(text)
        .map_err(|error| unavailable("the file of refresh tokens holds what is no family", error))
}

fn connect(path: &Path) -> Result<Connection, IssuerError> {
    let mut options = OpenOptions::new();
    // Only ever a new file: closing one that SQLite has open elsewhere in this process would drop its locks.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(unavailable("can't make the file of refresh tokens", error)),
    }
    crate::sqlite::open(path, SCHEMA)
        .map_err(|error| unavailable("can't open the file of refresh tokens", error))
}

/// Until the last store is dropped.
fn run(mut connection: Connection, work: &Receiver<Job>) {
    while let Ok(job) = work.recv() {
        job(&mut connection);
    }
}

fn unavailable(
    message: &str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> IssuerError {
    IssuerError::new(IssuerErrorKind::StoreUnavailable, message).with_source(source)
}
