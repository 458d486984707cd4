//! The replica: how it follows a store, what it says while it can't, and how it ends.
#![cfg(feature = "replica")]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod following;
mod layer;
mod lifetime;
mod staleness;
mod support;
