//! [`Jwt`]: the caller.

use std::fmt;
use std::ops::Deref;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use portcullis::Verified;

use crate::JwtRejection;

/// The caller: claims of type `C` from a token that a [`JwtLayer`](crate::JwtLayer) verified.
///
/// `Option<Jwt<C>>` is `None` where the layer let the request pass without a credential.
///
/// # Errors
///
/// 401 where there is no credential, 500 where there is no layer for these claims. What was wrong
/// with a token the layer has answered before.
///
/// # Example
///
/// ```
/// use portcullis_axum::{Jwt, Verified};
///
/// #[derive(serde::Deserialize)]
/// struct Payroll { name: String }
///
/// async fn me(Jwt(me): Jwt<Payroll>) -> String {
///     // the claims, and what any token has
///     format!("{}, {:?}", me.name, Verified::expires_at(&me))
/// }
///
/// async fn greet(caller: Option<Jwt<Payroll>>) -> String {
///     caller.map_or("hello, stranger".into(), |caller| format!("hello, {}", caller.name))
/// }
/// # let _: axum::Router = axum::Router::new()
/// #     .route("/me", axum::routing::get(me)).route("/", axum::routing::get(greet));
/// ```
pub struct Jwt<C>(pub Verified<C>);

impl<S, C> FromRequestParts<S> for Jwt<C>
where
    S: Sync,
    C: Send + Sync + 'static,
{
    type Rejection = JwtRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, JwtRejection> {
        Ok(Self(Verified::<C>::from_extensions(&parts.extensions)?.clone()))
    }
}

impl<S, C> OptionalFromRequestParts<S> for Jwt<C>
where
    S: Sync,
    C: Send + Sync + 'static,
{
    type Rejection = JwtRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, JwtRejection> {
        Ok(Verified::<C>::optional_from_extensions(&parts.extensions)?.cloned().map(Self))
    }
}

impl<C> Deref for Jwt<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}

impl<C> From<Jwt<C>> for Verified<C> {
    fn from(jwt: Jwt<C>) -> Self {
        jwt.0
    }
}

impl<C> Clone for Jwt<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C> fmt::Debug for Jwt<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Jwt").field(&self.0).finish()
    }
}
