#![doc = include_str!("../README.md")]

mod error;
mod fetch;
mod remote;
mod url;

pub use error::{FetchError, FetchErrorKind};
pub use fetch::Fetch;
#[cfg(feature = "reqwest")]
pub use fetch::{HttpClient, HttpClientBuilder};
pub use remote::{RemoteKeys, RemoteKeysBuilder};
