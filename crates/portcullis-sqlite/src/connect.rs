//! Opening the file: created for its owner only, in write-ahead mode, synchronised at every commit.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use portcullis_core::StoreError;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use crate::error::{is_busy, sqlite, unavailable};

/// Makes sure that there is a file, readable to nobody but its owner if it is new, and tells its
/// full path.
pub(crate) fn prepare_file(path: &Path) -> Result<PathBuf, StoreError> {
    let mut options = OpenOptions::new();
    // Only ever a new file: see `guard` on closing a file that SQLite may have open already.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(unavailable("can't create the file").with_source(error)),
    }
    path.canonicalize().map_err(|error| unavailable("can't find the file").with_source(error))
}

/// A connection to the file, which has to exist.
pub(crate) fn connect(path: &Path, busy_timeout: Duration) -> Result<Connection, StoreError> {
    let failed = sqlite("can't open the file as an SQLite database");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(&failed)?;
    connection.busy_timeout(busy_timeout).map_err(&failed)?;
    if connection.is_readonly(MAIN_DB).map_err(&failed)? {
        return Err(unavailable("the file may not be written to"));
    }
    write_ahead(&connection, busy_timeout)?;
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON;
             PRAGMA cell_size_check = ON;
             PRAGMA trusted_schema = OFF;",
        )
        .map_err(&failed)?;
    Ok(connection)
}

/// Has the connection forget the pages it keeps in memory.
pub(crate) fn forget_pages(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute_batch("PRAGMA shrink_memory")
        .map_err(sqlite("can't drop what was read before"))
}

/// Switches the file to write-ahead mode if it isn't yet. SQLite does not wait for the lock that this
/// needs, so several processes that open a new file at once have to try again.
fn write_ahead(connection: &Connection, patience: Duration) -> Result<(), StoreError> {
    let failed = sqlite("can't switch the file to a write-ahead log");
    let started = Instant::now();
    loop {
        let switch = "PRAGMA journal_mode = WAL";
        match connection.query_row(switch, [], |row| row.get::<_, String>(0)) {
            Ok(mode) if mode.eq_ignore_ascii_case("wal") => return Ok(()),
            Ok(_) => return Err(unavailable("the file can't have a write-ahead log")),
            Err(error) if is_busy(&error) && started.elapsed() < patience => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(failed(error)),
        }
    }
}
