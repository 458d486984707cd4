//! The database file itself: who may read it, and whether it is still there.
//!
//! A process that holds a file open goes on reading and writing it after it was deleted or replaced:
//! every write would be acknowledged and lost, and a revocation in the new file never seen. So before
//! and after each use the path must still lead to the file that was opened. It must not be opened
//! for that: closing any handle on it would drop SQLite's locks.

use std::ffi::OsString;
use std::fs::{self, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Less than this is no database: the header alone is a hundred bytes, the smallest page 512.
const LEAST_BYTES: u64 = 512;

/// Creates the file if it does not exist. It holds password hashes and signing keys: it is for its
/// owner only, and so will be the files that SQLite puts beside it.
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
    if metadata.permissions().mode() & 0o077 != 0 {
        tracing::warn!("others could read the database; now only its owner can");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> io::Result<()> {
    Ok(())
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
