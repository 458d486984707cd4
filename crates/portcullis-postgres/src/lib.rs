#![doc = include_str!("../README.md")]

mod builder;
mod error;
mod facts;
mod feed;
mod initialise;
mod listen;
mod own;
#[cfg(feature = "tokio-postgres")]
mod pool;
mod reading;
mod source;
mod sql;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod writing;

pub use builder::PostgresStoreBuilder;
pub use feed::{PostgresCursor, PostgresPage};
#[cfg(feature = "tokio-postgres")]
pub use pool::{AsClient, Clients};
#[cfg(feature = "tokio-postgres")]
pub use portcullis_core::BoxError;
pub use store::PostgresStore;
