//! What the issuer signs, against what the verifier makes of it.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod cutoff;
mod key_store;
mod keys;
mod log;
mod read;
mod refresh;
#[cfg(feature = "sqlite")]
mod refresh_sqlite;
mod ring;
mod token;
#[cfg(feature = "tokio")]
mod token_endpoint;
mod web;
