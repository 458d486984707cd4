//! Revocation: what makes a token that is still signed and unexpired stop working.
//!
//! Three heights to plug in at. The low one is a small store trait over your own table
//! ([`CutoffStore`], [`DenylistStore`], [`AllowlistStore`], [`GenerationStore`]); the adapters
//! [`IatCutoff`], [`Denylist`], [`Allowlist`] and [`MinGeneration`] own the semantics: boundaries,
//! missing claims, what happens in an outage, caching. The middle one is [`Revocation`] itself,
//! composed by [`and`](Revocation::and). Writing is apart from reading, in [`Revoke`] and
//! [`AllowlistWriter`], which a service that only reads need not hold.
//!
//! A token is good only if **no** rule denies it. State only ever grows stricter, so replaying or
//! reordering writes is harmless.
//!
//! # Example
//!
//! A denylist over a table of one's own:
//!
//! ```
//! use portcullis_core::{Denylist, DenylistStore, Target};
//! # struct Pool;
//! # impl Pool { async fn exists(&self, _: &str, _: &str, _: &str) -> Result<bool, std::io::Error> { Ok(false) } }
//!
//! struct SignedOut(Pool);
//!
//! impl DenylistStore for SignedOut {
//!     type Error = std::io::Error;
//!
//!     async fn is_denied(&self, token: &Target<'_>) -> Result<bool, Self::Error> {
//!         let query = "select exists (select 1 from signed_out where issuer = $1 and jti = $2)";
//!         self.0.exists(query, token.issuer(), token.id()).await
//!     }
//! }
//!
//! let rule = Denylist::new(SignedOut(Pool));
//! # let _ = rule;
//! ```

mod allowlist;
mod answers;
mod compose;
mod cutoff;
mod denylist;
mod entry;
mod generation;
mod policy;
mod shared;
mod stores;
mod verdict;

use std::future::Future;

pub use allowlist::Allowlist;
pub use compose::{And, NoRevocation, OptionalRule};
pub use cutoff::{IatCutoff, is_cut_off};
pub use denylist::Denylist;
pub use entry::{AllowlistWriter, Entry, Position, Retention, Revoke, Revoked, Rule};
pub use generation::MinGeneration;
pub use policy::{AfterStale, FailurePolicy};
pub use stores::{
    AllowlistStore, BoxError, CutoffStore, DenylistStore, GenerationStore, StoreError,
    StoreErrorKind,
};
pub use verdict::{Denial, DenialReason, Outage, Verdict};

use crate::TokenView;

/// A rule that tells whether a token still works.
///
/// [`peek`](Self::peek) answers from memory; only where it can't is [`check`](Self::check) awaited.
/// The two must agree: whenever `peek` answers, `check` would have said the same.
///
/// A wrong [`Allowed`](Verdict::Allowed) lets a revoked token pass; a wrong
/// [`Denied`](Verdict::Denied) signs somebody out. An outage is neither: say
/// [`Unavailable`](Verdict::Unavailable).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a rule of revocation",
    label = "expected something that implements `Revocation`",
    note = "wrap a store in its adapter: `IatCutoff::new(store)`, `Denylist::new(store)` or `Allowlist::new(store)`"
)]
pub trait Revocation: Send + Sync + 'static {
    /// The verdict, if memory knows it.
    fn peek(&self, token: &TokenView<'_>) -> Option<Verdict>;

    /// The verdict.
    fn check(&self, token: &TokenView<'_>) -> impl Future<Output = Verdict> + Send;

    /// A number that grows before any token that passes could be denied, and never goes back. While it
    /// stays the same, a token that [`peek`](Self::peek) let pass still passes, and need not be asked
    /// about again: whoever remembers that asks for the version *before* the peek. `None`, the
    /// default, if there is no such number: every time has to be asked.
    ///
    /// A number that goes back (a flag, a hash, a counter that starts anew) lets revoked tokens pass:
    /// two rules together have the sum of their numbers.
    fn version(&self) -> Option<u64> {
        None
    }

    /// This rule and another: the token must pass both. A denial by one side beats an outage of the
    /// other.
    fn and<R: Revocation>(self, other: R) -> And<Self, R>
    where
        Self: Sized,
    {
        And::new(self, other)
    }
}
