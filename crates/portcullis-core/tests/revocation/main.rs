//! The semantics of revocation, held against statements of the rules that are as naive as possible.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod adapters;
mod boundary;
mod by_token;
mod compose;
mod documented;
mod fake;
mod feed;
mod fold;
mod follow;
mod policy;
mod retention;
mod shard;
mod version;
