//! The replica: how it follows a store, what it says while it can't, and how it ends.
//!
//! Time is tokio's and stands still until everybody waits (`start_paused`): a sleep takes none, and decides nothing.
#![cfg(feature = "replica")]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod following;
mod layer;
mod lifetime;
mod staleness;
mod support;
