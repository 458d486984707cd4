#![doc = include_str!("../README.md")]

mod by_kid;
#[cfg(feature = "config")]
pub mod config;
mod discovery;
mod error;
mod fetch;
mod freshness;
mod known;
pub mod presets;
mod remote;
mod url;

pub use by_kid::{KeysByKid, KeysByKidBuilder};
pub use error::{FetchError, FetchErrorKind};
pub use fetch::Fetch;
#[cfg(feature = "reqwest")]
pub use fetch::{HttpClient, HttpClientBuilder};
pub use remote::{Driver, KeyStatus, Refresher, RemoteKeys, RemoteKeysBuilder};
