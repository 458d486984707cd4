//! What a replica tells about itself.

use std::time::Duration;

use portcullis_core::Position;
use portcullis_core::feed::{Epoch, FeedError, Progress};
use portcullis_core::state::Usage;

/// How a [`Replica`](super::Replica) is at the moment.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReplicaStatus {
    /// True if it answers by itself.
    pub ready: bool,
    /// How old it is: everything that was acknowledged that long ago is in it. `None` before it was
    /// filled for the first time. In quiet times it goes up to a third of the bound.
    pub age: Option<Duration>,
    /// The epoch of the store that it is a copy of.
    pub epoch: Option<Epoch>,
    /// Up to which position of that epoch it has everything.
    pub position: Option<Position>,
    /// How many entries it holds.
    pub usage: Usage,
    /// What was read so far, and how often it was built anew.
    pub progress: Progress,
    /// How many calls to the store have failed so far, those that took too long included.
    pub failures: u64,
    /// True if the last call to the store failed.
    pub failing: bool,
    /// Why the last call that failed did.
    pub last_error: Option<FeedError>,
}
