//! An exact copy of a store's revocations in this process, as fresh as a bound says.

mod answers;
mod builder;
mod follower;
mod pause;
mod shared;
mod status;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::feed::Feed;
use portcullis_core::{StoreError, StoreErrorKind};
use tokio::sync::watch;

pub use builder::ReplicaBuilder;
pub use follower::Follower;
use shared::{Control, Shared};
pub use status::ReplicaStatus;

/// Revocations answered from memory, by a copy that follows a store.
///
/// Put it behind the rules, as any other store. What it promises, with `B` for its
/// [bound](ReplicaBuilder::with_staleness_bound):
///
/// > If a write was acknowledged, then no check that **starts** more than `B` later lets the token pass
/// > on this instance, provided the rule's policy is [`Closed`](portcullis_core::FailurePolicy::Closed), the store keeps what it has
/// > acknowledged, and the machine is not paused from outside.
///
/// It is enforced and not hoped for: the copy notes when it last was complete, by a clock that nobody
/// sets and that goes on while the machine is suspended, and answers nothing that is older than `B`. The
/// question is then the rule's to decide, as with every store that can't be asked:
///
/// | policy of the rule | once the copy is older than `B` |
/// |---|---|
/// | `Closed` | 503 |
/// | `Open` | the token passes, is counted, and the request is marked as unchecked |
/// | `Stale { max, then }` | the copy answers until it is `max` old, then `then` applies |
///
/// What the copy denies is denied whatever its age. Before it was complete for the first time it is 503
/// whatever the policy, since it does not know what it would have to deny.
///
/// A copy that can't be followed any more (the store begins a new [epoch](portcullis_core::feed#epochs), the log was trimmed
/// or is another one) goes on answering within its bound while a new one is built beside it. The new one
/// takes over every denial of the old one that has not expired.
///
/// Clones are the same copy. When the last is dropped, the task that follows ends.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use portcullis::{Denylist, Entry, IatCutoff, Replica, Revocation, Revoke, Target};
/// # use portcullis_testing::MemoryFeed;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// # let store = MemoryFeed::new();
/// // starts one task on this runtime
/// let replica = Replica::builder(store.clone())
///     .with_staleness_bound(Duration::from_secs(2))
///     .spawn()?;
/// let rule = IatCutoff::new(replica.clone()).and(Denylist::new(replica.clone()));
///
/// // a logout handler that wants to be sure, on this instance, before it answers
/// let token = Target::token("https://idp.example.com", "7f1c");
/// store.revoke(Entry::deny(token)).await?;
/// replica.caught_up(Duration::from_secs(1)).await?;
/// # let _ = rule;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Replica {
    shared: Arc<Shared>,
    control: Arc<watch::Sender<Control>>,
}

impl Replica {
    /// Starts a copy of this store that is set up.
    pub fn builder<F: Feed>(feed: F) -> ReplicaBuilder<F> {
        ReplicaBuilder::new(feed)
    }

    /// True if it answers by itself: it was filled, and is no older than its bound. For readiness
    /// probes.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.shared.fresh().is_ok()
    }

    /// Waits until it was filled for the first time. A service that waits for this before it listens
    /// answers no request with 503 for want of a copy.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](StoreErrorKind::Unavailable) if nothing fills it any more: its task has ended.
    pub async fn ready(&self) -> Result<(), StoreError> {
        let mut reached = self.shared.subscribe();
        match reached.wait_for(|reached| reached.filled || reached.ended).await {
            Ok(reached) if reached.filled => Ok(()),
            _ => Err(ended()),
        }
    }

    /// Waits until it has everything that was acknowledged before this call, whoever wrote it. It asks the store at once, so
    /// this takes about one answer of the store.
    ///
    /// It takes no [position](portcullis_core::Revoked::position): that of a store which went back in time, or began anew,
    /// may be one that the copy was at long ago.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](StoreErrorKind::Unavailable) if it took longer than `at_most`, or if the task that follows has ended. The write
    /// stands all the same.
    pub async fn caught_up(&self, at_most: Duration) -> Result<(), StoreError> {
        let mut reached = self.shared.subscribe();
        let mut wish = 0;
        self.control.send_modify(|control| {
            control.wishes += 1;
            wish = control.wishes;
        });
        let caught_up = reached.wait_for(|reached| reached.granted >= wish || reached.ended);
        match tokio::time::timeout(at_most, caught_up).await {
            Ok(Ok(reached)) if reached.granted >= wish => Ok(()),
            Ok(_) => Err(ended()),
            Err(_) => Err(StoreError::new(
                StoreErrorKind::Unavailable,
                format!("the copy has not caught up within {at_most:?}"),
            )),
        }
    }

    /// How it is, for metrics and logs.
    #[must_use]
    pub fn status(&self) -> ReplicaStatus {
        self.shared.status()
    }

    /// How old it may become before it no longer answers by itself.
    #[must_use]
    pub fn staleness_bound(&self) -> Duration {
        self.shared.bound()
    }

    /// Ends the task that follows, for all clones, and waits until it has. The copy answers until it is
    /// older than its bound.
    pub async fn shut_down(&self) {
        let mut reached = self.shared.subscribe();
        self.control.send_modify(|control| control.closing = true);
        // an error means that the other half is gone, which is what is waited for
        let _ = reached.wait_for(|reached| reached.ended).await;
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica")
            .field("bound", &self.shared.bound())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

fn ended() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "the task that follows the store has ended")
}
