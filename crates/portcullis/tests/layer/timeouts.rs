//! A time limit around a store changes no answer that comes in time.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use portcullis::{
    AllowlistStore, CutoffStore, DenylistStore, GenerationStore, NoRevocation, Revocation, Target,
    TargetKind, Timeout, Timestamp, TokenView,
};

const ISSUER: &str = "https://idp.example";

/// A store each of whose methods answers differently; about `late`, never.
struct Distinct;

async fn answer<T>(target: &Target<'_>, answer: T) -> Result<T, Infallible> {
    if target.id() == "late" { pending().await } else { Ok(answer) }
}

impl CutoffStore for Distinct {
    type Error = Infallible;

    async fn cutoff(&self, target: &Target<'_>) -> Result<Option<Timestamp>, Infallible> {
        answer(target, Some(Timestamp::from_secs(1))).await
    }

    fn kinds(&self) -> &'static [TargetKind] {
        &[TargetKind::Key]
    }

    async fn latest_cutoff(&self, of: &[Target<'_>]) -> Result<Option<Timestamp>, Infallible> {
        answer(&of[0], Some(Timestamp::from_secs(2))).await
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
        answer(target, target.id() == "bad").await
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
        answer(token, token.id() != "bad").await
    }

    fn peek_allowed(&self, token: &Target<'_>) -> Option<bool> {
        Some(token.id() != "bad")
    }
}

impl GenerationStore for Distinct {
    type Error = Infallible;

    async fn min_generation(&self, target: &Target<'_>) -> Result<Option<u64>, Infallible> {
        answer(target, Some(6)).await
    }

    fn peek_min_generation(&self, _: &Target<'_>) -> Option<Option<u64>> {
        Some(Some(7))
    }

    fn version(&self) -> Option<u64> {
        Some(8)
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_store_answers_in_time_is_passed_on() {
    let store = Timeout::new(Distinct, Duration::from_secs(1));
    let (target, view) = (Target::token(ISSUER, "good"), TokenView::new(ISSUER));
    let secs = |secs| Some(Timestamp::from_secs(secs));
    assert_eq!(CutoffStore::cutoff(&store, &target).await.unwrap(), secs(1));
    assert_eq!(store.latest_cutoff(&[target]).await.unwrap(), secs(2));
    assert_eq!(store.peek_cutoff(&[target]), Some(secs(3)));
    assert_eq!(store.peek_token_cutoff(&view), Some(secs(9)));
    assert_eq!(CutoffStore::kinds(&store), [TargetKind::Key]);
    assert_eq!(CutoffStore::version(&store), Some(4));
    for (id, denied) in [("good", false), ("bad", true)] {
        let target = Target::token(ISSUER, id);
        assert_eq!(store.is_denied(&target).await.unwrap(), denied);
        assert_eq!(store.is_any_denied(&view, &[target]).await.unwrap(), denied);
        assert_eq!(store.peek_denied(&view, &[target]), Some(denied));
        assert_eq!(store.peek_token_denied(&view.with_client(id)), Some(denied));
        assert_eq!(store.is_allowed(&target).await.unwrap(), !denied);
        assert_eq!(store.peek_allowed(&target), Some(!denied));
    }
    assert_eq!(DenylistStore::kinds(&store), [TargetKind::Client]);
    assert_eq!(DenylistStore::version(&store), Some(5));
    assert_eq!(store.min_generation(&target).await.unwrap(), Some(6));
    assert_eq!(store.peek_min_generation(&target), Some(Some(7)));
    assert_eq!(GenerationStore::version(&store), Some(8));
    assert_eq!(Timeout::new(NoRevocation, Duration::from_secs(1)).version(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_an_outage_whatever_it_is_asked() {
    let store = Timeout::new(Distinct, Duration::from_secs(1));
    let (late, view) = (Target::token(ISSUER, "late"), TokenView::new(ISSUER));
    assert!(CutoffStore::cutoff(&store, &late).await.is_err());
    assert!(store.latest_cutoff(&[late]).await.is_err());
    assert!(store.is_denied(&late).await.is_err());
    assert!(store.is_any_denied(&view, &[late]).await.is_err());
    assert!(store.is_allowed(&late).await.is_err());
    assert!(store.min_generation(&late).await.is_err());
}
