//! What can go wrong with a feed, told apart by what has to be done about it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::{BoxError, StoreError, StoreErrorKind};

/// An error of a feed.
#[derive(Clone, Debug)]
pub struct FeedError {
    kind: FeedErrorKind,
    message: Box<str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What kind of error a [`FeedError`] is.
///
/// | kind | what whoever follows does |
/// |---|---|
/// | `Unavailable`, `NotPrimary`, `Uninitialised`, `Corrupt` | tries again later, and grows stale meanwhile |
/// | `Gap`, `Diverged`, `NewEpoch` | builds a new state beside the old one |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedErrorKind {
    /// The store could not be reached, or did not answer in time.
    Unavailable,
    /// What answered is not the primary, so that it may lack writes that were acknowledged.
    NotPrimary,
    /// The store has no epoch: nobody has initialised it, or it has lost everything.
    Uninitialised,
    /// What the store holds can't be understood.
    Corrupt,
    /// The log no longer goes back to the cursor: it was trimmed, or the reader was too slow.
    Gap,
    /// The log is not the one that the cursor belongs to: it ends before it, or the entry at the
    /// cursor is another. Acknowledged writes may have been lost.
    Diverged,
    /// The store is in another epoch than the cursor.
    NewEpoch,
}

impl FeedErrorKind {
    /// True if the cursor can't be followed any more, so that a new snapshot has to be taken.
    #[must_use]
    pub const fn needs_snapshot(self) -> bool {
        matches!(self, Self::Gap | Self::Diverged | Self::NewEpoch)
    }
}

impl FeedError {
    /// An error of this kind; `message` says what could not be done, and names nobody.
    #[must_use]
    pub fn new(kind: FeedErrorKind, message: impl Into<Box<str>>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// With this cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into().into());
        self
    }

    /// What kind of error it is.
    #[must_use]
    pub const fn kind(&self) -> FeedErrorKind {
        self.kind
    }
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for FeedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

/// An error of a store that is a feed too. It is kept as the [source](Error::source).
impl From<StoreError> for FeedError {
    fn from(error: StoreError) -> Self {
        let kind = match error.kind() {
            StoreErrorKind::Uninitialised => FeedErrorKind::Uninitialised,
            StoreErrorKind::Corrupt | StoreErrorKind::Invalid => FeedErrorKind::Corrupt,
            StoreErrorKind::Unavailable | StoreErrorKind::Full => FeedErrorKind::Unavailable,
        };
        Self::new(kind, error.to_string()).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_log_that_can_t_be_gone_on_with_needs_a_snapshot() {
        use FeedErrorKind as K;
        for kind in [K::Gap, K::Diverged, K::NewEpoch] {
            assert!(kind.needs_snapshot(), "{kind:?}");
        }
        for kind in [K::Unavailable, K::NotPrimary, K::Uninitialised, K::Corrupt] {
            assert!(!kind.needs_snapshot(), "{kind:?}");
        }
    }

    #[test]
    fn the_error_of_a_store_keeps_its_meaning_and_is_the_cause() {
        use {FeedErrorKind as F, StoreErrorKind as S};
        for (kind, expected) in [
            (S::Uninitialised, F::Uninitialised),
            (S::Corrupt, F::Corrupt),
            (S::Invalid, F::Corrupt),
            (S::Unavailable, F::Unavailable),
            (S::Full, F::Unavailable),
        ] {
            let error = FeedError::from(StoreError::new(kind, "no luck"));
            assert_eq!((error.kind(), error.to_string().as_str()), (expected, "no luck"));
            let cause = error.source().and_then(|cause| cause.downcast_ref::<StoreError>());
            assert_eq!(cause.map(StoreError::kind), Some(kind));
        }
        assert!(FeedError::new(F::Gap, "trimmed").source().is_none());
    }
}
