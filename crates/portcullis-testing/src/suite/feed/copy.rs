//! What follows a feed in the cases: a state, made of nothing but what the feed returns.

use portcullis_core::feed::{Epoch, Feed, FeedError};
use portcullis_core::state::{Limits, State};
use portcullis_core::{Clock, Position, Target, Timestamp};

use super::super::{Setup, done};

/// A copy made of nothing but what the feed returns.
pub(in crate::suite) struct Copy<S: Feed> {
    pub(in crate::suite) state: State,
    pub(in crate::suite) epoch: Epoch,
    pub(in crate::suite) cursor: S::Cursor,
    pub(in crate::suite) position: Option<Position>,
    now: Timestamp,
}

impl<S: Feed> Copy<S> {
    /// A snapshot, and no log yet.
    pub(in crate::suite) async fn of(store: &S, setup: &Setup) -> Self {
        let mut copy = Self::begin(store, setup).await;
        copy.take_snapshot(store).await;
        copy
    }

    pub(super) async fn begin(store: &S, setup: &Setup) -> Self {
        let (epoch, cursor) = told(store.start().await).into_parts();
        let state = State::new(Limits::unlimited());
        Self { state, epoch, cursor, position: None, now: setup.clock.now() }
    }

    async fn take_snapshot(&mut self, store: &S) {
        let mut page = None;
        loop {
            let chunk = told(store.snapshot(page.as_ref()).await);
            for change in chunk.changes().iter() {
                done(self.state.apply(&change, self.now));
            }
            page = chunk.next().cloned();
            if page.is_none() {
                break;
            }
        }
    }

    /// One read; true if its round is complete.
    pub(in crate::suite) async fn try_read(&mut self, store: &S) -> Result<bool, FeedError> {
        let batch = store.read(&self.cursor).await?;
        for change in batch.changes().iter() {
            done(self.state.apply(&change, self.now));
        }
        assert_eq!(*batch.epoch(), self.epoch, "the epoch stays");
        assert!(self.position <= Some(batch.position()), "positions do not go back");
        self.position = Some(batch.position());
        self.cursor = batch.cursor().clone();
        Ok(!batch.has_more())
    }

    pub(in crate::suite) async fn round(&mut self, store: &S) {
        while !told(self.try_read(store).await) {}
    }

    pub(in crate::suite) fn denies(&self, target: &Target<'_>) -> bool {
        self.state.is_denied(target, || self.now)
    }
}

pub(in crate::suite) fn told<T>(result: Result<T, FeedError>) -> T {
    result.unwrap_or_else(|error| panic!("the feed failed: {error:?}"))
}
