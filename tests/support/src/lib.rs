//! What tests need to start real programs: where they are, on which port they listen, and how a test says that one is
//! missing.
//!
//! A test that needs a program and can't have it is reported as ignored, by name. The usual harness can't decide that
//! at run time, so such tests stand in a binary of their own (`harness = false`), whose `main` calls [`run`]:
//!
//! ```no_run
//! use portcullis_support::{Outcome, Program, needs, run};
//!
//! fn main() {
//!     run([needs(&[Program::NGINX], "gate::a_good_token_passes", a_good_token_passes)]);
//! }
//!
//! fn a_good_token_passes() -> Outcome {
//!     // start nginx, ask it
//!     Ok(())
//! }
//! ```
//!
//! `cargo xtask test` finds every program, or installs it, and tells the tests by variables where it is.
#![forbid(unsafe_code)]

mod authority;
mod paste;
mod port;
#[cfg(unix)]
mod postgres;
mod process;
mod program;
mod proxy;
mod redis;
mod signal;
#[cfg(all(unix, feature = "stores"))]
pub mod stores;
mod trial;

pub use authority::Authority;
pub use libtest_mimic::Trial;
pub use paste::paste;
pub use port::Port;
#[cfg(unix)]
pub use postgres::PostgresServer;
pub use process::{Process, owner_other_than_root, wait_until};
pub use program::Program;
pub use proxy::Proxy;
pub use redis::RedisServer;
pub use signal::{Signal, children, signal};
pub use trial::{Outcome, chain, needs, run};
