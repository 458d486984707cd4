//! The services as their callers meet them: the real program, over TLS on real sockets, in folders of their own.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod banner;
mod client;
mod options;
mod outage;
mod process;
mod rotation;
mod trust;
