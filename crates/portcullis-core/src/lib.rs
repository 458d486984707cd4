//! The vocabulary that Portcullis, its stores and its users share: times, claims, roles, and the
//! traits of revocation.
//!
//! This crate knows no HTTP, no cryptography and no async runtime, so that a store can depend on it
//! alone and stay compatible for years. Most users want [`portcullis`] or [`portcullis-axum`],
//! which re-export everything here; depend on this crate directly to write a revocation store.
//!
//! | You want to | start at |
//! |---|---|
//! | put your own table behind a rule | [`CutoffStore`], [`DenylistStore`], [`AllowlistStore`] |
//! | choose what happens in an outage | [`FailurePolicy`] |
//! | write a rule of your own | [`Revocation`] |
//! | revoke something | [`Revoke`] and [`Entry`] |
//! | keep revocations in memory | [`state`] |
//! | let every instance follow a store | [`feed`] |
//! | name roles and scopes as types | [`roles!`], [`RoleName`], [`Requirement`] |
//!
//! [`portcullis`]: https://docs.rs/portcullis
//! [`portcullis-axum`]: https://docs.rs/portcullis-axum

mod claims;
pub mod feed;
mod requirement;
pub mod revocation;
mod roles;
pub mod state;
mod target;
mod time;
mod token;

pub use claims::AccessClaims;
pub use requirement::{AllOf, AnyOf, Requirement, RequirementInfo, Scope};
pub use revocation::{
    AfterStale, Allowlist, AllowlistStore, AllowlistWriter, And, BoxError, CutoffStore, Denial,
    DenialReason, Denylist, DenylistStore, Entry, FailurePolicy, GenerationStore, IatCutoff,
    MinGeneration, NoRevocation, OptionalRule, Outage, Position, Retention, Revocation, Revoke,
    Revoked, Rule, StoreError, StoreErrorKind, Verdict,
};
pub use roles::{Assertable, HasRoles, HasScopes, RoleName, ScopeName};
pub use target::{Target, TargetBuf, TargetKind};
pub use time::{Clock, SystemClock, Timestamp};
pub use token::TokenView;
