//! Signing keys in a directory, a file each.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{SigningKeyStore, record};
use crate::error::{IssuerError, IssuerErrorKind};
use crate::{KeyEntry, SigningKey};

/// A directory with a file for each key, `key-….json`. Other files in it are left alone.
///
/// The directory is made for its owner only (mode 0700), and so is each file (0600). On Unix, one that others can read or
/// write is refused, and so is a key in it: a signing key that anybody may have read is anybody's. A file appears as a
/// whole and is on the disk before its key signs.
#[derive(Debug)]
pub struct KeyDirectory {
    path: PathBuf,
}

impl KeyDirectory {
    /// Opens the directory, or makes it. Its parent has to exist.
    ///
    /// # Errors
    ///
    /// [`Exposed`](IssuerErrorKind::Exposed) if others can get at it,
    /// [`StoreUnavailable`](IssuerErrorKind::StoreUnavailable) if it can't be made or is no directory.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, IssuerError> {
        let path = path.into();
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed("can't make the directory", &path, error)),
        }
        let directory = Self { path };
        directory.check()?;
        Ok(directory)
    }

    fn check(&self) -> Result<(), IssuerError> {
        let about = fs::metadata(&self.path)
            .map_err(|error| failed("can't look at the directory", &self.path, error))?;
        if !about.is_dir() {
            let error = io::Error::from(io::ErrorKind::NotADirectory);
            return Err(failed("can't keep keys in", &self.path, error));
        }
        private(&self.path, &about, "700")
    }

    fn file(&self, key: &SigningKey) -> PathBuf {
        // A thumbprint is of letters, digits, dashes and underscores; a `kid` may be anything.
        self.path.join(format!("key-{}.json", key.thumbprint()))
    }

    /// So that a name that appeared or vanished stays so.
    fn sync(&self) -> Result<(), IssuerError> {
        if cfg!(unix) {
            File::open(&self.path)
                .and_then(|directory| directory.sync_all())
                .map_err(|error| failed("can't write to the directory", &self.path, error))?;
        }
        Ok(())
    }
}

impl SigningKeyStore for KeyDirectory {
    fn load(&self) -> Result<Vec<KeyEntry>, IssuerError> {
        self.check()?;
        let unreadable = |error| failed("can't read the directory", &self.path, error);
        let mut entries = Vec::new();
        for file in fs::read_dir(&self.path).map_err(unreadable)? {
            let file = file.map_err(unreadable)?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            if !name.starts_with("key-") || !name.ends_with(".json") {
                continue;
            }
            match read(&file) {
                Ok(text) => entries.push(record::read(&text, &file.display().to_string())?),
                // removed by another process since
                Err(None) => {}
                Err(Some(error)) => return Err(error),
            }
        }
        Ok(entries)
    }

    fn add(&self, entry: &KeyEntry) -> Result<(), IssuerError> {
        self.check()?;
        let text = record::write(entry)?;
        let file = self.file(entry.key());
        let new = file.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&new).and_then(|mut new| {
            new.write_all(text.as_bytes())?;
            new.sync_all()
        });
        written
            .and_then(|()| fs::rename(&new, &file))
            .map_err(|error| failed("can't write the key", &file, error))?;
        self.sync()
    }

    fn remove(&self, key: &SigningKey) -> Result<(), IssuerError> {
        let file = self.file(key);
        match fs::remove_file(&file) {
            Ok(()) => self.sync(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed("can't remove the key", &file, error)),
        }
    }
}

/// The text of a file that nobody else can read; `Err(None)` if there is none.
fn read(path: &Path) -> Result<Zeroizing<String>, Option<IssuerError>> {
    let failed = |error: io::Error| {
        let gone = error.kind() == io::ErrorKind::NotFound;
        (!gone).then(|| failed("can't read the key", path, error))
    };
    let file = File::open(path).map_err(failed)?;
    // of the file that was opened, not of one that may have taken its name
    let about = file.metadata().map_err(failed)?;
    private(path, &about, "600").map_err(Some)?;
    io::read_to_string(file).map(Zeroizing::new).map_err(failed)
}

/// Refuses what others than its owner could read or write.
pub(super) fn private(path: &Path, about: &fs::Metadata, mode: &str) -> Result<(), IssuerError> {
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(about) & 0o077 != 0 {
        return Err(IssuerError::new(
            IssuerErrorKind::Exposed,
            format!(
                "others than its owner can get at {}: make new keys, since these may have been read, or \
                 `chmod {mode}` it if nobody was there",
                path.display()
            ),
        ));
    }
    #[cfg(not(unix))]
    let _ = (path, about, mode);
    Ok(())
}

pub(super) fn failed(what: &str, path: &Path, error: io::Error) -> IssuerError {
    let message = format!("{what} {}", path.display());
    IssuerError::new(IssuerErrorKind::StoreUnavailable, message).with_source(error)
}
