//! What the adapters share: the targets to ask about, a bounded memory of answers, and the failure
//! policy applied to them.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{BoxError, FailurePolicy, Outage, StoreError, StoreErrorKind, Verdict};
use crate::{Clock, SystemClock, Target, TargetKind, TokenView};

/// The targets of one token, on the stack. They are filled in place, since moving them costs more than
/// they do.
pub(super) struct Targets<'a> {
    list: [Target<'a>; TargetKind::ALL.len()],
    len: usize,
}

impl<'a> Targets<'a> {
    /// None yet.
    pub(super) const fn new() -> Self {
        Self { list: [Target::everything(); TargetKind::ALL.len()], len: 0 }
    }

    /// The token's targets of these kinds, as far as it has the claims for them.
    pub(super) fn fill(
        &mut self,
        token: &TokenView<'a>,
        kinds: impl IntoIterator<Item = TargetKind>,
    ) -> &[Target<'a>] {
        let present = kinds.into_iter().filter_map(|kind| token.target(kind));
        self.len = 0;
        for (slot, target) in self.list.iter_mut().zip(present) {
            *slot = target;
            self.len += 1;
        }
        &self.list[..self.len]
    }
}

/// The key under which the answer to a question about these targets is remembered.
pub(super) fn question(targets: &[Target<'_>]) -> u128 {
    targets.iter().fold(0, |key, target| key.rotate_left(7).wrapping_add(target.hash128()))
}

/// How a rule asks its store: for how long an answer may be reused, and what happens in an outage.
pub(super) struct Asking<V> {
    rule: &'static str,
    policy: FailurePolicy,
    cache_for: Duration,
    clock: Arc<dyn Clock>,
    /// Answers that can deny a token, now or later. Kept apart, so that no flood of others drives
    /// them out.
    denying: Mutex<Recent<V>>,
    passing: Mutex<Recent<V>>,
    unchecked: AtomicU64,
}

impl<V: Clone> Asking<V> {
    pub(super) fn new(rule: &'static str) -> Self {
        Self {
            rule,
            policy: FailurePolicy::Closed,
            cache_for: Duration::ZERO,
            clock: Arc::new(SystemClock::new()),
            denying: Mutex::new(Recent::default()),
            passing: Mutex::new(Recent::default()),
            unchecked: AtomicU64::new(0),
        }
    }

    pub(super) fn set_policy(&mut self, policy: FailurePolicy) {
        self.policy = policy;
    }

    pub(super) fn set_cache_for(&mut self, cache_for: Duration) {
        self.cache_for = cache_for;
    }

    pub(super) fn set_clock(&mut self, clock: impl Clock) {
        self.clock = Arc::new(clock);
    }

    pub(super) fn unchecked(&self) -> u64 {
        self.unchecked.load(Ordering::Relaxed)
    }

    /// True if answers may be reused, so that looking for one is worth it.
    pub(super) fn caches(&self) -> bool {
        !self.cache_for.is_zero()
    }

    /// When a question is sent: to be handed to [`settle`](Self::settle) with the answer.
    pub(super) fn sent(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The answer to the same question, if it was asked for recently enough to be reused.
    pub(super) fn recall(&self, question: u128) -> Option<V> {
        if !self.caches() {
            return None;
        }
        self.known(question).filter(|(age, _)| *age <= self.cache_for).map(|(_, value)| value)
    }

    /// The version of the rule over a store of that version. There is none where answers are reused:
    /// one that is older than the version would be taken for one at the version, and outlive its time.
    pub(super) fn version(&self, of_store: Option<u64>) -> Option<u64> {
        of_store.filter(|_| !self.caches())
    }

    /// Forgets an answer that the store has just taken back.
    pub(super) fn forget(&self, question: u128, sent: Duration) {
        lock(&self.passing).remove_older(question, sent);
    }

    /// The verdict on the last answer that the store itself remembers, with its age, if that is a
    /// denial or young enough for the policy.
    pub(super) fn judge_remembered(
        &self,
        remembered: Option<(V, Duration)>,
        judge: impl Fn(&V) -> Verdict,
    ) -> Option<Verdict> {
        let (value, age) = remembered?;
        let verdict = judge(&value);
        let young = self.policy.max_stale().is_some_and(|max| age <= max);
        (verdict.is_denied() || young).then_some(verdict)
    }

    /// The verdict on an answer, or on the lack of one.
    ///
    /// `denies` tells of an answer whether it can deny a token, now or later: such answers are known
    /// denials and outlast every policy.
    pub(super) fn settle<E: Into<BoxError>>(
        &self,
        question: u128,
        sent: Duration,
        answer: Result<V, E>,
        denies: impl Fn(&V) -> bool,
        judge: impl Fn(&V) -> Verdict,
    ) -> Verdict {
        match answer {
            Ok(value) => {
                let verdict = judge(&value);
                self.remember(question, sent, value, denies);
                verdict
            }
            Err(error) => self.without_answer(question, error, judge),
        }
    }

    fn remember(&self, question: u128, sent: Duration, value: V, denies: impl Fn(&V) -> bool) {
        if denies(&value) {
            lock(&self.passing).remove_older(question, sent);
            lock(&self.denying).insert(question, sent, value);
        } else {
            // the store has the last word: what it no longer denies is no longer a known denial
            lock(&self.denying).remove_older(question, sent);
            if self.caches() || self.policy.max_stale().is_some() {
                lock(&self.passing).insert(question, sent, value);
            }
        }
    }

    fn without_answer<E: Into<BoxError>>(
        &self,
        question: u128,
        error: E,
        judge: impl Fn(&V) -> Verdict,
    ) -> Verdict {
        let error = error.into();
        let known = self.known(question).map(|(age, value)| (value, age));
        if let Some(verdict) = self.judge_remembered(known, judge) {
            return verdict;
        }
        let opens = self.policy.opens() && !is_uninitialised(&error);
        let outage = Outage::new(self.rule, error);
        if opens {
            self.unchecked.fetch_add(1, Ordering::Relaxed);
            Verdict::AllowedUnchecked(outage)
        } else {
            Verdict::Unavailable(outage)
        }
    }

    fn known(&self, question: u128) -> Option<(Duration, V)> {
        let found = lock(&self.denying).get(question);
        let (sent, value) = found.or_else(|| lock(&self.passing).get(question))?;
        Some((self.clock.elapsed().saturating_sub(sent), value))
    }
}

/// True if the store has nothing to answer from yet, so that not even known denials would win: there
/// is no policy for that.
fn is_uninitialised(error: &BoxError) -> bool {
    let error = error.downcast_ref::<StoreError>();
    error.is_some_and(|error| error.kind() == StoreErrorKind::Uninitialised)
}

/// A panic while one of these locks was held leaves at worst an answer missing, never a wrong one.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<V> fmt::Debug for Asking<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking")
            .field("rule", &self.rule)
            .field("policy", &self.policy)
            .field("cache_for", &self.cache_for)
            .finish_non_exhaustive()
    }
}

/// The most recent answers, at most twice [`GENERATION`](Self::GENERATION) of them: when the young
/// generation is full it becomes the old one, and the old one is dropped.
struct Recent<V> {
    young: HashMap<u128, (Duration, V)>,
    old: HashMap<u128, (Duration, V)>,
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<V: Clone> Recent<V> {
    const GENERATION: usize = 8192;

    fn get(&self, question: u128) -> Option<(Duration, V)> {
        self.young.get(&question).or_else(|| self.old.get(&question)).cloned()
    }

    fn insert(&mut self, question: u128, sent: Duration, value: V) {
        if self.get(question).is_some_and(|(known, _)| known > sent) {
            return; // a slow answer to an older question says less than the one we have
        }
        if self.young.len() >= Self::GENERATION && !self.young.contains_key(&question) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(question, (sent, value));
    }

    fn remove_older(&mut self, question: u128, sent: Duration) {
        for generation in [&mut self.young, &mut self.old] {
            if generation.get(&question).is_some_and(|(known, _)| *known <= sent) {
                generation.remove(&question);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_keeps_the_recent() {
        let mut recent = Recent::default();
        for q in 0..100_000u128 {
            recent.insert(q, Duration::ZERO, ());
        }
        assert!(recent.young.len() + recent.old.len() <= 2 * Recent::<()>::GENERATION);
        assert!(recent.get(99_999).is_some() && recent.get(0).is_none());
    }

    #[test]
    fn no_fewer_answers_than_a_generation_are_kept() {
        let mut recent = Recent::default();
        let generation = Recent::<u32>::GENERATION as u128;
        for q in 0..2 * generation {
            recent.insert(q, Duration::ZERO, 1);
        }
        // new answers to old questions take no room
        for q in 0..generation {
            recent.insert(2 * generation - 1 - q, Duration::ZERO, 2);
        }
        assert!((0..generation).all(|q| recent.get(q).is_some()), "the old generation");
        let second = Some((Duration::ZERO, 2));
        assert!((generation..2 * generation).all(|q| recent.get(q) == second));
    }

    #[test]
    fn an_answer_to_an_older_question_does_not_replace_a_newer_one() {
        let mut recent = Recent::default();
        recent.insert(1, Duration::from_secs(2), "new");
        recent.insert(1, Duration::from_secs(1), "old");
        assert_eq!(recent.get(1).map(|(_, v)| v), Some("new"));
        recent.remove_older(1, Duration::from_secs(1));
        assert_eq!(recent.get(1).map(|(_, v)| v), Some("new"));
        recent.remove_older(1, Duration::from_secs(2));
        assert_eq!(recent.get(1), None);
    }
}
