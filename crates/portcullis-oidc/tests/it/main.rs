//! Keys that are fetched: over real sockets, from an issuer that fails as the test wants. What time decides is
//! decided by a clock that the test sets.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod bodies;
mod by_kid;
mod client;
mod discovery;
mod ending;
mod faults;
mod paces;
mod presets;
mod rotation;
mod support;
mod unknown;
