//! A store that does as it is told: answers come from a script, and time passes while it is asked.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_core::{
    AllowlistStore, CutoffStore, DenylistStore, GenerationStore, StoreError, StoreErrorKind,
    Target, TargetKind, Timestamp, TokenView,
};
use portcullis_testing::TestClock;

pub(crate) const ISSUER: &str = "https://idp.example.com";
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// A token with every claim that a rule may need.
pub(crate) fn token() -> TokenView<'static> {
    TokenView::new(ISSUER)
        .with_subject("bob")
        .with_token_id("7f1c")
        .with_issued_at(NOW)
        .with_generation(5)
}

/// What the store answers next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The token is good.
    Good,
    /// The token is revoked.
    Revoked,
    /// The store can't be asked.
    Down,
}

/// A store of every kind. It counts how often it is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<(Answer, Duration)>,
    asked: usize,
    clock: Option<TestClock>,
}

impl Script {
    /// A store whose questions take time on this clock.
    pub(crate) fn on(clock: &TestClock) -> Self {
        let script = Self::default();
        script.0.lock().unwrap().clock = Some(clock.clone());
        script
    }

    /// The next question is answered so.
    pub(crate) fn then(&self, answer: Answer) -> &Self {
        self.then_after(answer, Duration::ZERO)
    }

    /// The next question is answered so, after that time.
    pub(crate) fn then_after(&self, answer: Answer, after: Duration) -> &Self {
        self.0.lock().unwrap().answers.push_back((answer, after));
        self
    }

    /// How many questions were asked.
    pub(crate) fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }

    async fn answer(&self) -> Result<bool, StoreError> {
        let mut state = self.0.lock().unwrap();
        state.asked += 1;
        let (answer, after) = state.answers.pop_front().expect("the script has an answer");
        if let Some(clock) = &state.clock {
            clock.advance(after);
        }
        match answer {
            Answer::Good => Ok(true),
            Answer::Revoked => Ok(false),
            Answer::Down => Err(StoreError::new(StoreErrorKind::Unavailable, "it is down")),
        }
    }
}

impl CutoffStore for Script {
    type Error = StoreError;

    async fn cutoff(&self, _: &Target<'_>) -> Result<Option<Timestamp>, StoreError> {
        Ok((!self.answer().await?).then_some(NOW))
    }
}

impl DenylistStore for Script {
    type Error = StoreError;

    async fn is_denied(&self, _: &Target<'_>) -> Result<bool, StoreError> {
        Ok(!self.answer().await?)
    }
}

impl AllowlistStore for Script {
    type Error = StoreError;

    async fn is_allowed(&self, _: &Target<'_>) -> Result<bool, StoreError> {
        self.answer().await
    }
}

impl GenerationStore for Script {
    type Error = StoreError;

    async fn min_generation(&self, _: &Target<'_>) -> Result<Option<u64>, StoreError> {
        Ok((!self.answer().await?).then_some(6))
    }
}

/// A denylist that judges by subject and `iat` as well, as stores that collapse denials do.
#[derive(Debug)]
pub(crate) struct BySubject;

impl DenylistStore for BySubject {
    type Error = StoreError;

    async fn is_denied(&self, _: &Target<'_>) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn kinds(&self) -> &'static [TargetKind] {
        &[TargetKind::Issuer]
    }

    async fn is_any_denied(
        &self,
        token: &TokenView<'_>,
        _: &[Target<'_>],
    ) -> Result<bool, StoreError> {
        Ok(token.subject() == Some("bob") && token.issued_at() <= Some(NOW))
    }
}

/// A store that denies the id `bad` and no other.
#[derive(Debug)]
pub(crate) struct ById;

impl CutoffStore for ById {
    type Error = Infallible;

    async fn cutoff(&self, target: &Target<'_>) -> Result<Option<Timestamp>, Infallible> {
        Ok((target.id() == "bad").then_some(NOW))
    }
}

impl DenylistStore for ById {
    type Error = Infallible;

    async fn is_denied(&self, target: &Target<'_>) -> Result<bool, Infallible> {
        Ok(target.id() == "bad")
    }
}

impl AllowlistStore for ById {
    type Error = Infallible;

    async fn is_allowed(&self, token: &Target<'_>) -> Result<bool, Infallible> {
        Ok(token.id() != "bad")
    }
}

impl GenerationStore for ById {
    type Error = Infallible;

    async fn min_generation(&self, target: &Target<'_>) -> Result<Option<u64>, Infallible> {
        Ok((target.id() == "bad").then_some(6))
    }
}

/// A store each of whose methods answers differently.
#[derive(Debug)]
pub(crate) struct Distinct;

impl CutoffStore for Distinct {
    type Error = Infallible;

    async fn cutoff(&self, _: &Target<'_>) -> Result<Option<Timestamp>, Infallible> {
        Ok(Some(Timestamp::from_secs(1)))
    }

    fn kinds(&self) -> &'static [TargetKind] {
        &[TargetKind::Key]
    }

    async fn latest_cutoff(&self, _: &[Target<'_>]) -> Result<Option<Timestamp>, Infallible> {
        Ok(Some(Timestamp::from_secs(2)))
    }

    fn peek_cutoff(&self, _: &[Target<'_>]) -> Option<Option<Timestamp>> {
        Some(Some(Timestamp::from_secs(3)))
    }

    fn peek_token_cutoff(&self, _: &TokenView<'_>) -> Option<Option<Timestamp>> {
        Some(Some(Timestamp::from_secs(9)))
    }

    fn version(&self) -> Option<u64> {
        Some(4)
    }
}

impl DenylistStore for Distinct {
    type Error = Infallible;

    async fn is_denied(&self, target: &Target<'_>) -> Result<bool, Infallible> {
        Ok(target.id() == "bad")
    }

    fn kinds(&self) -> &'static [TargetKind] {
        &[TargetKind::Client]
    }

    fn peek_denied(&self, _: &TokenView<'_>, targets: &[Target<'_>]) -> Option<bool> {
        Some(targets.iter().any(|target| target.id() == "bad"))
    }

    fn peek_token_denied(&self, token: &TokenView<'_>) -> Option<bool> {
        Some(token.client() == Some("bad"))
    }

    fn version(&self) -> Option<u64> {
        Some(5)
    }
}

impl AllowlistStore for Distinct {
    type Error = Infallible;

    async fn is_allowed(&self, token: &Target<'_>) -> Result<bool, Infallible> {
        Ok(token.id() != "bad")
    }

    fn peek_allowed(&self, token: &Target<'_>) -> Option<bool> {
        Some(token.id() != "bad")
    }
}

impl GenerationStore for Distinct {
    type Error = Infallible;

    async fn min_generation(&self, _: &Target<'_>) -> Result<Option<u64>, Infallible> {
        Ok(Some(6))
    }

    fn peek_min_generation(&self, _: &Target<'_>) -> Option<Option<u64>> {
        Some(Some(7))
    }

    fn version(&self) -> Option<u64> {
        Some(8)
    }
}
