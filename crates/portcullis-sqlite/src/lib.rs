#![doc = include_str!("../README.md")]

mod builder;
mod connect;
mod error;
mod feed;
mod following;
mod guard;
mod log;
mod queue;
mod reading;
mod rows;
mod schema;
mod store;
mod writing;

pub use builder::SqliteStoreBuilder;
pub use log::{SqliteCursor, SqlitePage};
pub use store::SqliteStore;
