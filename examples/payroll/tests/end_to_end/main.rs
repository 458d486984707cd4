//! The service as its users meet it: the real program, over real sockets, in a directory of its own.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod banner;
mod client;
mod demo_users;
mod inputs;
mod logs;
mod outage;
mod persistence;
mod revocation;
mod server;
mod signin;
mod stopping;
mod table;
