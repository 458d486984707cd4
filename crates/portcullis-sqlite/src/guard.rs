//! Is the file still the one that was opened?
//!
//! SQLite goes on with the file it has open when somebody deletes it, replaces it, overwrites it or
//! takes its permissions away, and answers from memory where it can. Such an answer would miss what
//! other processes write, and a write to it is lost. So the file is looked at before every answer
//! and on both sides of every write.
//!
//! On Unix the header must not be read through a file handle of one's own: closing it would drop the
//! locks that SQLite holds for this whole process (POSIX advisory locks; see "How To Corrupt An
//! SQLite Database File", 2.2). SQLite reads it, on a connection that ignores the write-ahead log,
//! and only when the file has changed since it was last read: at a checkpoint, normally.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use portcullis_core::StoreError;

use crate::error::unavailable;

/// The smallest page of SQLite: nothing shorter is a database.
const SMALLEST_FILE: u64 = 512;

/// How far file systems may round the times of files. A file that was changed this recently may be
/// changed once more without its time showing it.
const TIME_STEP: Duration = Duration::from_millis(100);

/// The identity of the files of one open database.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    database: (PathBuf, FileId),
    companions: Vec<(PathBuf, FileId)>,
    /// The looks of the database file when its header was last found good.
    good: Option<Looks>,
}

impl Guard {
    /// The identity of the database at this path, which has to be absolute and free of links.
    pub(crate) fn new(path: PathBuf) -> Result<Self, StoreError> {
        let id = FileId::of(&metadata(&path)?);
        Ok(Self { database: (path, id), companions: Vec::new(), good: None })
    }

    /// Adds the write-ahead log and its index. They exist for as long as a connection is open that
    /// has read or written something.
    pub(crate) fn with_companions(mut self) -> Result<Self, StoreError> {
        for suffix in ["-wal", "-shm"] {
            let mut path = OsString::from(&self.database.0);
            path.push(suffix);
            let id = FileId::of(&metadata(Path::new(&path))?);
            self.companions.push((path.into(), id));
        }
        Ok(self)
    }

    /// That the files are still those that were opened, can be read, and begin as a database does.
    ///
    /// True if the database file has changed since the last time. SQLite trusts that only it writes
    /// to the file and keeps pages in memory; whoever reads has to drop them then, so that what was
    /// copied over the file is seen and not mixed with what was there before.
    pub(crate) fn check(&mut self) -> Result<bool, StoreError> {
        let (path, id) = &self.database;
        let found = metadata(path)?;
        if FileId::of(&found) != *id {
            return Err(unavailable(format!("{path:?} was replaced by another file")));
        }
        for (companion, id) in &self.companions {
            if FileId::of(&metadata(companion)?) != *id {
                return Err(unavailable(format!("{companion:?} was replaced by another file")));
            }
        }
        if !is_readable(&found) {
            return Err(unavailable(format!("{path:?} may not be read by anybody")));
        }
        let looks = Looks::of(&found);
        if self.good.as_ref() == Some(&looks) {
            return Ok(false);
        }
        if found.len() < SMALLEST_FILE {
            return Err(unavailable(format!("{path:?} was truncated")));
        }
        header::check(path)?;
        self.good = looks.is_settled().then_some(looks);
        Ok(true)
    }
}

fn metadata(path: &Path) -> Result<Metadata, StoreError> {
    fs::metadata(path)
        .map_err(|error| unavailable(format!("{path:?} can't be found")).with_source(error))
}

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId(u64, u64);

/// What changes when a file's content or permissions do.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Looks {
    len: u64,
    modified: Option<SystemTime>,
    changed: (i64, i64),
}

impl Looks {
    /// True if a further change would show.
    fn is_settled(&self) -> bool {
        let age = self.modified.and_then(|time| SystemTime::now().duration_since(time).ok());
        age.is_some_and(|age| age >= TIME_STEP)
    }
}

#[cfg(unix)]
mod platform {
    use std::os::unix::fs::MetadataExt;

    use super::{FileId, Looks, Metadata};

    impl FileId {
        pub(super) fn of(file: &Metadata) -> Self {
            Self(file.dev(), file.ino())
        }
    }

    impl Looks {
        pub(super) fn of(file: &Metadata) -> Self {
            let changed = (file.ctime(), file.ctime_nsec());
            Self { len: file.len(), modified: file.modified().ok(), changed }
        }
    }

    /// A file that nobody may read is unreadable to a superuser too, whom the system lets through.
    pub(super) fn is_readable(file: &Metadata) -> bool {
        file.mode() & 0o444 != 0
    }
}

#[cfg(not(unix))]
mod platform {
    use super::{FileId, Looks, Metadata};

    impl FileId {
        /// The standard library tells no more than that it exists; an open file can't be replaced
        /// there anyway.
        pub(super) fn of(_: &Metadata) -> Self {
            Self(0, 0)
        }
    }

    impl Looks {
        pub(super) fn of(file: &Metadata) -> Self {
            Self { len: file.len(), modified: file.modified().ok(), changed: (0, 0) }
        }
    }

    pub(super) fn is_readable(_: &Metadata) -> bool {
        true
    }
}

use platform::is_readable;

#[cfg(unix)]
mod header {
    use std::fmt::Write;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use portcullis_core::StoreError;
    use rusqlite::{Connection, ErrorCode, OpenFlags};

    use crate::error::sqlite;

    /// That the file itself, without its log, begins as a database does. SQLite compares the magic
    /// bytes whenever it begins to read on a new connection, and closes the file only when that
    /// drops no locks.
    pub(super) fn check(path: &Path) -> Result<(), StoreError> {
        let failed = sqlite("the database file is not readable as one");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(uri(path), flags).map_err(&failed)?;
        let version = connection.query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0));
        match version {
            // The magic bytes were right (they come first). A checkpoint writes the first page, which
            // says how many there are, before the last ones; while a reader holds on to an old view,
            // those may stay in the log for long. Whoever reads with the log sees what is the case.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => Ok(()),
            version => version.map(|_| ()).map_err(failed),
        }
    }

    fn uri(path: &Path) -> String {
        let mut uri = String::from("file:");
        for &byte in path.as_os_str().as_bytes() {
            match byte {
                b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                    uri.push(char::from(byte));
                }
                // writing to a string can't fail
                _ => drop(write!(uri, "%{byte:02X}")),
            }
        }
        uri.push_str("?immutable=1");
        uri
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn odd_paths_are_escaped() {
            assert_eq!(uri(Path::new("/a b/c?d#e%.db")), "file:/a%20b/c%3Fd%23e%25.db?immutable=1");
        }
    }
}

#[cfg(not(unix))]
mod header {
    use std::fs::File;
    use std::io::Read;
    use std::path::Path;

    use portcullis_core::StoreError;

    use crate::error::{corrupt, unavailable};

    /// Locks belong to handles here, so the file can simply be opened and closed.
    pub(super) fn check(path: &Path) -> Result<(), StoreError> {
        let mut header = [0; 16];
        File::open(path)
            .and_then(|mut file| file.read_exact(&mut header))
            .map_err(|error| unavailable(format!("{path:?} can't be read")).with_source(error))?;
        if &header == b"SQLite format 3\0" {
            Ok(())
        } else {
            Err(corrupt(format!("{path:?} is not a database")))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_file_that_was_changed_a_moment_ago_is_looked_at_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.db");
        let tables = rusqlite::Connection::open(&path).unwrap();
        tables.execute_batch("CREATE TABLE t (x)").unwrap();
        drop(tables);
        let hour = Duration::from_secs(3_600);
        let mut guard = Guard::new(path.clone()).unwrap();
        let mut looks_again = |modified| {
            File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
            assert!(guard.check().unwrap(), "it has changed");
            guard.check().unwrap()
        };
        assert!(looks_again(SystemTime::now() + hour), "it may change again unseen");
        assert!(!looks_again(SystemTime::now() - hour), "another change would show");
    }
}
