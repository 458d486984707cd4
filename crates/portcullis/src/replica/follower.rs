//! What fills a replica: rounds, waits, and new attempts.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use portcullis_core::feed::{Feed, FeedError, FeedErrorKind, Fold, Step};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::pause::Pauses;
use super::shared::{Control, Shared};

/// After a wake-up, the next round begins no sooner than this after the one before, so that a burst of
/// writes is read in a few rounds.
const BREATH: Duration = Duration::from_millis(5);

/// What keeps a [`Replica`](super::Replica) up to date, for as long as it [runs](Self::run).
#[must_use = "a replica is never filled unless its follower is run"]
pub struct Follower<F: Feed> {
    feed: F,
    fold: Fold<F>,
    shared: Arc<Shared>,
    control: watch::Receiver<Control>,
    pauses: Pauses,
    call_timeout: Duration,
    snapshot_timeout: Duration,
    failures: u32,
    /// How many wishes there were when the round began that is not complete.
    begun: Option<u64>,
}

/// Told when there is nothing to run for any more.
struct Closed;

impl<F: Feed> Follower<F> {
    pub(super) fn new(
        feed: F,
        shared: Arc<Shared>,
        control: watch::Receiver<Control>,
        pauses: Pauses,
        (call_timeout, snapshot_timeout): (Duration, Duration),
    ) -> Self {
        let fold = Fold::new();
        let (failures, begun) = (0, None);
        Self {
            feed,
            fold,
            shared,
            control,
            pauses,
            call_timeout,
            snapshot_timeout,
            failures,
            begun,
        }
    }

    /// Follows the store, through all its outages, until the last clone of the replica is dropped or
    /// it is [shut down](super::Replica::shut_down). Dropping this future ends it at once.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, or in one whose timers are off.
    pub async fn run(mut self) {
        while let Ok(()) = self.round().await {}
    }

    /// Follows up to the end of one round, or one failure, and waits until the next is due.
    async fn round(&mut self) -> Result<(), Closed> {
        // what is gone on with after a failure may end where it was to end before, so no later wish counts
        let wishes = self.control.borrow_and_update().wishes;
        let wishes = *self.begun.get_or_insert(wishes);
        let began = Instant::now();
        loop {
            match self.step().await? {
                Ok(Step::More) => tokio::task::yield_now().await,
                Ok(_) => {
                    self.begun = None;
                    self.completed(wishes);
                    self.rest(began, wishes).await;
                    return Ok(());
                }
                Err(error) => return self.failed(error).await,
            }
        }
    }

    /// One step of the fold, unless there is nothing to run for any more.
    async fn step(&mut self) -> Result<Result<Step, FeedError>, Closed> {
        let Self { feed, fold, shared, control, .. } = self;
        let limit = if fold.is_reading() { self.call_timeout } else { self.snapshot_timeout };
        let step = pin!(timeout(limit, fold.step(feed, shared.clock())));
        match select(pin!(closed(control)), step).await {
            Either::Left(_) => Err(Closed),
            Either::Right((Ok(stepped), _)) => Ok(stepped),
            Either::Right((Err(_), _)) => {
                let message = format!("the store did not answer within {limit:?}");
                Ok(Err(FeedError::new(FeedErrorKind::Unavailable, message)))
            }
        }
    }

    fn completed(&mut self, wishes: u64) {
        self.shared.publish(&self.fold, wishes);
        if self.failures > 0 {
            let epoch = self.fold.epoch().map(tracing::field::display);
            tracing::info!(epoch, failures = self.failures, "revocations are followed again");
        }
        self.failures = 0;
    }

    /// Waits for the next round: until it is due, or something was written, or somebody asks for it.
    async fn rest(&mut self, began: Instant, wishes: u64) {
        let Self { feed, fold, control, pauses, .. } = self;
        let due = pin!(sleep_until(began + pauses.before_round()));
        let changed = pin!(async {
            match fold.cursor() {
                Some(cursor) => feed.changed(cursor).await,
                None => std::future::pending().await,
            }
            sleep_until(began + BREATH).await;
        });
        let wished = pin!(async {
            // an error means that nobody is left to ask
            let _ = control.wait_for(|control| control.wishes > wishes || control.closing).await;
        });
        select(select(due, changed), wished).await;
    }

    async fn failed(&mut self, error: FeedError) -> Result<(), Closed> {
        let kind = error.kind();
        self.failures = self.failures.saturating_add(1);
        let is_first = self.shared.fail(error.clone(), self.fold.progress());
        if kind.needs_snapshot() {
            tracing::warn!(reason = %error, "revocations are read anew, beside those in force");
        } else {
            self.feed.reset();
            if is_first {
                let cause = std::error::Error::source(&error).map(tracing::field::display);
                tracing::warn!(%error, cause, "revocations can't be followed; trying again");
            }
        }
        if kind.needs_snapshot() && self.failures == 1 {
            return Ok(());
        }
        let pause = self.pauses.after_failures(self.failures);
        match timeout(pause, closed(&mut self.control)).await {
            Ok(()) => Err(Closed),
            Err(_) => Ok(()),
        }
    }
}

/// Done when there is nothing to run for any more.
async fn closed(control: &mut watch::Receiver<Control>) {
    // an error means that every handle was dropped
    let _ = control.wait_for(|control| control.closing).await;
}

impl<F: Feed> Drop for Follower<F> {
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl<F: Feed> fmt::Debug for Follower<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower")
            .field("fold", &self.fold)
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}
