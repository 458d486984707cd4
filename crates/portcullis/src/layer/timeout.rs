//! A time limit on stores and rules of revocation that have to be awaited.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use portcullis_core::{
    AllowlistStore, BoxError, CutoffStore, DenylistStore, GenerationStore, Outage, Revocation,
    Target, TargetKind, Timestamp, TokenView, Verdict,
};

/// A time limit for a store of revocations, or for a whole rule.
///
/// Around a **store**, no answer in time is an outage, about which the rule's
/// [failure policy](portcullis_core::FailurePolicy) decides. Around a **rule**, it is an outage that
/// refuses with 503 whatever the policies within say. What memory knows is not limited.
///
/// # Panics
///
/// Awaiting it panics outside of a tokio runtime, or in one whose timers are off.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use portcullis::{Denylist, MemoryStore, Timeout};
///
/// # let store = MemoryStore::new();
/// let rule = Denylist::new(Timeout::new(store, Duration::from_millis(250)));
/// # let _ = rule;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Timeout<T> {
    inner: T,
    limit: Duration,
}

impl<T> Timeout<T> {
    /// Limits how long this store or rule may take.
    #[must_use]
    pub const fn new(inner: T, limit: Duration) -> Self {
        Self { inner, limit }
    }

    async fn limited<A, E: Into<BoxError>>(
        &self,
        answer: impl Future<Output = Result<A, E>>,
    ) -> Result<A, BoxError> {
        match tokio::time::timeout(self.limit, answer).await {
            Ok(answer) => answer.map_err(Into::into),
            Err(_) => Err(TimedOut(self.limit).into()),
        }
    }
}

impl<R: Revocation> Revocation for Timeout<R> {
    fn peek(&self, token: &TokenView<'_>) -> Option<Verdict> {
        self.inner.peek(token)
    }

    fn version(&self) -> Option<u64> {
        self.inner.version()
    }

    async fn check(&self, token: &TokenView<'_>) -> Verdict {
        match tokio::time::timeout(self.limit, self.inner.check(token)).await {
            Ok(verdict) => verdict,
            Err(_) => Verdict::Unavailable(Outage::new("revocation", TimedOut(self.limit))),
        }
    }
}

impl<S: CutoffStore> CutoffStore for Timeout<S> {
    type Error = BoxError;

    async fn cutoff(&self, target: &Target<'_>) -> Result<Option<Timestamp>, BoxError> {
        self.limited(self.inner.cutoff(target)).await
    }

    fn kinds(&self) -> &'static [TargetKind] {
        self.inner.kinds()
    }

    async fn latest_cutoff(&self, targets: &[Target<'_>]) -> Result<Option<Timestamp>, BoxError> {
        self.limited(self.inner.latest_cutoff(targets)).await
    }

    fn peek_cutoff(&self, targets: &[Target<'_>]) -> Option<Option<Timestamp>> {
        self.inner.peek_cutoff(targets)
    }

    fn peek_token_cutoff(&self, token: &TokenView<'_>) -> Option<Option<Timestamp>> {
        self.inner.peek_token_cutoff(token)
    }

    fn remembered_cutoff(&self, targets: &[Target<'_>]) -> Option<(Option<Timestamp>, Duration)> {
        self.inner.remembered_cutoff(targets)
    }

    fn version(&self) -> Option<u64> {
        self.inner.version()
    }
}

impl<S: DenylistStore> DenylistStore for Timeout<S> {
    type Error = BoxError;

    async fn is_denied(&self, target: &Target<'_>) -> Result<bool, BoxError> {
        self.limited(self.inner.is_denied(target)).await
    }

    fn kinds(&self) -> &'static [TargetKind] {
        self.inner.kinds()
    }

    async fn is_any_denied(
        &self,
        token: &TokenView<'_>,
        targets: &[Target<'_>],
    ) -> Result<bool, BoxError> {
        self.limited(self.inner.is_any_denied(token, targets)).await
    }

    fn peek_denied(&self, token: &TokenView<'_>, targets: &[Target<'_>]) -> Option<bool> {
        self.inner.peek_denied(token, targets)
    }

    fn peek_token_denied(&self, token: &TokenView<'_>) -> Option<bool> {
        self.inner.peek_token_denied(token)
    }

    fn remembered_denied(
        &self,
        token: &TokenView<'_>,
        targets: &[Target<'_>],
    ) -> Option<(bool, Duration)> {
        self.inner.remembered_denied(token, targets)
    }

    fn version(&self) -> Option<u64> {
        self.inner.version()
    }
}

impl<S: AllowlistStore> AllowlistStore for Timeout<S> {
    type Error = BoxError;

    async fn is_allowed(&self, token: &Target<'_>) -> Result<bool, BoxError> {
        self.limited(self.inner.is_allowed(token)).await
    }

    fn peek_allowed(&self, token: &Target<'_>) -> Option<bool> {
        self.inner.peek_allowed(token)
    }
}

impl<S: GenerationStore> GenerationStore for Timeout<S> {
    type Error = BoxError;

    async fn min_generation(&self, target: &Target<'_>) -> Result<Option<u64>, BoxError> {
        self.limited(self.inner.min_generation(target)).await
    }

    fn peek_min_generation(&self, target: &Target<'_>) -> Option<Option<u64>> {
        self.inner.peek_min_generation(target)
    }

    fn remembered_min_generation(&self, target: &Target<'_>) -> Option<(Option<u64>, Duration)> {
        self.inner.remembered_min_generation(target)
    }

    fn version(&self) -> Option<u64> {
        self.inner.version()
    }
}

#[derive(Debug)]
struct TimedOut(Duration);

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer within {:?}", self.0)
    }
}

impl std::error::Error for TimedOut {}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rule and a store whose state has this version, or none.
    struct Versioned(Option<u64>);

    impl Revocation for Versioned {
        fn peek(&self, _: &TokenView<'_>) -> Option<Verdict> {
            None
        }

        fn version(&self) -> Option<u64> {
            self.0
        }

        async fn check(&self, _: &TokenView<'_>) -> Verdict {
            Verdict::Allowed
        }
    }

    impl CutoffStore for Versioned {
        type Error = TimedOut;

        async fn cutoff(&self, _: &Target<'_>) -> Result<Option<Timestamp>, TimedOut> {
            Ok(None)
        }

        fn version(&self) -> Option<u64> {
            self.0
        }
    }

    impl DenylistStore for Versioned {
        type Error = TimedOut;

        async fn is_denied(&self, _: &Target<'_>) -> Result<bool, TimedOut> {
            Ok(false)
        }

        fn version(&self) -> Option<u64> {
            self.0
        }
    }

    impl GenerationStore for Versioned {
        type Error = TimedOut;

        async fn min_generation(&self, _: &Target<'_>) -> Result<Option<u64>, TimedOut> {
            Ok(None)
        }

        fn version(&self) -> Option<u64> {
            self.0
        }
    }

    #[test]
    fn the_version_of_what_is_limited_is_told_and_none_is_made_up() {
        for version in [None, Some(0), Some(1), Some(7), Some(u64::MAX)] {
            let limited = Timeout::new(Versioned(version), Duration::from_secs(1));
            assert_eq!(Revocation::version(&limited), version);
            assert_eq!(CutoffStore::version(&limited), version);
            assert_eq!(DenylistStore::version(&limited), version);
            assert_eq!(GenerationStore::version(&limited), version);
        }
    }
}
