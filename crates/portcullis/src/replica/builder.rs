//! Setting a replica up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::feed::Feed;
use portcullis_core::{Clock, SystemClock};
use tokio::sync::watch;

use super::pause::Pauses;
use super::shared::{Control, Shared};
use super::{Follower, Replica};
use crate::BuildError;

/// Sets up a [`Replica`]. Made by [`Replica::builder`].
#[must_use]
pub struct ReplicaBuilder<F> {
    feed: F,
    bound: Duration,
    call_timeout: Option<Duration>,
    snapshot_timeout: Duration,
    clock: Box<dyn Clock>,
}

/// A bound below this would be spent on waiting for the store.
const LEAST_BOUND: Duration = Duration::from_millis(30);

impl<F: Feed> ReplicaBuilder<F> {
    pub(super) fn new(feed: F) -> Self {
        Self {
            feed,
            bound: Duration::from_secs(3),
            call_timeout: None,
            snapshot_timeout: Duration::from_secs(30),
            clock: Box::new(SystemClock::new()),
        }
    }

    /// How old the copy may become before it no longer answers by itself: three seconds, unless set.
    ///
    /// This is how long a revoked token may go on working on this instance, and how long an outage of
    /// the store goes unnoticed. The store is asked three times in that time, even if nothing is
    /// written.
    pub fn with_staleness_bound(mut self, bound: Duration) -> Self {
        self.bound = bound;
        self
    }

    /// How long a read from the log may take before it is given up on and made again over another
    /// connection: a third of the bound, unless set.
    pub fn with_call_timeout(mut self, limit: Duration) -> Self {
        self.call_timeout = Some(limit);
        self
    }

    /// How long one page of a snapshot may take: 30 seconds, unless set.
    pub fn with_snapshot_timeout(mut self, limit: Duration) -> Self {
        self.snapshot_timeout = limit;
        self
    }

    /// The clock that the age of the copy is measured with, and that tells what has expired: the
    /// machine's, unless set. It should be the verifier's.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// The replica, and what has to be [run](Follower::run) for it to be filled.
    ///
    /// # Errors
    ///
    /// If the bound is shorter than 30 milliseconds, or a limit of time is zero or longer than the
    /// bound leaves room for.
    pub fn build(self) -> Result<(Replica, Follower<F>), BuildError> {
        let Self { feed, bound, call_timeout, snapshot_timeout, clock } = self;
        let call_timeout = call_timeout.unwrap_or(bound / 3);
        let refuse = |message: String| Err(BuildError::new(message));
        if bound < LEAST_BOUND {
            return refuse(format!(
                "a staleness bound of {bound:?}: a copy can't be kept that fresh, set at least \
                 {LEAST_BOUND:?}"
            ));
        }
        if call_timeout.is_zero() || call_timeout >= bound {
            return refuse(format!(
                "a call timeout of {call_timeout:?}: set one shorter than the staleness bound of \
                 {bound:?}, or a single slow call makes the copy too old"
            ));
        }
        if snapshot_timeout.is_zero() {
            return refuse("a snapshot timeout of zero: no page could ever be read".to_owned());
        }
        let shared = Arc::new(Shared::new(clock, bound));
        let (control, wishes) = watch::channel(Control::default());
        let follower = Follower::new(
            feed,
            Arc::clone(&shared),
            wishes,
            Pauses::within(bound),
            (call_timeout, snapshot_timeout),
        );
        Ok((Replica { shared, control: Arc::new(control) }, follower))
    }

    /// The replica, filled by a task on the present tokio runtime. The task ends when the last clone
    /// of the replica is dropped, or by [`Replica::shut_down`].
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, or in one whose timers are off.
    pub fn spawn(self) -> Result<Replica, BuildError> {
        let (replica, follower) = self.build()?;
        tokio::spawn(follower.run());
        Ok(replica)
    }
}

impl<F> fmt::Debug for ReplicaBuilder<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplicaBuilder")
            .field("bound", &self.bound)
            .field("call_timeout", &self.call_timeout)
            .field("snapshot_timeout", &self.snapshot_timeout)
            .finish_non_exhaustive()
    }
}
