//! The server and its clients as they meet: the real program, over real sockets, in folders of their own.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod banner;
mod client;
mod options;
mod refusals;
mod tokens;
