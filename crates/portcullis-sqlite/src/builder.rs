//! Setting a store up.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::state::Limits;
use portcullis_core::{Clock, Retention, StoreError, SystemClock};

use crate::SqliteStore;

/// Sets up a [`SqliteStore`]. Made by [`SqliteStore::builder`].
#[must_use]
pub struct SqliteStoreBuilder {
    pub(crate) path: PathBuf,
    pub(crate) limits: Limits,
    pub(crate) retention: Retention,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) busy_timeout: Duration,
    pub(crate) readers: usize,
}

impl SqliteStoreBuilder {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            limits: Limits::default(),
            retention: Retention::default(),
            clock: Arc::new(SystemClock::new()),
            busy_timeout: Duration::from_secs(1),
            readers: 2,
        }
    }

    /// How many entries the file may hold: a million in each room, unless set. Processes that share
    /// the file should set the same.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long entries are kept.
    pub fn with_retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// The clock that stamps cutoffs and tells what has expired: the machine's, unless set.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// For how long to wait for a file that somebody else has locked, before it is an outage: one
    /// second, unless set. Only threads of the store's own wait.
    pub fn with_busy_timeout(mut self, time: Duration) -> Self {
        self.busy_timeout = time;
        self
    }

    /// How many threads, with a connection each, answer questions: two, unless set; at least one.
    pub fn with_readers(mut self, threads: usize) -> Self {
        self.readers = threads.max(1);
        self
    }

    /// Opens the file, or creates it (readable and writable for its owner only), and starts the
    /// threads. This waits for the disk: call it at start-up.
    ///
    /// # Errors
    ///
    /// If the file can't be opened, is locked, or is not a database of ours. The message names the
    /// path, its [`source`](std::error::Error::source) tells the cause.
    pub fn open(self) -> Result<SqliteStore, StoreError> {
        SqliteStore::start(&self).map_err(|cause| {
            let message = format!("could not open the revocations in {:?}", self.path);
            StoreError::new(cause.kind(), message).with_source(cause)
        })
    }
}

impl fmt::Debug for SqliteStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStoreBuilder")
            .field("path", &self.path)
            .field("limits", &self.limits)
            .field("retention", &self.retention)
            .field("busy_timeout", &self.busy_timeout)
            .field("readers", &self.readers)
            .finish_non_exhaustive()
    }
}
