//! The cutoff rule: tokens issued up to a moment are refused.

use std::time::Duration;

use super::answers::{Asking, Targets, question};
use super::verdict::claim_of;
use super::{CutoffStore, DenialReason, FailurePolicy, Revocation, Verdict};
use crate::{Clock, TargetKind, Timestamp, TokenView};

/// Refuses tokens that were issued up to the cutoff of their subject: what a "sign out everywhere"
/// needs.
///
/// A whole-second `iat` stands for any moment of that second ([RFC 7519 §2] lets issuers drop the
/// fraction), so it is refused if it falls into the second of the cutoff or an earlier one; an `iat`
/// with a fraction is compared in milliseconds. Nothing issued before the cutoff survives. The price
/// is that a sign-in in the same second is refused too; an issuer can wait that second out.
///
/// A token without `sub` or without `iat` is refused, unless that is waived by name.
///
/// # Example
///
/// ```
/// # use portcullis_core::{CutoffStore, Target, Timestamp};
/// # struct Users;
/// # impl CutoffStore for Users {
/// #     type Error = std::convert::Infallible;
/// #     async fn cutoff(&self, _: &Target<'_>) -> Result<Option<Timestamp>, Self::Error> { Ok(None) }
/// # }
/// use portcullis_core::{FailurePolicy, IatCutoff};
///
/// let rule = IatCutoff::new(Users).on_outage(FailurePolicy::Closed);
/// # let _ = rule;
/// ```
///
/// [RFC 7519 §2]: https://www.rfc-editor.org/rfc/rfc7519#section-2
#[derive(Debug)]
pub struct IatCutoff<S> {
    store: S,
    asking: Asking<Option<Timestamp>>,
    looks_at: LooksAt,
    without_subject: bool,
    without_time: bool,
}

#[derive(Clone, Copy, Debug)]
enum LooksAt {
    Iat,
    AuthTime,
    AuthTimeOrIat,
}

impl<S: CutoffStore> IatCutoff<S> {
    /// The rule over this store.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self {
            store,
            asking: Asking::new("cutoff"),
            looks_at: LooksAt::Iat,
            without_subject: false,
            without_time: false,
        }
    }

    /// Compares `auth_time` instead of `iat`, because a refresh token that survived mints fresh
    /// `iat`s. A token without `auth_time` is refused.
    #[must_use]
    pub fn auth_time(mut self) -> Self {
        self.looks_at = LooksAt::AuthTime;
        self
    }

    /// Compares `auth_time`, and `iat` where a token has no `auth_time`.
    #[must_use]
    pub fn auth_time_or_iat(mut self) -> Self {
        self.looks_at = LooksAt::AuthTimeOrIat;
        self
    }

    /// Lets tokens without `sub` pass this rule as far as the cutoffs of subjects go. They cannot be
    /// revoked by subject.
    #[must_use]
    pub fn allow_tokens_without_sub(mut self) -> Self {
        self.without_subject = true;
        self
    }

    /// Lets tokens without the time that is compared (`iat`, unless set otherwise) pass this rule.
    /// They cannot be revoked by it.
    #[must_use]
    pub fn allow_tokens_without_iat(mut self) -> Self {
        self.without_time = true;
        self
    }

    /// What happens while the store can't be asked: [`FailurePolicy::Closed`] unless set.
    #[must_use]
    pub fn on_outage(mut self, policy: FailurePolicy) -> Self {
        self.asking.set_policy(policy);
        self
    }

    /// Reuses an answer for at most this long, counted from the moment its question was sent. Zero, the
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

    /// What can be said before the store is asked: the time to compare, or the verdict.
    fn issued(&self, token: &TokenView<'_>) -> Result<Timestamp, Verdict> {
        let needs_subject = self.store.kinds().contains(&TargetKind::Subject);
        if needs_subject && !self.without_subject && token.subject().is_none() {
            return Err(DenialReason::MissingClaim(claim_of(TargetKind::Subject)).into());
        }
        let (time, claim) = match self.looks_at {
            LooksAt::Iat => (token.issued_at(), "iat"),
            LooksAt::AuthTime => (token.auth_time(), "auth_time"),
            LooksAt::AuthTimeOrIat => (token.auth_time().or(token.issued_at()), "auth_time"),
        };
        time.ok_or_else(|| {
            if self.without_time {
                Verdict::Allowed
            } else {
                DenialReason::MissingClaim(claim).into()
            }
        })
    }

    /// What the store knows in memory, asked with the list of targets.
    #[inline(never)]
    fn peek_listed(&self, token: &TokenView<'_>, issued: Timestamp) -> Option<Verdict> {
        let mut room = Targets::new();
        let targets = room.fill(token, self.store.kinds().iter().copied());
        if targets.is_empty() {
            return Some(Verdict::Allowed);
        }
        self.store
            .peek_cutoff(targets)
            .or_else(|| self.asking.caches().then(|| self.asking.recall(question(targets)))?)
            .map(|cutoff| judge(issued, cutoff))
            .or_else(|| {
                let remembered = self.store.remembered_cutoff(targets);
                self.asking.judge_remembered(remembered, |cutoff| judge(issued, *cutoff))
            })
    }
}

/// True if a token of that time falls under the cutoff: the rule of [`IatCutoff`], for stores that
/// compare by themselves and for issuers that wait a cutoff out.
///
/// # Example
///
/// ```
/// use portcullis_core::Timestamp;
/// use portcullis_core::revocation::is_cut_off;
///
/// let cutoff = Timestamp::from_millis(7_500);
/// // a whole second stands for any moment of it
/// assert!(is_cut_off(Timestamp::from_secs(7), cutoff));
/// assert!(!is_cut_off(Timestamp::from_secs(8), cutoff));
/// // a fraction is compared as it is, in milliseconds
/// assert!(is_cut_off(Timestamp::from_millis(7_500), cutoff));
/// assert!(!is_cut_off(Timestamp::from_millis(7_501), cutoff));
/// ```
#[must_use]
pub fn is_cut_off(issued: Timestamp, cutoff: Timestamp) -> bool {
    if issued.is_whole_second() {
        issued.as_secs() <= cutoff.as_secs()
    } else {
        issued.as_millis() <= cutoff.as_millis()
    }
}

fn judge(issued: Timestamp, cutoff: Option<Timestamp>) -> Verdict {
    match cutoff {
        Some(cutoff) if is_cut_off(issued, cutoff) => {
            DenialReason::CutOff { cutoff, issued }.into()
        }
        _ => Verdict::Allowed,
    }
}

impl<S: CutoffStore> Revocation for IatCutoff<S> {
    fn peek(&self, token: &TokenView<'_>) -> Option<Verdict> {
        let issued = match self.issued(token) {
            Ok(issued) => issued,
            Err(verdict) => return Some(verdict),
        };
        match self.store.peek_token_cutoff(token) {
            Some(cutoff) => Some(judge(issued, cutoff)),
            None => self.peek_listed(token, issued),
        }
    }

    fn version(&self) -> Option<u64> {
        self.asking.version(self.store.version())
    }

    async fn check(&self, token: &TokenView<'_>) -> Verdict {
        if let Some(verdict) = self.peek(token) {
            return verdict;
        }
        let issued = match self.issued(token) {
            Ok(issued) => issued,
            Err(verdict) => return verdict,
        };
        let mut room = Targets::new();
        let targets = room.fill(token, self.store.kinds().iter().copied());
        let sent = self.asking.sent();
        let answer = self.store.latest_cutoff(targets).await;
        let question = question(targets);
        self.asking.settle(question, sent, answer, Option::is_some, |cutoff| judge(issued, *cutoff))
    }
}
