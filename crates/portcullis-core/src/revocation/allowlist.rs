//! The allowlist: only tokens that are listed work.

use std::time::Duration;

use super::answers::{Asking, question};
use super::verdict::claim_of;
use super::{AllowlistStore, DenialReason, FailurePolicy, Revocation, Verdict};
use crate::{Clock, Target, TargetKind, TokenView};

/// Refuses tokens that are not listed: sessions that the server knows of.
///
/// A token without `jti` is refused, unless
/// [`fingerprint_without_jti`](Self::fingerprint_without_jti). That a token is not listed is never
/// cached, since it may be listed the next moment.
///
/// # Example
///
/// ```
/// # use portcullis_core::{AllowlistStore, Target};
/// # struct Sessions;
/// # impl AllowlistStore for Sessions {
/// #     type Error = std::convert::Infallible;
/// #     async fn is_allowed(&self, _: &Target<'_>) -> Result<bool, Self::Error> { Ok(true) }
/// # }
/// use std::time::Duration;
/// use portcullis_core::Allowlist;
///
/// // a session that was ended may work for two more seconds, and the table is asked less often
/// let rule = Allowlist::new(Sessions).cache_for(Duration::from_secs(2));
/// # let _ = rule;
/// ```
#[derive(Debug)]
pub struct Allowlist<S> {
    store: S,
    asking: Asking<()>,
    fingerprint: bool,
}

impl<S: AllowlistStore> Allowlist<S> {
    /// The rule over this store.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self { store, asking: Asking::new("allowlist"), fingerprint: false }
    }

    /// Looks for a token without `jti` by the hash of its signing input
    /// ([`Target::fingerprint`](crate::Target::fingerprint)).
    #[must_use]
    pub fn fingerprint_without_jti(mut self) -> Self {
        self.fingerprint = true;
        self
    }

    /// What happens while the store can't be asked: [`FailurePolicy::Closed`] unless set.
    #[must_use]
    pub fn on_outage(mut self, policy: FailurePolicy) -> Self {
        self.asking.set_policy(policy);
        self
    }

    /// Reuses the answer that a token is listed for at most this long, counted from the moment its question was sent. Zero, the
    /// default, asks every time. A revocation takes up to this long to be seen. At most 16,384
    /// answers are kept.
    #[must_use]
    pub fn cache_for(mut self, time: Duration) -> Self {
        self.asking.set_cache_for(time);
        self
    }

    /// The clock that ages of answers are measured with: the machine's, unless set.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.asking.set_clock(clock);
        self
    }

    /// How many tokens passed unchecked so far, under a policy that opens.
    #[must_use]
    pub fn unchecked(&self) -> u64 {
        self.asking.unchecked()
    }

    fn target<'a>(&self, token: &TokenView<'a>) -> Result<Target<'a>, Verdict> {
        let fingerprint = || token.target(TargetKind::Fingerprint).filter(|_| self.fingerprint);
        token
            .target(TargetKind::Token)
            .or_else(fingerprint)
            .ok_or_else(|| DenialReason::MissingClaim(claim_of(TargetKind::Token)).into())
    }
}

fn judge(allowed: bool) -> Verdict {
    if allowed { Verdict::Allowed } else { DenialReason::NotAllowlisted.into() }
}

impl<S: AllowlistStore> Revocation for Allowlist<S> {
    fn peek(&self, token: &TokenView<'_>) -> Option<Verdict> {
        let target = match self.target(token) {
            Ok(target) => target,
            Err(verdict) => return Some(verdict),
        };
        if let Some(allowed) = self.store.peek_allowed(&target) {
            return Some(judge(allowed));
        }
        let listed = self.asking.caches().then(|| self.asking.recall(question(&[target])))?;
        listed.map(|()| Verdict::Allowed)
    }

    async fn check(&self, token: &TokenView<'_>) -> Verdict {
        if let Some(verdict) = self.peek(token) {
            return verdict;
        }
        let target = match self.target(token) {
            Ok(target) => target,
            Err(verdict) => return verdict,
        };
        let sent = self.asking.sent();
        let question = question(&[target]);
        match self.store.is_allowed(&target).await {
            Ok(false) => {
                self.asking.forget(question, sent);
                judge(false)
            }
            answer => {
                let answer = answer.map(|_| ());
                self.asking.settle(question, sent, answer, |()| false, |()| judge(true))
            }
        }
    }
}
