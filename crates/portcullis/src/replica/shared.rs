//! What the one that follows the store and those who ask have in common.
//!
//! Those who ask take no lock. They read first how fresh the copy is and then the copy; it is written the
//! other way round. So whoever sees that it is fresh sees a copy that is at least as fresh.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use portcullis_core::feed::{Epoch, Feed, FeedError, Fold, Progress};
use portcullis_core::state::State;
use portcullis_core::{Clock, Position, StoreError, StoreErrorKind};
use tokio::sync::watch;

use super::ReplicaStatus;

/// What those who hold the replica want of the one that follows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Control {
    /// How often somebody has asked for a round at once.
    pub(super) wishes: u64,
    pub(super) closing: bool,
}

/// How far the one that follows has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reached {
    pub(super) filled: bool,
    /// How many wishes there were when the last round that is complete began.
    pub(super) granted: u64,
    pub(super) ended: bool,
}

pub(super) struct Shared {
    clock: Box<dyn Clock>,
    bound: Duration,
    copy: ArcSwapOption<State>,
    /// When the copy was complete, in nanoseconds of the clock, plus one; zero before it ever was.
    fresh_as_of: AtomicU64,
    reached: watch::Sender<Reached>,
    report: Mutex<Report>,
}

#[derive(Default)]
struct Report {
    epoch: Option<Epoch>,
    position: Option<Position>,
    progress: Progress,
    failures: u64,
    failing: bool,
    last_error: Option<FeedError>,
}

/// The copy, and how old it is.
pub(super) type Aged = (Guard<Option<Arc<State>>>, Duration);

impl Shared {
    pub(super) fn new(clock: Box<dyn Clock>, bound: Duration) -> Self {
        Self {
            clock,
            bound,
            copy: ArcSwapOption::empty(),
            fresh_as_of: AtomicU64::new(0),
            reached: watch::Sender::new(Reached::default()),
            report: Mutex::new(Report::default()),
        }
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(super) const fn bound(&self) -> Duration {
        self.bound
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Reached> {
        self.reached.subscribe()
    }

    /// How old the copy is; `None` before there is one.
    fn age(&self) -> Option<Duration> {
        let as_of = self.fresh_as_of.load(Ordering::Acquire).checked_sub(1)?;
        Some(self.clock.elapsed().saturating_sub(Duration::from_nanos(as_of)))
    }

    /// The copy, if there is one, whatever its age.
    pub(super) fn aged(&self) -> Option<Aged> {
        let age = self.age()?;
        Some((self.copy.load(), age))
    }

    /// The copy, if it may answer by itself.
    pub(super) fn fresh(&self) -> Result<Guard<Option<Arc<State>>>, StoreError> {
        match self.age() {
            Some(age) if age <= self.bound => Ok(self.copy.load()),
            Some(age) => Err(self.outage(
                StoreErrorKind::Unavailable,
                format!("the copy is {age:.1?} old, and may be {:?}", self.bound),
            )),
            None => Err(self.outage(
                StoreErrorKind::Uninitialised,
                "the copy has not been filled for the first time".to_owned(),
            )),
        }
    }

    /// True if the copy may answer by itself, for those who do not want to know why not.
    pub(super) fn is_fresh(&self) -> bool {
        self.age().is_some_and(|age| age <= self.bound)
    }

    fn outage(&self, kind: StoreErrorKind, message: String) -> StoreError {
        let error = StoreError::new(kind, message);
        match self.report().last_error.clone() {
            Some(cause) => error.with_source(cause),
            None => error,
        }
    }

    /// A round is complete that began when there were so many wishes.
    pub(super) fn publish<F: Feed>(&self, fold: &Fold<F>, wishes: u64) {
        let (Some(state), Some(as_of)) = (fold.state(), fold.fresh_as_of()) else { return };
        if !self.copy.load().as_ref().is_some_and(|known| Arc::ptr_eq(known, state)) {
            self.copy.store(Some(Arc::clone(state)));
        }
        // 584 years fit
        let nanos = u64::try_from(as_of.as_nanos()).unwrap_or(u64::MAX - 1);
        self.fresh_as_of.fetch_max(nanos + 1, Ordering::AcqRel);
        let mut report = self.report();
        report.epoch = fold.epoch().cloned();
        report.position = fold.position();
        report.progress = fold.progress();
        report.failing = false;
        drop(report);
        self.reached.send_modify(|reached| {
            reached.filled = true;
            reached.granted = reached.granted.max(wishes);
        });
    }

    /// A call has failed. True if it is the first in a row.
    pub(super) fn fail(&self, error: FeedError, progress: Progress) -> bool {
        let mut report = self.report();
        report.failures += 1;
        report.progress = progress;
        report.last_error = Some(error);
        !std::mem::replace(&mut report.failing, true)
    }

    pub(super) fn end(&self) {
        self.reached.send_modify(|reached| reached.ended = true);
    }

    pub(super) fn status(&self) -> ReplicaStatus {
        let age = self.age();
        let usage = self.copy.load().as_ref().map(|state| state.usage()).unwrap_or_default();
        let report = self.report();
        ReplicaStatus {
            ready: age.is_some_and(|age| age <= self.bound),
            age,
            epoch: report.epoch.clone(),
            position: report.position,
            usage,
            progress: report.progress,
            failures: report.failures,
            failing: report.failing,
            last_error: report.last_error.clone(),
        }
    }

    /// Nothing that could panic runs under this lock.
    fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
