//! The layer and the guards from outside: what a client, a service and the log get to see.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that panics has failed, in its helpers too"
)]

mod answers;
mod bodies;
mod cross_origin;
mod custom;
mod grpc;
mod guards;
mod logs;
mod modes;
mod readiness;
mod revocation;
mod sockets;
mod source;
mod sources;
mod support;
#[cfg(feature = "tokio")]
mod timeouts;
