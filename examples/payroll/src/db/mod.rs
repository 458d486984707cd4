//! The database: one SQLite connection on a thread of its own, asked over a channel.
//!
//! Waiting is bounded twice. Work that has waited too long for its turn is refused before it
//! starts, and work that has started waits for a lock only as long as the busy timeout. Whoever
//! asked always learns how it ended: no write goes on in the background after its request was told
//! that it failed.

mod file;
mod payments;
mod schema;
mod signing_keys;
mod users;
mod workers;

use std::path::Path;
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

use anyhow::Context as _;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

pub(crate) use payments::Payment;
pub(crate) use signing_keys::{Earlier, StoredKey};
pub(crate) use users::NewUser;
pub(crate) use workers::{Change, Worker};

/// How long a statement waits for a lock that another process holds.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_millis(500);
/// How long work may wait for its turn.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// How much work may wait.
const QUEUE: usize = 1024;

/// A handle on the database, cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Db {
    jobs: mpsc::Sender<Message>,
}

type Work = Box<dyn FnOnce(&mut Connection, &file::Watch) + Send>;

enum Message {
    Run(Work),
    Close(oneshot::Sender<()>),
}

impl Db {
    /// Opens the file, creates it if it does not exist, and brings its tables up.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let context = || format!("opening the database {}", path.display());
        file::prepare(path).with_context(context)?;
        let mut connection = connect(path).with_context(context)?;
        schema::create(&mut connection).with_context(context)?;
        let watch = file::Watch::new(path).with_context(context)?;
        let (jobs, mut queue) = mpsc::channel(QUEUE);
        thread::Builder::new().name("database".into()).spawn(move || {
            while let Some(message) = queue.blocking_recv() {
                match message {
                    Message::Run(work) => work(&mut connection, &watch),
                    Message::Close(done) => {
                        drop(connection);
                        // nobody may be waiting any more
                        let _ = done.send(());
                        return;
                    }
                }
            }
        })?;
        Ok(Self { jobs })
    }

    /// Runs this on the connection.
    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DbError> {
        let asked = Instant::now();
        let (answer, answered) = oneshot::channel();
        let job = move |connection: &mut Connection, watch: &file::Watch| {
            let run = || {
                if asked.elapsed() > MAX_WAIT {
                    return Err(DbError::Overloaded);
                }
                // Before, because an answer from a file that is gone means nothing; and after,
                // because a write to it is lost.
                watch.check().map_err(DbError::File)?;
                let result = work(connection).map_err(DbError::Sqlite)?;
                watch.check().map_err(DbError::File)?;
                Ok(result)
            };
            // the request may have been broken off
            let _ = answer.send(run());
        };
        self.jobs.try_send(Message::Run(Box::new(job))).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => DbError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => DbError::Closed,
        })?;
        answered.await.unwrap_or(Err(DbError::Closed))
    }

    /// Runs this as a transaction. The commit is explicit, because an error of one that a statement
    /// does by itself could go unnoticed.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DbError> {
        self.call(move |connection| {
            // takes the lock at once: nothing that was read can be outdated when it is written
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })
        .await
    }

    /// Closes the file after the work that is waiting, so that it is complete without its
    /// write-ahead log.
    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.jobs.send(Message::Close(done)).await.is_ok() {
            // an error means that it is closed already
            let _ = closed.await;
        }
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Readers and the revocation store are not blocked by a writer, and a commit that was
    // acknowledged survives a power cut.
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// Why the database could not be asked. All of them pass: 503.
#[derive(Debug)]
pub(crate) enum DbError {
    /// Too much work is waiting.
    Overloaded,
    /// The file is gone, or is not the one that was opened.
    File(io::Error),
    /// What SQLite says.
    Sqlite(rusqlite::Error),
    /// The service is stopping.
    Closed,
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overloaded => f.write_str("too much work is waiting for the database"),
            Self::File(error) => write!(f, "the database file: {error}"),
            Self::Sqlite(error) => write!(f, "the database: {error}"),
            Self::Closed => f.write_str("the database is closed"),
        }
    }
}

impl std::error::Error for DbError {}
