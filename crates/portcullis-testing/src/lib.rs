#![doc = include_str!("../README.md")]

mod block_on;
mod clock;
pub mod suite;

pub use block_on::block_on;
pub use clock::TestClock;
