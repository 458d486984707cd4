//! Feeds: what lets every instance of a service hold an exact copy of a store's revocations.
//!
//! A store that is a [`Feed`] hands out what it holds, page by page, and then whatever is written
//! after that. A verifier folds both into a [`State`](crate::state::State) of its own and answers
//! from memory. How old that copy may be is enforced by the verifier, with no clock but its own.
//!
//! ```text
//! start ──► snapshot, page by page ──► read ──► read ──► read …
//!   ▲        into a new state           └─ a round that is complete is a barrier
//!   └──────── an outage of the copy: another epoch, a gap, a log that is not the one that was read
//! ```
//!
//! # Rounds
//!
//! A *round* is one [`read`](Feed::read), and as many more as it takes until one of them says that
//! nothing is [left](Batch::with_more). The verifier notes the time before the first of them is
//! sent. When the round is complete, it has applied every write that was acknowledged before that
//! time, and calls its copy fresh as of then. This is the whole of the promise: **a write that was
//! acknowledged before a round began has been returned when the round is complete.**
//!
//! So the first read of a round has to ask the store's primary, in a way that is ordered after the
//! writes it has acknowledged: not a read-only replica, not a cache. A store under heavy load fixes
//! the goal of the round there and then (the end of its log at that moment), keeps it in the cursor
//! that it returns, and says that nothing is left as soon as the goal is passed; otherwise a reader
//! could run after the writers for ever. A store whose every read reaches the end needs no goal.
//!
//! # Epochs
//!
//! An [`Epoch`] is drawn at random when a store is initialised, and again when it may have lost
//! writes that it had acknowledged: a restored backup, a failover. A store without one is
//! [uninitialised](FeedErrorKind::Uninitialised), which is an outage and not an empty store.
//! Whoever initialises one writes a cutoff for everything that was issued until then, unless that is
//! waived by name: nobody knows what the store before it held.
//!
//! What a new epoch lacks is not forgotten: a verifier keeps the denials in its memory until they
//! expire.

mod changes;
mod error;
mod fold;
mod parts;

use std::future::Future;

pub use changes::Changes;
pub use error::{FeedError, FeedErrorKind};
pub use fold::{Fold, Progress, Step};
pub use parts::{Batch, Chunk, Epoch, Start};

/// A store whose writes can be followed.
///
/// A write that is not returned lets a revoked token pass, on every instance, for as long as it
/// lives. One that is returned twice, late, or out of order does no harm: state only ever grows
/// stricter. Nothing has to be returned twice in the same way either: a snapshot may be read page by
/// page while others write, as long as what is written meanwhile is in the log after its
/// [start](Feed::start).
///
/// Listings and removals of an allowlist are no part of a feed: allowlists are large and change at
/// every sign-in, so they are looked up in the store.
///
/// A call may be dropped before it is done (whoever follows sets a limit to every one), and may then
/// be made again.
///
/// # Example
///
/// The whole of a feed over a vector that never forgets:
///
/// ```
/// use std::sync::Mutex;
/// use portcullis_core::feed::{Batch, Changes, Chunk, Epoch, Feed, FeedError, Start};
/// use portcullis_core::state::Change;
/// use portcullis_core::{Entry, Position, Retention, Timestamp};
///
/// struct Log(Mutex<Vec<Entry>>);
///
/// impl Feed for Log {
///     type Cursor = usize;
///     type Page = ();
///
///     async fn start(&self) -> Result<Start<usize>, FeedError> {
///         Ok(Start::new(Epoch::new("one process, one epoch"), 0))
///     }
///
///     async fn snapshot(&self, _: Option<&()>) -> Result<Chunk<()>, FeedError> {
///         Ok(Chunk::last(Changes::new())) // everything is in the log
///     }
///
///     async fn read(&self, after: &usize) -> Result<Batch<usize>, FeedError> {
///         let log = self.0.lock().expect("nothing panics under this lock");
///         let now = Timestamp::from_secs(1_700_000_000);
///         let changes: Result<Changes, _> = log[*after..]
///             .iter()
///             .map(|entry| Change::of_entry(entry, &Retention::default(), now))
///             .collect();
///         let epoch = Epoch::new("one process, one epoch");
///         Ok(Batch::new(epoch, log.len(), Position::new(log.len() as u64), changes?))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store whose writes can be followed",
    note = "implement `Feed`, or put the store behind a rule that asks it for every request"
)]
pub trait Feed: Send + Sync + 'static {
    /// A place in the log, and whatever is needed to notice that the log is no longer the one that
    /// it belongs to: a random number of the entry at that place, say.
    type Cursor: Clone + Send + Sync + 'static;

    /// A place in a snapshot.
    type Page: Clone + Send + Sync + 'static;

    /// The epoch and the end of the log, as the primary sees them, for a snapshot that begins now.
    ///
    /// # Errors
    ///
    /// [`Uninitialised`](FeedErrorKind::Uninitialised) where there is no epoch,
    /// [`NotPrimary`](FeedErrorKind::NotPrimary) where the answer would be that of a replica,
    /// [`Unavailable`](FeedErrorKind::Unavailable) if the store could not be asked.
    fn start(&self) -> impl Future<Output = Result<Start<Self::Cursor>, FeedError>> + Send;

    /// A part of all that the store holds: the first where `page` is `None`, else the one at that
    /// place.
    ///
    /// All parts together hold at least everything that was written before [`start`](Self::start)
    /// and has not expired. Some ten thousand entries a part are a good number: the caller holds one
    /// part at a time.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    fn snapshot(
        &self,
        page: Option<&Self::Page>,
    ) -> impl Future<Output = Result<Chunk<Self::Page>, FeedError>> + Send;

    /// What was written after this place; see [rounds](self#rounds). An empty answer is the usual
    /// one and returns at once.
    ///
    /// Every read has to find out that the log still is the one that the cursor belongs to: that the
    /// epoch is the same, that the log was not cut off beyond the cursor, that its end does not lie
    /// before it, and that the entry at the cursor is still the same one. A primary that was promoted
    /// without its last writes soon writes past the cursor, and only that entry tells.
    ///
    /// # Errors
    ///
    /// [`Gap`](FeedErrorKind::Gap), [`Diverged`](FeedErrorKind::Diverged) or
    /// [`NewEpoch`](FeedErrorKind::NewEpoch) where the cursor can't be followed any more: the caller
    /// begins anew. Otherwise as [`start`](Self::start).
    fn read(
        &self,
        after: &Self::Cursor,
    ) -> impl Future<Output = Result<Batch<Self::Cursor>, FeedError>> + Send;

    /// Done when something may have been written after this place: a wake-up, so that nobody has to
    /// wait for the next regular read. Never, unless overridden: nothing but the delay depends on it,
    /// and a feed that can't listen at the moment just lets its caller wait.
    fn changed(&self, after: &Self::Cursor) -> impl Future<Output = ()> + Send {
        let _ = after;
        std::future::pending()
    }

    /// The caller gave up on a call that took too long, or got an error. Whatever connection the next
    /// call would use is suspect, and better replaced: a peer that vanished without a word looks like
    /// a slow one. Does nothing, unless overridden.
    fn reset(&self) {}
}

impl<F: Feed> Feed for std::sync::Arc<F> {
    type Cursor = F::Cursor;
    type Page = F::Page;

    async fn start(&self) -> Result<Start<F::Cursor>, FeedError> {
        (**self).start().await
    }

    async fn snapshot(&self, page: Option<&F::Page>) -> Result<Chunk<F::Page>, FeedError> {
        (**self).snapshot(page).await
    }

    async fn read(&self, after: &F::Cursor) -> Result<Batch<F::Cursor>, FeedError> {
        (**self).read(after).await
    }

    async fn changed(&self, after: &F::Cursor) {
        (**self).changed(after).await;
    }

    fn reset(&self) {
        (**self).reset();
    }
}
