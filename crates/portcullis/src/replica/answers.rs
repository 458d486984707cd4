//! The stores' traits, answered from the copy: by itself while it is fresh, and otherwise as what is
//! remembered.

use std::time::Duration;

use portcullis_core::state::{CUTOFF_KINDS, DENIAL_KINDS, State};
use portcullis_core::{
    CutoffStore, DenylistStore, GenerationStore, StoreError, Target, TargetKind, Timestamp,
    TokenView,
};

use super::Replica;

impl Replica {
    fn now(&self) -> Timestamp {
        self.shared.clock().now()
    }

    /// Asks the copy, if it is fresh.
    fn ask<T>(&self, answer: impl FnOnce(&State) -> T) -> Result<T, StoreError> {
        let copy = self.shared.fresh()?;
        // it was filled before it was called fresh
        copy.as_deref().map(answer).ok_or_else(super::ended)
    }

    fn peek<T>(&self, answer: impl FnOnce(&State) -> T) -> Option<T> {
        self.shared.is_fresh().then(|| self.ask_aged(answer))?.map(|(answer, _)| answer)
    }

    /// Asks the copy, whatever its age.
    fn ask_aged<T>(&self, answer: impl FnOnce(&State) -> T) -> Option<(T, Duration)> {
        let (copy, age) = self.shared.aged()?;
        copy.as_deref().map(|state| (answer(state), age))
    }

    fn copy_version(&self) -> Option<u64> {
        self.peek(|state| state.version(|| self.now()))?
    }
}

fn latest(state: &State, targets: &[Target<'_>]) -> Option<Timestamp> {
    targets.iter().filter_map(|target| state.cutoff(target)).max()
}

impl CutoffStore for Replica {
    type Error = StoreError;

    async fn cutoff(&self, target: &Target<'_>) -> Result<Option<Timestamp>, StoreError> {
        self.ask(|state| state.cutoff(target))
    }

    fn kinds(&self) -> &'static [TargetKind] {
        CUTOFF_KINDS
    }

    async fn latest_cutoff(&self, targets: &[Target<'_>]) -> Result<Option<Timestamp>, StoreError> {
        self.ask(|state| latest(state, targets))
    }

    fn peek_cutoff(&self, targets: &[Target<'_>]) -> Option<Option<Timestamp>> {
        self.peek(|state| latest(state, targets))
    }

    fn peek_token_cutoff(&self, token: &TokenView<'_>) -> Option<Option<Timestamp>> {
        self.peek(|state| state.token_cutoff(token))
    }

    fn remembered_cutoff(&self, targets: &[Target<'_>]) -> Option<(Option<Timestamp>, Duration)> {
        self.ask_aged(|state| latest(state, targets))
    }

    fn version(&self) -> Option<u64> {
        self.copy_version()
    }
}

impl DenylistStore for Replica {
    type Error = StoreError;

    async fn is_denied(&self, target: &Target<'_>) -> Result<bool, StoreError> {
        self.ask(|state| state.is_denied(target, || self.now()))
    }

    fn kinds(&self) -> &'static [TargetKind] {
        DENIAL_KINDS
    }

    async fn is_any_denied(
        &self,
        token: &TokenView<'_>,
        targets: &[Target<'_>],
    ) -> Result<bool, StoreError> {
        self.ask(|state| state.is_any_denied(token, targets, || self.now()))
    }

    fn peek_denied(&self, token: &TokenView<'_>, targets: &[Target<'_>]) -> Option<bool> {
        self.peek(|state| state.is_any_denied(token, targets, || self.now()))
    }

    fn peek_token_denied(&self, token: &TokenView<'_>) -> Option<bool> {
        self.peek(|state| state.is_token_denied(token, || self.now()))
    }

    fn remembered_denied(
        &self,
        token: &TokenView<'_>,
        targets: &[Target<'_>],
    ) -> Option<(bool, Duration)> {
        self.ask_aged(|state| state.is_any_denied(token, targets, || self.now()))
    }

    fn version(&self) -> Option<u64> {
        self.copy_version()
    }
}

impl GenerationStore for Replica {
    type Error = StoreError;

    async fn min_generation(&self, target: &Target<'_>) -> Result<Option<u64>, StoreError> {
        self.ask(|state| state.min_generation(target))
    }

    fn peek_min_generation(&self, target: &Target<'_>) -> Option<Option<u64>> {
        self.peek(|state| state.min_generation(target))
    }

    fn remembered_min_generation(&self, target: &Target<'_>) -> Option<(Option<u64>, Duration)> {
        self.ask_aged(|state| state.min_generation(target))
    }

    fn version(&self) -> Option<u64> {
        self.copy_version()
    }
}
