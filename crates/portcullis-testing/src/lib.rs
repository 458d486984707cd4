#![doc = include_str!("../README.md")]

mod block_on;
mod clock;
#[cfg(feature = "issuer")]
mod issuer;
#[cfg(feature = "log")]
mod logged;
mod memory_feed;
#[cfg(feature = "server")]
mod server;
pub mod suite;

pub use block_on::block_on;
pub use clock::TestClock;
#[cfg(feature = "issuer")]
pub use issuer::{Defect, Stage, TestIssuer, TestToken};
#[cfg(feature = "log")]
pub use logged::logged;
pub use memory_feed::{MemoryCursor, MemoryFeed};
#[cfg(feature = "server")]
pub use server::{Fault, IssuerServer, ServedRequest};
