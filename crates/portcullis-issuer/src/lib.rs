#![doc = include_str!("../README.md")]

mod cookie;
mod cutoff;
mod error;
mod header;
mod key;
pub mod key_store;
mod keys;
pub mod refresh;
mod secret;
#[cfg(feature = "sqlite")]
mod sqlite;
mod token;
#[cfg(feature = "tokio")]
pub mod token_endpoint;
pub mod web;

pub use cookie::SessionCookie;
#[cfg(feature = "tokio")]
pub use cutoff::wait_past_cutoff;
pub use cutoff::{delay_past, wait_past_cutoff_with};
pub use error::{IssuerError, IssuerErrorKind};
pub use header::JwsHeader;
pub use key::SigningKey;
pub use keys::{KeyEntry, SigningKeys, SigningKeysBuilder};
pub use secret::SecretBytes;
pub use token::{Minted, TokenBuilder, TokenIssuer, TokenIssuerBuilder};

/// What an erased `async fn` gives.
pub(crate) type BoxFuture<'a, T> =
    std::pin::Pin<Box<dyn std::future::Future<Output = T> + Send + 'a>>;
