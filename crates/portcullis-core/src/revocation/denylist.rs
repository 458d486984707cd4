//! The denylist: tokens that were withdrawn one by one.

use std::time::Duration;

use super::answers::{Asking, Targets, question};
use super::verdict::claim_of;
use super::{DenialReason, DenylistStore, FailurePolicy, Revocation, Verdict};
use crate::{Clock, Target, TargetKind, Timestamp, TokenView};

/// Refuses tokens that are listed: what a "sign out" needs.
///
/// A token without `jti` is refused, since nothing could ever list it; see
/// [`fingerprint_without_jti`](Self::fingerprint_without_jti) and
/// [`allow_tokens_without_jti`](Self::allow_tokens_without_jti).
///
/// # Many denials of one subject
///
/// A store may collapse the many denials of one subject ([`Entry::of_subject`](crate::Entry::of_subject))
/// into a cutoff: from then on every token that the subject was issued up to that moment is refused, by
/// this rule too. A whole-second `iat` stands for any moment of its second, so a token that is minted
/// within the second of that cutoff is refused as well. A service that mints tokens therefore waits past
/// the cutoff at sign-in even if this is its only rule (`wait_past_cutoff` of `portcullis-issuer`, with
/// the same store).
///
/// An example is at [the module](super).
#[derive(Debug)]
pub struct Denylist<S> {
    store: S,
    asking: Asking<bool>,
    without_id: WithoutId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WithoutId {
    Refuse,
    Fingerprint,
    Allow,
}

impl<S: DenylistStore> Denylist<S> {
    /// The rule over this store.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self { store, asking: Asking::new("denylist"), without_id: WithoutId::Refuse }
    }

    /// Looks for a token without `jti` by the hash of its signing input
    /// ([`Target::fingerprint`](crate::Target::fingerprint)). The signature is no part of it, since
    /// the same token can be given another valid ECDSA signature.
    #[must_use]
    pub fn fingerprint_without_jti(mut self) -> Self {
        self.without_id = WithoutId::Fingerprint;
        self
    }

    /// Lets tokens without `jti` pass this rule. They cannot be revoked one by one.
    #[must_use]
    pub fn allow_tokens_without_jti(mut self) -> Self {
        self.without_id = WithoutId::Allow;
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

    /// True if the token is asked about by what it has of the store's kinds, as most are.
    fn has_all_it_needs(&self, token: &TokenView<'_>) -> bool {
        token.token_id().is_some() || !self.store.kinds().contains(&TargetKind::Token)
    }

    /// What the store is to be asked about, or what can be said before.
    fn targets<'a, 't>(
        &self,
        token: &TokenView<'a>,
        room: &'t mut Targets<'a>,
    ) -> Result<&'t [Target<'a>], Verdict> {
        let kinds = self.store.kinds();
        if self.has_all_it_needs(token) {
            return Ok(room.fill(token, kinds.iter().copied()));
        }
        let refused = || DenialReason::MissingClaim(claim_of(TargetKind::Token)).into();
        match self.without_id {
            WithoutId::Refuse => Err(refused()),
            WithoutId::Allow => Ok(room.fill(token, kinds.iter().copied())),
            WithoutId::Fingerprint if token.fingerprint().is_none() => Err(refused()),
            WithoutId::Fingerprint => Ok(room.fill(
                token,
                kinds.iter().map(|&kind| match kind {
                    TargetKind::Token => TargetKind::Fingerprint,
                    kind => kind,
                }),
            )),
        }
    }

    /// What the store knows in memory, asked with the list of targets.
    #[inline(never)]
    fn peek_listed(&self, token: &TokenView<'_>) -> Option<Verdict> {
        let mut room = Targets::new();
        let targets = match self.targets(token, &mut room) {
            Ok(targets) => targets,
            Err(verdict) => return Some(verdict),
        };
        if targets.is_empty() {
            return Some(Verdict::Allowed);
        }
        self.store
            .peek_denied(token, targets)
            .or_else(|| {
                self.asking.caches().then(|| self.asking.recall(question_of(token, targets)))?
            })
            .map(judge)
            .or_else(|| {
                let remembered = self.store.remembered_denied(token, targets);
                self.asking.judge_remembered(remembered, |denied| judge(*denied))
            })
    }
}

/// The question about a token. A store may judge it by subject and `iat` too (collapsed denials), so
/// an answer about one token is no answer about another that shares its targets.
fn question_of(token: &TokenView<'_>, targets: &[Target<'_>]) -> u128 {
    let subject = token.target(TargetKind::Subject).map_or(0, |subject| subject.hash128());
    let issued = token.issued_at().map_or(i64::MIN, Timestamp::as_millis);
    question(targets).wrapping_add(subject.rotate_left(64)) ^ u128::from(issued as u64)
}

fn judge(denied: bool) -> Verdict {
    if denied { DenialReason::Denylisted.into() } else { Verdict::Allowed }
}

impl<S: DenylistStore> Revocation for Denylist<S> {
    #[inline]
    fn peek(&self, token: &TokenView<'_>) -> Option<Verdict> {
        if self.has_all_it_needs(token)
            && let Some(denied) = self.store.peek_token_denied(token)
        {
            return Some(judge(denied));
        }
        self.peek_listed(token)
    }

    fn version(&self) -> Option<u64> {
        self.asking.version(self.store.version())
    }

    async fn check(&self, token: &TokenView<'_>) -> Verdict {
        if let Some(verdict) = self.peek(token) {
            return verdict;
        }
        let mut room = Targets::new();
        let targets = match self.targets(token, &mut room) {
            Ok(targets) => targets,
            Err(verdict) => return verdict,
        };
        let sent = self.asking.sent();
        let answer = self.store.is_any_denied(token, targets).await;
        let question = question_of(token, targets);
        self.asking.settle(question, sent, answer, |denied| *denied, |denied| judge(*denied))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn questions_about_other_subjects_or_times_are_other_questions() {
        let subjects: Vec<String> = (0..64).map(|n| format!("subject {n}")).collect();
        let mut questions = HashSet::new();
        for subject in &subjects {
            for millis in [0, 1] {
                let token = TokenView::new("https://idp.example.com")
                    .with_token_id("7f1c")
                    .with_subject(subject)
                    .with_issued_at(Timestamp::from_millis(millis));
                let mut room = Targets::new();
                questions.insert(question_of(&token, room.fill(&token, [TargetKind::Token])));
            }
        }
        assert_eq!(questions.len(), 2 * subjects.len());
    }
}
