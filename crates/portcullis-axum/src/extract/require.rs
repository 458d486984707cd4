//! [`Require`]: the caller, who meets a requirement.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use axum_core::extract::FromRequestParts;
use http::request::Parts;
use portcullis::{Requirement, Verified};

use crate::JwtRejection;

/// The caller, who meets the requirement `R`: a role, a [`Scope`](crate::Scope), or several of them
/// in [`AnyOf`](crate::AnyOf) or [`AllOf`](crate::AllOf).
///
/// It derefs to the claims; the token is had by [`Require::verified`].
///
/// # Errors
///
/// 403 `insufficient_scope` for others, with the scopes that would do; 401 and 500 as for
/// [`Jwt`](crate::Jwt).
///
/// # Example
///
/// ```
/// use portcullis_axum::{AccessClaims, AllOf, Require, Scope, ScopeName, roles};
///
/// roles! { pub Admin = "admin"; }
///
/// struct Pay;
/// impl ScopeName for Pay {
///     const NAME: &'static str = "payments:write";
/// }
///
/// async fn pay(caller: Require<AllOf<(Admin, Scope<Pay>)>, AccessClaims>) -> String {
///     format!("paid by {:?}", caller.subject())
/// }
/// # let _: axum::Router = axum::Router::new().route("/pay", axum::routing::post(pay));
/// ```
pub struct Require<R, C> {
    caller: Verified<C>,
    requirement: PhantomData<fn() -> R>,
}

impl<R, C> Require<R, C> {
    /// The caller's token.
    #[must_use]
    pub const fn verified(this: &Self) -> &Verified<C> {
        &this.caller
    }

    /// The caller's token, without the proof that the requirement is met.
    #[must_use]
    pub fn into_verified(this: Self) -> Verified<C> {
        this.caller
    }
}

impl<S, R, C> FromRequestParts<S> for Require<R, C>
where
    S: Sync,
    R: Requirement<C>,
    C: Send + Sync + 'static,
{
    type Rejection = JwtRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, JwtRejection> {
        let caller = Verified::<C>::from_extensions(&parts.extensions)?;
        Verified::require::<R>(caller)?;
        Ok(Self { caller: caller.clone(), requirement: PhantomData })
    }
}

impl<R, C> Deref for Require<R, C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.caller
    }
}

impl<R, C> Clone for Require<R, C> {
    fn clone(&self) -> Self {
        Self { caller: self.caller.clone(), requirement: PhantomData }
    }
}

impl<R, C> fmt::Debug for Require<R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Require").field(&self.caller).finish()
    }
}
