//! The fold of a feed into a state: what is to be asked next, and what an answer means.
//!
//! It knows no runtime and no timer. Whoever drives it calls [`Fold::step`] whenever there is something
//! to do, limits how long that may take, and waits between rounds and after errors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Batch, Epoch, Feed, FeedError, FeedErrorKind};
use crate::state::{Fact, Limits, State};
use crate::{Clock, Position};

/// An exact copy of a store in the making, and then kept up to date.
///
/// What it guarantees, as long as the [feed](Feed) keeps its promise: a write that was acknowledged
/// before [`fresh_as_of`](Self::fresh_as_of) is in the [`state`](Self::state), and a denial that was in
/// a state stays in force until it expires, whatever becomes of the store.
///
/// # Example
///
/// ```
/// use portcullis_core::feed::{Fold, Step};
/// use portcullis_core::{Entry, Revoke, SystemClock, Target};
/// use portcullis_testing::MemoryFeed;
///
/// # portcullis_testing::block_on(async {
/// let (store, clock) = (MemoryFeed::new(), SystemClock::new());
/// let token = Target::token("https://idp.example.com", "7f1c");
/// store.revoke(Entry::deny(token)).await?;
///
/// let mut fold = Fold::new();
/// while fold.step(&store, &clock).await? == Step::More {}
/// let state = fold.state().expect("the first round is complete");
/// assert!(state.is_denied(&token, || portcullis_core::Timestamp::MIN));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub struct Fold<F: Feed> {
    phase: Phase<F>,
    live: Option<Live>,
    progress: Progress,
}

/// What answers are given from.
struct Live {
    state: Arc<State>,
    epoch: Epoch,
    position: Position,
    fresh_as_of: Duration,
}

enum Phase<F: Feed> {
    /// Nothing is followed.
    Idle,
    /// A snapshot is being read into a new state.
    Filling { following: Following<F>, page: Option<F::Page> },
    /// The denials of the live state are being carried over into a new one.
    Carrying { following: Following<F>, part: usize },
    /// The log is followed.
    Reading(Following<F>),
}

struct Following<F: Feed> {
    /// The live state, or the one that is to become it.
    state: Arc<State>,
    epoch: Epoch,
    cursor: F::Cursor,
    /// When the first read of the round was sent, if one has been answered and there is more.
    round: Option<Duration>,
}

/// What [`Fold::step`] has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// There is more to do at once.
    More,
    /// A round is complete: [`Fold::fresh_as_of`] is a new time, and [`Fold::state`] perhaps a new
    /// state. There is nothing to do before the next round.
    Complete,
}

/// What a fold has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Rounds that were completed.
    pub rounds: u64,
    /// Entries that were read from the log.
    pub read: u64,
    /// Entries that were read from snapshots.
    pub filled: u64,
    /// Snapshots that were begun after the first: because of a gap, another log, or a new epoch.
    pub rebuilds: u64,
}

impl<F: Feed> Fold<F> {
    /// A fold that has asked for nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { phase: Phase::Idle, live: None, progress: Progress::default() }
    }

    /// Makes one call to the feed, or does as much work without one as should not be divided further,
    /// and applies what comes of it. The clock's [`elapsed`](Clock::elapsed) is the one that
    /// [`fresh_as_of`](Self::fresh_as_of) is told in; its time of day only tells what has expired.
    ///
    /// It may be dropped before it is done, and is then as if it had not been called.
    ///
    /// # Errors
    ///
    /// That of the feed. If it [needs a snapshot](FeedErrorKind::needs_snapshot), the next step begins
    /// one; otherwise the next step does again what failed. The live state stays as it is in either
    /// case.
    pub async fn step(&mut self, feed: &F, clock: &dyn Clock) -> Result<Step, FeedError> {
        let stepped = self.try_step(feed, clock).await;
        if stepped.as_ref().is_err_and(|error| error.kind().needs_snapshot()) {
            self.phase = Phase::Idle;
        }
        stepped
    }

    async fn try_step(&mut self, feed: &F, clock: &dyn Clock) -> Result<Step, FeedError> {
        match &mut self.phase {
            Phase::Idle => {
                let (epoch, cursor) = feed.start().await?.into_parts();
                let state = Arc::new(State::new(Limits::unlimited()));
                let following = Following { state, epoch, cursor, round: None };
                self.phase = Phase::Filling { following, page: None };
                self.progress.rebuilds += u64::from(self.live.is_some());
                Ok(Step::More)
            }
            Phase::Filling { following, page } => {
                let (changes, next) = feed.snapshot(page.as_ref()).await?.into_parts();
                self.progress.filled += changes.len() as u64;
                following.apply(changes.iter(), clock)?;
                *page = next;
                if page.is_none() {
                    self.filled();
                }
                Ok(Step::More)
            }
            Phase::Carrying { following, part } => {
                let live = self.live.as_ref().map(|live| &live.state);
                let more = match live {
                    Some(live) => following.state.absorb(live, *part, clock.now())?,
                    None => false,
                };
                *part += 1;
                if !more {
                    self.carried();
                }
                Ok(Step::More)
            }
            Phase::Reading(following) => {
                let sent = clock.elapsed();
                let batch = feed.read(&following.cursor).await?;
                self.progress.read += batch.changes().len() as u64;
                let began = following.take(&batch, sent, clock)?;
                Ok(match began {
                    None => Step::More,
                    Some(began) => {
                        self.complete(began, batch.position());
                        Step::Complete
                    }
                })
            }
        }
    }

    fn filled(&mut self) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Filling { following, .. } if self.live.is_some() => {
                Phase::Carrying { following, part: 0 }
            }
            Phase::Filling { following, .. } => Phase::Reading(following),
            other => other,
        };
    }

    fn carried(&mut self) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Carrying { following, .. } => Phase::Reading(following),
            other => other,
        };
    }

    /// A round that began then is complete, so what is followed is what answers are given from.
    fn complete(&mut self, began: Duration, position: Position) {
        let Phase::Reading(following) = &self.phase else { return };
        self.progress.rounds += 1;
        if let Some(live) = &mut self.live
            && Arc::ptr_eq(&live.state, &following.state)
        {
            live.fresh_as_of = live.fresh_as_of.max(began);
            live.position = position;
            return;
        }
        if let Some(old) = &self.live {
            following.state.succeed(&old.state);
        }
        self.live = Some(Live {
            state: Arc::clone(&following.state),
            epoch: following.epoch.clone(),
            position,
            fresh_as_of: began,
        });
    }

    /// What answers are given from; `None` before the first round is complete.
    #[must_use]
    pub fn state(&self) -> Option<&Arc<State>> {
        self.live.as_ref().map(|live| &live.state)
    }

    /// By the clock of [`step`](Self::step): every write that was acknowledged before this is in the
    /// [`state`](Self::state).
    #[must_use]
    pub fn fresh_as_of(&self) -> Option<Duration> {
        self.live.as_ref().map(|live| live.fresh_as_of)
    }

    /// The epoch of the store that the [`state`](Self::state) is a copy of.
    #[must_use]
    pub fn epoch(&self) -> Option<&Epoch> {
        self.live.as_ref().map(|live| &live.epoch)
    }

    /// Up to which position of that epoch the [`state`](Self::state) has everything.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.live.as_ref().map(|live| live.position)
    }

    /// What is being read at the moment: where to wait for the [next write](Feed::changed). `None`
    /// while no log is followed.
    #[must_use]
    pub fn cursor(&self) -> Option<&F::Cursor> {
        match &self.phase {
            Phase::Reading(following) => Some(&following.cursor),
            _ => None,
        }
    }

    /// True while the next [`step`](Self::step) reads from the log, and not from a snapshot, which may
    /// take longer.
    #[must_use]
    pub const fn is_reading(&self) -> bool {
        matches!(self.phase, Phase::Reading(_))
    }

    /// What was done so far.
    #[must_use]
    pub const fn progress(&self) -> Progress {
        self.progress
    }
}

impl<F: Feed> Following<F> {
    /// Takes in a part of the log. If it completes a round, tells when that began.
    fn take(
        &mut self,
        batch: &Batch<F::Cursor>,
        sent: Duration,
        clock: &dyn Clock,
    ) -> Result<Option<Duration>, FeedError> {
        if *batch.epoch() != self.epoch {
            let message = format!("the store went from epoch {} to {}", self.epoch, batch.epoch());
            return Err(FeedError::new(FeedErrorKind::NewEpoch, message));
        }
        self.apply(batch.changes().iter(), clock)?;
        self.cursor = batch.cursor().clone();
        let began = self.round.unwrap_or(sent);
        self.round = batch.has_more().then_some(began);
        Ok(self.round.is_none().then_some(began))
    }

    /// Applying is idempotent, so what is applied in part and fails is simply applied again.
    fn apply<'a>(
        &self,
        changes: impl Iterator<Item = crate::state::Change<'a>>,
        clock: &dyn Clock,
    ) -> Result<(), FeedError> {
        let now = clock.now();
        for change in changes {
            // an allowlist is looked up in the store
            if !matches!(change.fact(), Fact::Allowed { .. } | Fact::Removed { .. }) {
                self.state.apply(&change, now)?;
            }
        }
        Ok(())
    }
}

impl<F: Feed> Default for Fold<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Feed> fmt::Debug for Fold<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match &self.phase {
            Phase::Idle => "idle",
            Phase::Filling { .. } => "filling",
            Phase::Carrying { .. } => "carrying",
            Phase::Reading(_) => "reading",
        };
        f.debug_struct("Fold")
            .field("phase", &phase)
            .field("epoch", &self.epoch())
            .field("position", &self.position())
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}
