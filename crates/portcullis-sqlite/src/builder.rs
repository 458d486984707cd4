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
    pub(crate) waives_cutoff: bool,
    pub(crate) log: u64,
    pub(crate) poll_interval: Duration,
    pub(crate) page: usize,
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
            waives_cutoff: false,
            log: 100_000,
            poll_interval: Duration::from_millis(20),
            page: 10_000,
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

    /// Begins a new file without the cutoff for everything.
    ///
    /// Nobody knows what was revoked before a file was new: perhaps it takes the place of one that was
    /// lost. So a new one begins with a cutoff, by which [`IatCutoff`](portcullis_core::IatCutoff)
    /// refuses every token that was issued until then, in that very second included. Waive it where no
    /// token was handed out before. A file that is there already is left as it is in either case.
    pub fn waive_initial_cutoff(mut self) -> Self {
        self.waives_cutoff = true;
        self
    }

    /// How many writes the log goes back that copies follow: 100,000, unless set. A copy that was away
    /// for longer is built anew. One takes about 100 bytes. Processes that share the file should set
    /// the same.
    pub fn with_log(mut self, writes: u64) -> Self {
        self.log = writes;
        self
    }

    /// How often to look whether another process has written, while a copy follows: every 20
    /// milliseconds, unless set. It takes a few microseconds and no access to the disk.
    pub fn with_poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// How many entries a copy is given at a time: 10,000, unless set; at least one.
    pub fn with_page(mut self, entries: usize) -> Self {
        self.page = entries.max(1);
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
            .field("waives_cutoff", &self.waives_cutoff)
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}
