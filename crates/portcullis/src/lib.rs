#![doc = include_str!("../README.md")]

mod algorithm;
mod claims;
mod error;
mod json;
pub mod jws;
pub mod keys;
mod memory;
mod verified;
mod verifier;

#[doc(inline)]
pub use portcullis_core::*;

pub use algorithm::Algorithm;
pub use error::{BuildError, Diagnosis, KeyError, Rejection, RejectionKind};
pub use keys::Keys;
pub use memory::{MemoryStore, MemoryStoreBuilder};
pub use verified::{Anonymous, Authentic, Verified};
pub use verifier::{ClaimPath, Issuer, Verifier, VerifierBuilder};
