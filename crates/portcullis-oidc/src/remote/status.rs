//! How the keys of an issuer are, for metrics and health checks.

use std::time::Duration;

use portcullis_core::Timestamp;

use crate::error::FetchError;

/// How the keys of an issuer are at this moment.
#[derive(Clone, Debug)]
pub struct KeyStatus {
    pub(super) address: String,
    pub(super) keys: usize,
    pub(super) skipped: usize,
    pub(super) generation: u64,
    pub(super) trusted_for: Duration,
    pub(super) last_success: Option<Timestamp>,
    pub(super) last_error: Option<FetchError>,
    pub(super) metadata_error: Option<FetchError>,
    pub(super) failures: u32,
    pub(super) next_refresh: Option<Duration>,
    pub(super) stopped: bool,
}

impl KeyStatus {
    /// The address that was configured, of the JWK Set or of the metadata, without its query, which may hold a secret.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// True if tokens can be verified: keys were fetched and are trusted still. Otherwise every token of this
    /// issuer is answered by 503.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.trusted_for.is_zero()
    }

    /// How many keys there are.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// How many entries of the set could not be used; the log says why.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// The number of the set. It goes up when keys are added or withdrawn, and not when a refresh brings the
    /// same.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// For how long the keys are trusted if no refresh succeeds; zero if they are not.
    #[must_use]
    pub fn trusted_for(&self) -> Duration {
        self.trusted_for
    }

    /// When the keys were last confirmed, by the time of day.
    #[must_use]
    pub fn last_success(&self) -> Option<Timestamp> {
        self.last_success
    }

    /// Why the last attempt failed; `None` if it did not.
    #[must_use]
    pub fn last_error(&self) -> Option<&FetchError> {
        self.last_error.as_ref()
    }

    /// Why the metadata could not be had, where the address of the keys that was known served all the same.
    #[must_use]
    pub fn metadata_error(&self) -> Option<&FetchError> {
        self.metadata_error.as_ref()
    }

    /// How many attempts have failed in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// How long until the next attempt; `None` while one is under way, or after a shutdown.
    #[must_use]
    pub fn next_refresh(&self) -> Option<Duration> {
        self.next_refresh
    }

    /// True if nothing fetches any more: it was shut down, or the task ended.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }
}
