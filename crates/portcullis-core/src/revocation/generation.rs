//! Generations: a cutoff without clocks.

use std::time::Duration;

use super::answers::{Asking, question};
use super::verdict::claim_of;
use super::{DenialReason, FailurePolicy, GenerationStore, Revocation, Verdict};
use crate::{Clock, Target, TargetKind, TokenView};

/// Refuses tokens whose generation is below the least that their subject has: a "sign out everywhere"
/// that needs no clock at all. Which claim holds the generation is a setting of the issuer.
///
/// A token without `sub` or without a generation is refused, unless
/// [`allow_tokens_without_generation`](Self::allow_tokens_without_generation).
#[derive(Debug)]
pub struct MinGeneration<S> {
    store: S,
    asking: Asking<Option<u64>>,
    without_generation: bool,
}

impl<S: GenerationStore> MinGeneration<S> {
    /// The rule over this store.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self { store, asking: Asking::new("generation"), without_generation: false }
    }

    /// Lets tokens without a generation pass this rule. They cannot be revoked by it.
    #[must_use]
    pub fn allow_tokens_without_generation(mut self) -> Self {
        self.without_generation = true;
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

    fn parts<'a>(&self, token: &TokenView<'a>) -> Result<(Target<'a>, u64), Verdict> {
        let missing = |claim| Verdict::from(DenialReason::MissingClaim(claim));
        let generation = token.generation().ok_or_else(|| {
            if self.without_generation { Verdict::Allowed } else { missing("generation") }
        })?;
        let subject = token
            .target(TargetKind::Subject)
            .ok_or_else(|| missing(claim_of(TargetKind::Subject)))?;
        Ok((subject, generation))
    }
}

fn judge(generation: u64, minimum: Option<u64>) -> Verdict {
    match minimum {
        Some(minimum) if generation < minimum => {
            DenialReason::OldGeneration { minimum, generation }.into()
        }
        _ => Verdict::Allowed,
    }
}

impl<S: GenerationStore> Revocation for MinGeneration<S> {
    fn peek(&self, token: &TokenView<'_>) -> Option<Verdict> {
        let (target, generation) = match self.parts(token) {
            Ok(parts) => parts,
            Err(verdict) => return Some(verdict),
        };
        self.store
            .peek_min_generation(&target)
            .or_else(|| self.asking.caches().then(|| self.asking.recall(question(&[target])))?)
            .map(|minimum| judge(generation, minimum))
            .or_else(|| {
                let remembered = self.store.remembered_min_generation(&target);
                self.asking.judge_remembered(remembered, |minimum| judge(generation, *minimum))
            })
    }

    fn version(&self) -> Option<u64> {
        self.asking.version(self.store.version())
    }

    async fn check(&self, token: &TokenView<'_>) -> Verdict {
        if let Some(verdict) = self.peek(token) {
            return verdict;
        }
        let (target, generation) = match self.parts(token) {
            Ok(parts) => parts,
            Err(verdict) => return verdict,
        };
        let sent = self.asking.sent();
        let answer = self.store.min_generation(&target).await;
        let question = question(&[target]);
        self.asking.settle(question, sent, answer, Option::is_some, |min| judge(generation, *min))
    }
}
