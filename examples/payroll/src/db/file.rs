//! The database file itself: who may read it, and whether it is still there.
//!
//! A process that holds a file open goes on reading and writing it after it was deleted or replaced:
//! every write would be acknowledged and lost, and a revocation in the new file never seen. So before
//! and after each use the path must still lead to the file that was opened. It must not be opened
//! for that: closing any handle on it would drop SQLite's locks.

use std::ffi::OsString;
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Less than this is no database: the header alone is a hundred bytes, the smallest page 512.
const LEAST_BYTES: u64 = 512;

/// How a database of SQLite begins (<https://www.sqlite.org/fileformat.html>, §1.3).
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Creates the file if it does not exist. It holds password hashes and signing keys: it is for its
/// owner only, and so will be the files that SQLite puts beside it. A file that is no database is
/// left as it is: somebody mistyped a path.
pub(super) fn prepare(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => restrict(path),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn restrict(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    if !is_database(path)? {
        return Err(io::Error::other("it is no SQLite database"));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        tracing::warn!("others could read the database; now only its owner can");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// True if it begins as a database does. An empty file will become one. It is not open yet in this
/// process, so that opening and closing it here drops no lock.
fn is_database(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    fs::File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut start)?;
    Ok(start.is_empty() || start == MAGIC)
}

#[cfg(not(unix))]
fn restrict(path: &Path) -> io::Result<()> {
    if is_database(path)? { Ok(()) } else { Err(io::Error::other("it is no SQLite database")) }
}

/// The files that were opened.
pub(super) struct Watch {
    database: (PathBuf, Identity),
    /// The write-ahead log, which holds the latest commits and stays while a connection is open.
    log: Option<(PathBuf, Identity)>,
}

impl Watch {
    /// To be called while the database is open and has been read.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let mut log = OsString::from(path);
        log.push("-wal");
        let log = PathBuf::from(log);
        let log_identity = fs::metadata(&log).ok().map(|metadata| identity(&metadata));
        Ok(Self {
            database: (path.to_owned(), identity(&fs::metadata(path)?)),
            log: log_identity.map(|identity| (log, identity)),
        })
    }

    /// An error if a file is gone, was replaced, was emptied or may not be read any more.
    pub(super) fn check(&self) -> io::Result<()> {
        let database = check(&self.database)?;
        if database.len() < LEAST_BYTES {
            return Err(io::Error::other("it was emptied"));
        }
        self.log.as_ref().map_or(Ok(()), |log| check(log).map(drop))
    }
}

fn check((path, opened): &(PathBuf, Identity)) -> io::Result<Metadata> {
    let metadata = fs::metadata(path)?;
    if identity(&metadata) != *opened {
        return Err(io::Error::other("it was replaced; restart the service to use the new one"));
    }
    if !readable(&metadata) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(metadata)
}

/// Device and number of the file.
#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

/// Whether its owner may read it. An open handle could go on, but whoever took the permission away
/// meant this service too.
#[cfg(unix)]
fn readable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o400 != 0
}

/// Other systems do not let go of a file that is open.
#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {}

#[cfg(not(unix))]
fn readable(_: &Metadata) -> bool {
    true
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    /// A file that everybody may read, with this in it.
    fn file(directory: &tempfile::TempDir, content: &[u8]) -> PathBuf {
        let path = directory.path().join("a.db");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }

    #[test]
    fn a_database_is_made_its_owners_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new.db");
        prepare(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        for content in [&b""[..], b"SQLite format 3\0\x10\0"] {
            let path = file(&directory, content);
            prepare(&path).unwrap();
            assert_eq!(mode(&path), 0o600, "{content:?}");
        }
    }

    #[test]
    fn what_is_no_database_is_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        for content in
            [&b"a letter to my landlord"[..], b"SQLite format 3", b"SQLite format 2\0 ", b"\0"]
        {
            let path = file(&directory, content);
            let error = prepare(&path).unwrap_err().to_string();
            assert_eq!(error, "it is no SQLite database");
            assert_eq!(mode(&path), 0o644, "{content:?}");
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        assert!(prepare(directory.path()).is_err());
    }
}
