//! What stands inside the layer: who the caller is, and what a service requires of them.

mod future;
mod require;
mod service;

use std::any::type_name;

use http::Extensions;
use portcullis_core::Requirement;

pub use self::future::RequireFuture;
pub use self::require::RequireLayer;
pub use self::service::RequireService;
use crate::error::{Diagnosis, Rejection, RejectionKind};
use crate::verified::{Anonymous, Verified};

impl<C: Send + Sync + 'static> Verified<C> {
    /// The caller, as a [`JwtLayer`](crate::JwtLayer) further out left it in the request.
    ///
    /// # Errors
    ///
    /// - [`MissingCredential`](RejectionKind::MissingCredential) if the layer let the request pass
    ///   without a credential: it is optional, or the path is exempt.
    /// - [`NotConfigured`](RejectionKind::NotConfigured) if there is no layer, or one for other claims.
    ///
    /// # Example
    ///
    /// ```
    /// use http::Request;
    /// use portcullis::{Rejection, Verified};
    ///
    /// # #[derive(serde::Deserialize)] struct Payroll { name: String }
    /// fn greet<B>(request: &Request<B>) -> Result<String, Rejection> {
    ///     let caller = Verified::<Payroll>::from_extensions(request.extensions())?;
    ///     Ok(format!("good morning, {}", caller.name))
    /// }
    /// # assert!(greet(&Request::new(())).is_err());
    /// ```
    pub fn from_extensions(extensions: &Extensions) -> Result<&Self, Rejection> {
        Self::optional_from_extensions(extensions)?.ok_or_else(|| {
            Diagnosis::new()
                .hint("the layer let the request pass without a credential: it is optional here")
                .reject(RejectionKind::MissingCredential)
        })
    }

    /// The caller, or `None` if a [`JwtLayer`](crate::JwtLayer) let the request pass without a
    /// credential.
    ///
    /// # Errors
    ///
    /// [`NotConfigured`](RejectionKind::NotConfigured) if there is no layer, or one for other claims:
    /// that nobody looked is not the same as that nobody was there.
    pub fn optional_from_extensions(extensions: &Extensions) -> Result<Option<&Self>, Rejection> {
        match extensions.get::<Self>() {
            Some(verified) => Ok(Some(verified)),
            None if extensions.get::<Anonymous>().is_some() => Ok(None),
            None => Err(Diagnosis::new()
                .expected(format!(
                    "a `JwtLayer` for claims of type `{}` outside of this guard",
                    type_name::<C>()
                ))
                .hint(
                    "add `.layer(JwtLayer::new(verifier))` after the routes it shall guard, with a \
                     verifier built for these claims",
                )
                .reject(RejectionKind::NotConfigured)),
        }
    }
}

/// The caller, if they meet the requirement.
fn admit<R: Requirement<C>, C: Send + Sync + 'static>(
    extensions: &Extensions,
) -> Result<&Verified<C>, Rejection> {
    let caller = Verified::<C>::from_extensions(extensions)?;
    Verified::require::<R>(caller)?;
    Ok(caller)
}
