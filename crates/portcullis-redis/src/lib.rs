#![doc = include_str!("../README.md")]

mod address;
mod builder;
mod error;
mod feed;
mod initialise;
mod keys;
mod link;
mod listen;
mod reading;
mod route;
mod rows;
mod server;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod writing;

pub use builder::RedisStoreBuilder;
pub use feed::{RedisCursor, RedisPage};
pub use store::RedisStore;
