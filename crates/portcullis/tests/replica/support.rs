//! A clock that goes with tokio's, a store in memory, and questions.

use std::time::Duration;

use portcullis::feed::{Batch, Chunk, Feed, FeedError, Start};
use portcullis::{
    Clock, Denylist, Entry, FailurePolicy, Replica, Revocation, Revoke, Target, Timestamp,
    TokenView, Verdict,
};
use portcullis_testing::{MemoryCursor, MemoryFeed};
use tokio::time::Instant;

pub(crate) const ISSUER: &str = "https://idp.example.com";
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
pub(crate) const BOUND: Duration = Duration::from_secs(3);

/// Tokio's clock, which stands still until everybody waits, and then goes on by itself.
#[derive(Clone, Copy)]
pub(crate) struct TokioClock(Instant);

impl TokioClock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        NOW.saturating_add(self.elapsed())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A store that tells nobody when something was written.
pub(crate) struct Silent(pub(crate) MemoryFeed);

impl Feed for Silent {
    type Cursor = MemoryCursor;
    type Page = usize;

    async fn start(&self) -> Result<Start<MemoryCursor>, FeedError> {
        self.0.start().await
    }

    async fn snapshot(&self, page: Option<&usize>) -> Result<Chunk<usize>, FeedError> {
        self.0.snapshot(page).await
    }

    async fn read(&self, after: &MemoryCursor) -> Result<Batch<MemoryCursor>, FeedError> {
        self.0.read(after).await
    }

    fn reset(&self) {
        self.0.reset();
    }
}

/// A replica of the store that is filled.
pub(crate) async fn replica(feed: impl Feed) -> Replica {
    let replica = unfilled(feed);
    replica.ready().await.unwrap();
    replica
}

pub(crate) fn unfilled(feed: impl Feed) -> Replica {
    let builder = Replica::builder(feed).with_staleness_bound(BOUND);
    builder.with_clock(TokioClock::new()).spawn().unwrap()
}

pub(crate) async fn deny(store: &MemoryFeed, jti: &str) {
    store.revoke(Entry::deny(Target::token(ISSUER, jti))).await.unwrap();
}

pub(crate) fn token(jti: &str) -> TokenView<'_> {
    TokenView::new(ISSUER).with_token_id(jti).with_subject("bob").with_issued_at(NOW)
}

/// What a denylist over the replica says; that memory says the same where it says anything.
pub(crate) async fn ask(replica: &Replica, policy: FailurePolicy, jti: &str) -> Verdict {
    let rule = Denylist::new(replica.clone()).on_outage(policy);
    let peeked = rule.peek(&token(jti));
    let checked = rule.check(&token(jti)).await;
    if let Some(peeked) = peeked {
        assert_eq!(format!("{peeked:?}"), format!("{checked:?}"));
    }
    checked
}

pub(crate) async fn passes(replica: &Replica, jti: &str) -> bool {
    matches!(ask(replica, FailurePolicy::Closed, jti).await, Verdict::Allowed)
}

pub(crate) async fn is_denied(replica: &Replica, jti: &str) -> bool {
    ask(replica, FailurePolicy::Open, jti).await.is_denied()
}

pub(crate) async fn is_out(replica: &Replica, policy: FailurePolicy, jti: &str) -> bool {
    matches!(ask(replica, policy, jti).await, Verdict::Unavailable(_))
}
