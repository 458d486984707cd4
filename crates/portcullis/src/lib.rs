#![doc = include_str!("../README.md")]

mod algorithm;
mod cache;
mod claims;
mod error;
mod guard;
mod json;
pub mod jws;
pub mod keys;
mod layer;
mod memory;
mod registered;
#[cfg(feature = "replica")]
mod replica;
mod response;
mod source;
mod verified;
mod verifier;

#[doc(inline)]
pub use portcullis_core::*;

pub use algorithm::Algorithm;
pub use cache::Cache;
pub use claims::{ClaimRule, ClaimValue};
pub use error::{BuildError, Diagnosis, KeyError, Rejection, RejectionKind};
pub use guard::{RequireFuture, RequireLayer, RequireService};
pub use keys::Keys;
#[cfg(feature = "tokio")]
pub use layer::Timeout;
pub use layer::{JwtLayer, JwtService, ResponseFuture};
pub use memory::{MemoryStore, MemoryStoreBuilder};
#[cfg(feature = "replica")]
pub use replica::{Follower, Replica, ReplicaBuilder, ReplicaStatus};
pub use response::{ResponseBody, ResponseForRejection};
pub use source::Source;
pub use verified::{Anonymous, Authentic, Verified};
pub use verifier::{
    ClaimPath, Explanation, Issuer, Issuers, LookAlike, Rule, RuleOutcome, RuleReport, Verifier,
    VerifierBuilder,
};
