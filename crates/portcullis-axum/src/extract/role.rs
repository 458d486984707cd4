//! [`Role`]: the caller, who has a role.

use std::fmt;
use std::ops::Deref;

use axum_core::extract::FromRequestParts;
use http::request::Parts;
use portcullis::{HasRoles, RoleName, Verified};

use crate::{JwtRejection, Require};

/// The caller, who has the role `R`, or one that [grants it](RoleName::GRANTED_BY).
///
/// It derefs to the claims; the token is had by [`Role::verified`]. For scopes, and for several roles
/// at once, there is [`Require`].
///
/// # Errors
///
/// 403 `insufficient_scope` for others; 401 and 500 as for [`Jwt`](crate::Jwt).
///
/// # Example
///
/// ```
/// use portcullis_axum::{HasRoles, Role, roles};
///
/// #[derive(serde::Deserialize)]
/// struct Payroll { name: String, roles: Vec<String> }
/// impl HasRoles for Payroll {
///     fn has_role(&self, role: &str) -> bool {
///         self.roles.iter().any(|r| r == role)
///     }
/// }
///
/// roles! { pub Admin = "admin"; }
///
/// async fn pay(admin: Role<Admin, Payroll>) -> String {
///     format!("paid by {}", admin.name)
/// }
/// # let _: axum::Router = axum::Router::new().route("/pay", axum::routing::post(pay));
/// ```
pub struct Role<R, C>(Require<R, C>);

impl<R, C> Role<R, C> {
    /// The caller's token.
    #[must_use]
    pub const fn verified(this: &Self) -> &Verified<C> {
        Require::verified(&this.0)
    }

    /// The caller's token, without the proof that they have the role.
    #[must_use]
    pub fn into_verified(this: Self) -> Verified<C> {
        Require::into_verified(this.0)
    }
}

impl<S, R, C> FromRequestParts<S> for Role<R, C>
where
    S: Sync,
    R: RoleName,
    C: HasRoles + Send + Sync + 'static,
{
    type Rejection = JwtRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, JwtRejection> {
        Ok(Self(Require::from_request_parts(parts, state).await?))
    }
}

impl<R, C> Deref for Role<R, C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}

impl<R, C> Clone for Role<R, C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R, C> fmt::Debug for Role<R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Role").field(Self::verified(self)).finish()
    }
}
