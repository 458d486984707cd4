//! A time limit on rules of revocation that have to be awaited.

use std::fmt;
use std::time::Duration;

use portcullis_core::{Outage, Revocation, TokenView, Verdict};

/// A rule of revocation with a time limit: a store that does not answer in time is an outage.
///
/// The request is then answered 503. What memory knows is not limited, and
/// [failure policies](portcullis_core::FailurePolicy) of the rule within are not asked: a store that
/// hangs is refused even under a policy that opens in an outage.
///
/// # Panics
///
/// Awaiting it panics outside of a tokio runtime, or in one whose timers are off.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use portcullis::{NoRevocation, Timeout};
///
/// # let denylist = NoRevocation;
/// let rule = Timeout::new(denylist, Duration::from_millis(250));
/// # let _ = rule;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Timeout<R> {
    rule: R,
    limit: Duration,
}

impl<R: Revocation> Timeout<R> {
    /// Limits how long this rule may take.
    #[must_use]
    pub const fn new(rule: R, limit: Duration) -> Self {
        Self { rule, limit }
    }
}

impl<R: Revocation> Revocation for Timeout<R> {
    fn peek(&self, token: &TokenView<'_>) -> Option<Verdict> {
        self.rule.peek(token)
    }

    async fn check(&self, token: &TokenView<'_>) -> Verdict {
        match tokio::time::timeout(self.limit, self.rule.check(token)).await {
            Ok(verdict) => verdict,
            Err(_) => Verdict::Unavailable(Outage::new("revocation", TimedOut(self.limit))),
        }
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
