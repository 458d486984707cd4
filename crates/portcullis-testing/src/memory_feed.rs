//! A feed in memory, with everything that can go wrong with one at the call of a method.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::future::poll_fn;
use std::hash::{BuildHasher, Hasher};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::suite::feed_faults::FeedFaults;
use portcullis_core::feed::{Batch, Changes, Chunk, Epoch, Feed, FeedError, FeedErrorKind, Start};
use portcullis_core::state::{Change, Fact, Limits, State};
use portcullis_core::{
    Clock, Entry, Position, Retention, Revoke, Revoked, StoreError, StoreErrorKind, SystemClock,
};

/// A store of revocations in memory that can be followed, and that fails as it is told.
///
/// It is for tests of what follows a feed, and the plainest example of one. It begins empty, in its
/// first epoch, without the cutoff for everything that a store of consequence begins with. Clones are
/// the same store.
///
/// # Example
///
/// ```
/// use portcullis_core::feed::{Feed, FeedErrorKind};
/// use portcullis_core::{Entry, Revoke, Target};
/// use portcullis_testing::MemoryFeed;
///
/// # portcullis_testing::block_on(async {
/// let store = MemoryFeed::new();
/// let start = store.start().await?;
/// store.revoke(Entry::deny(Target::token("https://idp.example.com", "7f1c"))).await?;
/// assert_eq!(store.read(start.cursor()).await?.changes().len(), 1);
///
/// store.fail_with(FeedErrorKind::Unavailable);
/// assert!(store.read(start.cursor()).await.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemoryFeed {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    retention: Retention,
    page: usize,
    /// What was written so far, by which the next write is judged.
    state: State,
    /// Every write; its position is its place in here, counted from one.
    log: Vec<Written>,
    /// How many of the log can no longer be read as one.
    trimmed: usize,
    epoch: Option<Epoch>,
    /// How many writes the backup has.
    backup: usize,
    fault: Fault,
    /// How often a call was begun, and given up on.
    calls: u64,
    resets: u64,
    waiting: Vec<Waker>,
}

#[derive(Clone)]
struct Written {
    nonce: u64,
    /// Always one; a buffer because it owns its texts.
    change: Changes,
}

#[derive(Clone, Copy)]
enum Fault {
    None,
    Fails(FeedErrorKind),
    Hangs,
}

/// A place in the log of a [`MemoryFeed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryCursor {
    position: usize,
    /// Of the write at the position; zero before the first.
    nonce: u64,
    /// Where the round that was begun ends.
    goal: Option<usize>,
}

impl MemoryFeed {
    /// An empty store by the clock of the machine.
    #[must_use]
    pub fn new() -> Self {
        Self::with(SystemClock::new(), Retention::default(), Limits::default(), 10_000)
    }

    /// An empty store that obeys a [`Setup`](crate::suite::Setup) of the suite.
    #[must_use]
    pub fn obeying(setup: crate::suite::Setup) -> Self {
        Self::with(setup.clock, setup.retention, setup.limits, setup.page)
    }

    fn with(clock: impl Clock, retention: Retention, limits: Limits, page: usize) -> Self {
        let inner = Inner {
            clock: Arc::new(clock),
            retention,
            page: page.max(1),
            state: State::new(limits),
            log: Vec::new(),
            trimmed: 0,
            epoch: Some(random_epoch()),
            backup: 0,
            fault: Fault::None,
            calls: 0,
            resets: 0,
            waiting: Vec::new(),
        };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    /// How many entries an answer has at most: ten thousand, unless set; at least one.
    #[must_use]
    pub fn with_page(self, entries: usize) -> Self {
        self.lock().page = entries.max(1);
        self
    }

    /// Every call and every write fails with this kind of error from now on.
    pub fn fail_with(&self, kind: FeedErrorKind) {
        self.lock().fault = Fault::Fails(kind);
    }

    /// Every call hangs from now on, as over a connection whose other end has vanished.
    pub fn hang(&self) {
        self.lock().fault = Fault::Hangs;
    }

    /// Calls work again.
    pub fn heal(&self) {
        let mut inner = self.lock();
        inner.fault = Fault::None;
        inner.wake();
    }

    /// The log can be read only after its last write from now on.
    pub fn trim(&self) {
        let mut inner = self.lock();
        inner.trimmed = inner.log.len().saturating_sub(1);
    }

    /// Loses the last so many writes, as a replica does that is promoted without them, or a restored
    /// backup. The epoch stays: nobody has noticed.
    pub fn lose_last(&self, writes: usize) {
        let mut inner = self.lock();
        let left = inner.log.len().saturating_sub(writes);
        inner.log.truncate(left);
        inner.trimmed = inner.trimmed.min(left.saturating_sub(1));
        inner.replay();
    }

    /// Loses everything, the epoch included.
    pub fn lose_everything(&self) {
        self.lose_last(usize::MAX);
        self.lock().epoch = None;
    }

    /// Begins an epoch, as somebody does who knows that writes were lost, or that there is no epoch.
    pub fn begin_epoch(&self) {
        let mut inner = self.lock();
        inner.epoch = Some(random_epoch());
        inner.wake();
    }

    /// How many calls were begun so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// How often whoever follows has given up on a call.
    #[must_use]
    pub fn resets(&self) -> u64 {
        self.lock().resets
    }

    /// Begins a call: hangs, or fails, as it was told.
    async fn begin(&self) -> Result<MutexGuard<'_, Inner>, FeedError> {
        self.lock().calls += 1;
        poll_fn(|context| {
            let mut inner = self.lock();
            match inner.fault {
                Fault::Hangs => {
                    inner.waiting.push(context.waker().clone());
                    Poll::Pending
                }
                Fault::Fails(kind) => Poll::Ready(Err(FeedError::new(kind, "as it was told"))),
                Fault::None => Poll::Ready(Ok(())),
            }
        })
        .await?;
        Ok(self.lock())
    }

    /// A test that panicked elsewhere leaves the store whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryFeed {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    fn epoch(&self) -> Result<Epoch, FeedError> {
        self.epoch.clone().ok_or_else(|| {
            FeedError::new(FeedErrorKind::Uninitialised, "the store was not initialised")
        })
    }

    fn cursor_at(&self, position: usize) -> MemoryCursor {
        let written = position.checked_sub(1).and_then(|index| self.log.get(index));
        MemoryCursor { position, nonce: written.map_or(0, |written| written.nonce), goal: None }
    }

    /// That the log still is the one that the cursor belongs to.
    fn confirm(&self, cursor: &MemoryCursor) -> Result<(), FeedError> {
        if cursor.position < self.trimmed {
            return Err(FeedError::new(FeedErrorKind::Gap, "the log was trimmed"));
        }
        let known = self.cursor_at(cursor.position);
        if cursor.position > self.log.len() || known.nonce != cursor.nonce {
            return Err(FeedError::new(FeedErrorKind::Diverged, "it is another log"));
        }
        Ok(())
    }

    fn write(&mut self, change: &Change<'_>) -> Position {
        self.log.push(Written { nonce: random(), change: Changes::from_iter([*change]) });
        self.wake();
        Position::new(self.log.len() as u64)
    }

    fn wake(&mut self) {
        self.waiting.drain(..).for_each(Waker::wake);
    }

    fn replay(&mut self) {
        let now = self.clock.now();
        self.state = State::new(self.state.limits());
        for change in self.log.iter().flat_map(|written| written.change.iter()) {
            // what had room once has room again
            let _ = self.state.apply(&change, now);
        }
    }
}

impl Revoke for MemoryFeed {
    async fn revoke(&self, entry: Entry) -> Result<Revoked, StoreError> {
        let inner = self.begin().await.map_err(|error| {
            StoreError::new(StoreErrorKind::Unavailable, "could not write").with_source(error)
        });
        let mut inner = inner?;
        let (now, retention) = (inner.clock.now(), inner.retention);
        let cutoff = inner.state.revoke(&entry, &retention, now)?;
        let written = Change::of_entry(&entry, &retention, now)?;
        let collapsed = cutoff.filter(|_| matches!(written.fact(), Fact::Denied { .. }));
        let collapsed = collapsed.and_then(|_| Change::collapsed(&entry, &retention, now));
        let position = inner.write(&collapsed.unwrap_or(written));
        Ok(Revoked::new(position, cutoff))
    }
}

impl Feed for MemoryFeed {
    type Cursor = MemoryCursor;
    type Page = usize;

    async fn start(&self) -> Result<Start<MemoryCursor>, FeedError> {
        let inner = self.begin().await?;
        Ok(Start::new(inner.epoch()?, inner.cursor_at(inner.log.len())))
    }

    async fn snapshot(&self, page: Option<&usize>) -> Result<Chunk<usize>, FeedError> {
        let inner = self.begin().await?;
        inner.epoch()?;
        let from = page.copied().unwrap_or(0).min(inner.log.len());
        let to = (from + inner.page).min(inner.log.len());
        let now = inner.clock.now();
        let changes = inner.log[from..to].iter().flat_map(|written| written.change.iter());
        let changes = changes.filter(|change| !change.is_over(now)).collect();
        Ok(if to < inner.log.len() { Chunk::new(changes, to) } else { Chunk::last(changes) })
    }

    async fn read(&self, after: &MemoryCursor) -> Result<Batch<MemoryCursor>, FeedError> {
        let inner = self.begin().await?;
        let epoch = inner.epoch()?;
        inner.confirm(after)?;
        let end = inner.log.len();
        let goal = after.goal.map_or(end, |goal| goal.min(end));
        let to = (after.position + inner.page).min(goal);
        let changes = inner.log[after.position..to].iter();
        let changes = changes.flat_map(|written| written.change.iter()).collect();
        let more = to < goal;
        let cursor = MemoryCursor { goal: more.then_some(goal), ..inner.cursor_at(to) };
        Ok(Batch::new(epoch, cursor, Position::new(to as u64), changes).with_more(more))
    }

    async fn changed(&self, after: &MemoryCursor) {
        poll_fn(|context| {
            let mut inner = self.lock();
            if inner.log.len() != after.position {
                return Poll::Ready(());
            }
            inner.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn reset(&self) {
        self.lock().resets += 1;
    }
}

impl FeedFaults for MemoryFeed {
    type Store = Self;

    fn store(&self) -> impl Deref<Target = Self> {
        self
    }

    async fn trim(&self) {
        Self::trim(self);
    }

    async fn back_up(&self) {
        let mut inner = self.lock();
        inner.backup = inner.log.len();
    }

    async fn restore(&self) {
        let inner = self.lock();
        let lost = inner.log.len().saturating_sub(inner.backup);
        drop(inner);
        self.lose_last(lost);
    }

    async fn lose_everything(&self) {
        Self::lose_everything(self);
    }
}

impl fmt::Debug for MemoryFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        f.debug_struct("MemoryFeed")
            .field("epoch", &inner.epoch)
            .field("writes", &inner.log.len())
            .finish_non_exhaustive()
    }
}

fn random_epoch() -> Epoch {
    Epoch::new(format!("{:016x}", random()))
}

/// Never zero, which stands for the place before the first write.
fn random() -> u64 {
    RandomState::new().build_hasher().finish().max(1)
}
