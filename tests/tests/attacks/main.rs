//! Attacks, each named by what the attacker tries: at the library and over real HTTP, in a header and in
//! a cookie. Every one is refused by an exact answer; none panics, and none is logged raw.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod algorithm;
mod ambient;
mod cache;
mod carriers;
mod claims;
mod encoding;
mod forgeries;
mod grpc;
mod hazards;
mod keys_from_token;
mod leaks;
mod revocation;
mod signatures;
mod support;
