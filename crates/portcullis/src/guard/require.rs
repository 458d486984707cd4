//! [`RequireLayer`]: a role or scope guard for any tower service.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use http::Extensions;
use portcullis_core::Requirement;
use tower_layer::Layer;

use super::{RequireService, admit};
use crate::error::{Diagnosis, Rejection, RejectionKind};

/// Lets only callers through that meet a [`Requirement`] and pass the checks.
///
/// It stands inside a [`JwtLayer`](crate::JwtLayer), which verifies and renders what is refused here:
///
/// | The request | Answer |
/// |---|---|
/// | lacks what is required, or fails a check | 403 `insufficient_scope` |
/// | came without a credential, which the layer lets pass | 401 |
/// | went through no layer, or one for other claims | 500, and an error in the log that says so |
///
/// Several of them may stand one inside the other: each looks at the claims and takes nothing away.
///
/// # Example
///
/// ```
/// use portcullis::{HasRoles, JwtLayer, RequireLayer, Verifier, roles};
/// use tower::ServiceBuilder;
///
/// #[derive(serde::Deserialize)]
/// struct Payroll { department: u32, roles: Vec<String> }
/// impl HasRoles for Payroll {
///     fn has_role(&self, role: &str) -> bool {
///         self.roles.iter().any(|r| r == role)
///     }
/// }
///
/// roles! { pub Admin = "admin"; }
///
/// # fn guard<S>(verifier: Verifier<Payroll>, service: S) {
/// let guarded = ServiceBuilder::new()
///     .layer(JwtLayer::new(verifier))
///     .layer(RequireLayer::<Admin, Payroll>::new().with_check(|claims| claims.department == 7))
///     .service(service);
/// # }
/// ```
#[must_use]
pub struct RequireLayer<R, C> {
    guard: Arc<Guard<C>>,
    requirement: PhantomData<fn() -> R>,
}

/// A check of the user's own.
type Check<C> = Arc<dyn Fn(&C) -> bool + Send + Sync>;

/// What a guard asks of the caller.
pub(super) struct Guard<C> {
    requirement: fn(&Extensions) -> Result<&crate::Verified<C>, Rejection>,
    checks: Vec<Check<C>>,
}

impl<C> Guard<C> {
    pub(super) fn check(&self, extensions: &Extensions) -> Result<(), Rejection> {
        let caller = (self.requirement)(extensions)?;
        match self.checks.iter().position(|check| !check(caller)) {
            None => Ok(()),
            Some(failed) => Err(Diagnosis::new()
                .found(format!("claims that check {} of the guard refuses", failed + 1))
                .reject(RejectionKind::CheckFailed)),
        }
    }
}

impl<R, C> RequireLayer<R, C> {
    /// A guard that requires `R` of claims of type `C`: a role, a
    /// [`Scope`](portcullis_core::Scope), or several of them in
    /// [`AnyOf`](portcullis_core::AnyOf) or [`AllOf`](portcullis_core::AllOf).
    pub fn new() -> Self
    where
        R: Requirement<C>,
        C: Send + Sync + 'static,
    {
        let guard = Guard { requirement: admit::<R, C>, checks: Vec::new() };
        Self { guard: Arc::new(guard), requirement: PhantomData }
    }

    /// With a check of your own on the claims, beside those already there: 403 where it says `false`.
    ///
    /// A wrong `true` lets somebody in who must stay out. What it needs beside the claims it has to
    /// capture; what it would have to await belongs into the service.
    pub fn with_check(mut self, check: impl Fn(&C) -> bool + Send + Sync + 'static) -> Self {
        let Guard { requirement, checks } = &*self.guard;
        let mut guard = Guard { requirement: *requirement, checks: checks.clone() };
        guard.checks.push(Arc::new(check));
        self.guard = Arc::new(guard);
        self
    }
}

impl<C: Send + Sync + 'static> RequireLayer<(), C> {
    /// A guard that requires a verified token and no more: inside an optional layer, or as the start
    /// of a [check](RequireLayer::with_check).
    pub fn signed_in() -> Self {
        Self::new()
    }
}

impl<R: Requirement<C>, C: Send + Sync + 'static> Default for RequireLayer<R, C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S, R, C> Layer<S> for RequireLayer<R, C> {
    type Service = RequireService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        RequireService::new(inner, Arc::clone(&self.guard))
    }
}

impl<R, C> Clone for RequireLayer<R, C> {
    fn clone(&self) -> Self {
        Self { guard: Arc::clone(&self.guard), requirement: PhantomData }
    }
}

impl<R, C> fmt::Debug for RequireLayer<R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireLayer")
            .field("requirement", &std::any::type_name::<R>())
            .field("claims", &std::any::type_name::<C>())
            .field("checks", &self.guard.checks.len())
            .finish()
    }
}
