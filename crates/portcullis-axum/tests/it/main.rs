//! The extractors in a real router, and what the compiler says about wrong ones.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that panics has failed, in its helpers too"
)]

mod compile_errors;
mod extract;
mod misuse;
mod router;
mod sockets;
mod support;
