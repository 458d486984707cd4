//! The store on real files: the suite, durability, and everything that can happen to a file.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod common;
mod contents;
mod durable;
mod feed;
mod harm;
mod opening;
mod shared;
mod suite;
mod threads;
