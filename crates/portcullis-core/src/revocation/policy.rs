//! What happens while a store can't be asked.

use std::time::Duration;

/// What a rule says while its store can't be asked.
///
/// Whatever the policy, a denial that is already known is a denial. And a store that has nothing to
/// answer from yet ([`Uninitialised`](super::StoreErrorKind::Uninitialised)) is a 503: nobody knows what
/// it would deny.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailurePolicy {
    /// The request is answered 503. The default.
    #[default]
    Closed,
    /// The token passes; it is counted, and the request is marked as unchecked.
    Open,
    /// The store's last answer about this very token stands for at most `max` after it was asked
    /// for; a store that keeps a copy of everything answers from it until the copy is that old. Later,
    /// and where there is no such answer, `then` applies.
    Stale {
        /// How old an answer may be.
        max: Duration,
        /// What applies when there is none young enough.
        then: AfterStale,
    },
}

/// What applies when the last good answer is too old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AfterStale {
    /// As [`FailurePolicy::Closed`].
    #[default]
    Closed,
    /// As [`FailurePolicy::Open`].
    Open,
}

impl FailurePolicy {
    /// How old an answer may be that stands in for the store during an outage.
    pub(super) const fn max_stale(self) -> Option<Duration> {
        match self {
            Self::Stale { max, .. } => Some(max),
            Self::Closed | Self::Open => None,
        }
    }

    /// True if a token passes when nothing at all is known about it.
    pub(super) const fn opens(self) -> bool {
        matches!(self, Self::Open | Self::Stale { then: AfterStale::Open, .. })
    }
}
