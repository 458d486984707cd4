#![doc = include_str!("../README.md")]

mod builder;
mod connect;
mod error;
mod guard;
mod queue;
mod reading;
mod rows;
mod schema;
mod store;
mod writing;

pub use builder::SqliteStoreBuilder;
pub use store::SqliteStore;
