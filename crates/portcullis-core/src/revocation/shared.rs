//! Stores behind an `Arc`: one to write to and one to read from are often the same.

use std::sync::Arc;
use std::time::Duration;

use super::{
    AllowlistStore, AllowlistWriter, CutoffStore, DenylistStore, Entry, GenerationStore, Position,
    Revoke, Revoked, StoreError,
};
use crate::{Target, TargetKind, Timestamp, TokenView};

impl<S: CutoffStore> CutoffStore for Arc<S> {
    type Error = S::Error;

    async fn cutoff(&self, target: &Target<'_>) -> Result<Option<Timestamp>, Self::Error> {
        (**self).cutoff(target).await
    }

    fn kinds(&self) -> &'static [TargetKind] {
        (**self).kinds()
    }

    async fn latest_cutoff(
        &self,
        targets: &[Target<'_>],
    ) -> Result<Option<Timestamp>, Self::Error> {
        (**self).latest_cutoff(targets).await
    }

    fn peek_cutoff(&self, targets: &[Target<'_>]) -> Option<Option<Timestamp>> {
        (**self).peek_cutoff(targets)
    }

    fn peek_token_cutoff(&self, token: &TokenView<'_>) -> Option<Option<Timestamp>> {
        (**self).peek_token_cutoff(token)
    }

    fn remembered_cutoff(&self, targets: &[Target<'_>]) -> Option<(Option<Timestamp>, Duration)> {
        (**self).remembered_cutoff(targets)
    }

    fn version(&self) -> Option<u64> {
        (**self).version()
    }
}

impl<S: DenylistStore> DenylistStore for Arc<S> {
    type Error = S::Error;

    async fn is_denied(&self, target: &Target<'_>) -> Result<bool, Self::Error> {
        (**self).is_denied(target).await
    }

    fn kinds(&self) -> &'static [TargetKind] {
        (**self).kinds()
    }

    async fn is_any_denied(
        &self,
        token: &TokenView<'_>,
        targets: &[Target<'_>],
    ) -> Result<bool, Self::Error> {
        (**self).is_any_denied(token, targets).await
    }

    fn peek_denied(&self, token: &TokenView<'_>, targets: &[Target<'_>]) -> Option<bool> {
        (**self).peek_denied(token, targets)
    }

    fn peek_token_denied(&self, token: &TokenView<'_>) -> Option<bool> {
        (**self).peek_token_denied(token)
    }

    fn remembered_denied(
        &self,
        token: &TokenView<'_>,
        targets: &[Target<'_>],
    ) -> Option<(bool, Duration)> {
        (**self).remembered_denied(token, targets)
    }

    fn version(&self) -> Option<u64> {
        (**self).version()
    }
}

impl<S: AllowlistStore> AllowlistStore for Arc<S> {
    type Error = S::Error;

    async fn is_allowed(&self, token: &Target<'_>) -> Result<bool, Self::Error> {
        (**self).is_allowed(token).await
    }

    fn peek_allowed(&self, token: &Target<'_>) -> Option<bool> {
        (**self).peek_allowed(token)
    }
}

impl<S: GenerationStore> GenerationStore for Arc<S> {
    type Error = S::Error;

    async fn min_generation(&self, target: &Target<'_>) -> Result<Option<u64>, Self::Error> {
        (**self).min_generation(target).await
    }

    fn peek_min_generation(&self, target: &Target<'_>) -> Option<Option<u64>> {
        (**self).peek_min_generation(target)
    }

    fn remembered_min_generation(&self, target: &Target<'_>) -> Option<(Option<u64>, Duration)> {
        (**self).remembered_min_generation(target)
    }

    fn version(&self) -> Option<u64> {
        (**self).version()
    }
}

impl<S: Revoke> Revoke for Arc<S> {
    async fn revoke(&self, entry: Entry) -> Result<Revoked, StoreError> {
        (**self).revoke(entry).await
    }
}

impl<S: AllowlistWriter> AllowlistWriter for Arc<S> {
    async fn allow(
        &self,
        token: Target<'_>,
        subject: Option<&str>,
        expires_at: Option<Timestamp>,
    ) -> Result<Position, StoreError> {
        (**self).allow(token, subject, expires_at).await
    }

    async fn remove(&self, target: Target<'_>) -> Result<Position, StoreError> {
        (**self).remove(target).await
    }
}
