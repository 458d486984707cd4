#![doc = include_str!("../README.md")]

mod claims;
pub mod feed;
mod hash;
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
pub use token::{TokenHash, TokenView};
