//! Signing keys in an SQLite file.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, params};
use zeroize::Zeroizing;

use super::directory::{failed, private};
use super::{SigningKeyStore, record};
use crate::error::{IssuerError, IssuerErrorKind};
use crate::{KeyEntry, SigningKey};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS portcullis_signing_keys (
    thumbprint TEXT NOT NULL PRIMARY KEY,
    -- the private JWK, and its dates
    entry TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";

/// A table of signing keys in an SQLite file, which may hold other tables too.
///
/// A new file is for its owner only (mode 0600). On Unix, one that others can read or write is refused each time it is
/// read. What was added is on the disk: `synchronous=FULL`.
#[derive(Debug)]
pub struct SqliteKeys {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl SqliteKeys {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    ///
    /// [`Exposed`](IssuerErrorKind::Exposed) if others can get at it,
    /// [`StoreUnavailable`](IssuerErrorKind::StoreUnavailable) if it can't be opened or is no database.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, IssuerError> {
        let path = path.into();
        let mut options = OpenOptions::new();
        // Only ever a new file: closing one that SQLite has open elsewhere in this process would drop its locks.
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed("can't make", &path, error)),
        }
        check(&path)?;
        let connection =
            crate::sqlite::open(&path, SCHEMA).map_err(|error| broken(&path, error))?;
        Ok(Self { path, connection: Mutex::new(connection) })
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, IssuerError> {
        check(&self.path)?;
        // A statement is done or not, whoever panicked.
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        work(&connection).map_err(|error| broken(&self.path, error))
    }
}

impl SigningKeyStore for SqliteKeys {
    fn load(&self) -> Result<Vec<KeyEntry>, IssuerError> {
        let rows = self.with(|connection| {
            connection
                .prepare("SELECT entry FROM portcullis_signing_keys")?
                .query_map([], |row| row.get::<_, String>(0).map(Zeroizing::new))?
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let name = format!("a row of {}", self.path.display());
        rows.iter().map(|row| record::read(row, &name)).collect()
    }

    fn add(&self, entry: &KeyEntry) -> Result<(), IssuerError> {
        let text = record::write(entry)?;
        self.with(|connection| {
            connection
                .execute(
                    "INSERT INTO portcullis_signing_keys VALUES (?1, ?2)
                     ON CONFLICT (thumbprint) DO UPDATE SET entry = excluded.entry",
                    params![entry.key().thumbprint(), text.as_str()],
                )
                .map(drop)
        })
    }

    fn remove(&self, key: &SigningKey) -> Result<(), IssuerError> {
        self.with(|connection| {
            let remove = "DELETE FROM portcullis_signing_keys WHERE thumbprint = ?1";
            connection.execute(remove, [key.thumbprint()]).map(drop)
        })
    }
}

fn check(path: &Path) -> Result<(), IssuerError> {
    let about = fs::metadata(path).map_err(|error| failed("can't look at", path, error))?;
    private(path, &about, "600")
}

fn broken(path: &Path, error: rusqlite::Error) -> IssuerError {
    let message = format!("the keys in {} can't be read or written", path.display());
    IssuerError::new(IssuerErrorKind::StoreUnavailable, message).with_source(error)
}
