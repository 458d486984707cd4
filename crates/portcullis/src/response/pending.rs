//! A refusal on its way from a guard to the layer that renders it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{Extensions, Response};

use super::log;
use crate::error::Rejection;

/// Stands in the extensions of a refused response until a layer renders it. If none does, the
/// refusal is logged when the response is gone: nothing is refused without a word in the log.
#[derive(Clone)]
pub(super) struct Pending(Arc<Unrendered>);

struct Unrendered {
    rejection: Rejection,
    /// Where the request was when it was refused; the response may be dropped elsewhere.
    span: tracing::Span,
    rendered: AtomicBool,
}

impl Pending {
    /// Takes the refusal out of a response's extensions, to be rendered and logged by the caller.
    pub(super) fn take(extensions: &mut Extensions) -> Option<Rejection> {
        let Self(refusal) = extensions.remove()?;
        refusal.rendered.store(true, Ordering::Relaxed);
        Some(refusal.rejection.clone())
    }
}

impl Drop for Unrendered {
    fn drop(&mut self) {
        if !*self.rendered.get_mut() {
            self.span.in_scope(|| log::write(&self.rejection));
        }
    }
}

impl Rejection {
    /// Refuses a request from within the service: a response for a
    /// [`JwtLayer`](crate::JwtLayer) further out to render.
    ///
    /// It has the right status, an empty body and this rejection in its extensions. The layer adds
    /// the challenge and the body on the way out, so that a realm, a body of your own and the gRPC
    /// form are the same whoever refused. Where no layer is outside, the response stays as it is.
    ///
    /// # Example
    ///
    /// ```
    /// use http::{Extensions, Response};
    /// use portcullis::{Rejection, RejectionKind, Verified};
    ///
    /// # #[derive(serde::Deserialize)] struct Payroll { paid: bool }
    /// fn only_paid(extensions: &Extensions) -> Result<(), Rejection> {
    ///     let caller = Verified::<Payroll>::from_extensions(extensions)?;
    ///     if caller.paid { Ok(()) } else { Err(RejectionKind::CheckFailed.into()) }
    /// }
    ///
    /// let refusal: Response<String> = match only_paid(&Extensions::new()) {
    ///     Ok(()) => Response::new("hello".to_owned()),
    ///     Err(rejection) => rejection.into_refusal(),
    /// };
    /// // nobody verified anything: a mistake of the service
    /// assert_eq!(refusal.status(), 500);
    /// ```
    #[must_use]
    pub fn into_refusal<B: Default>(self) -> Response<B> {
        self.into_refusal_with(B::default())
    }

    pub(crate) fn into_refusal_with<B>(self, body: B) -> Response<B> {
        let mut response = Response::new(body);
        *response.status_mut() = self.kind().status();
        let extensions = response.extensions_mut();
        extensions.insert(self.clone());
        extensions.insert(Pending(Arc::new(Unrendered {
            rejection: self,
            span: tracing::Span::current(),
            rendered: AtomicBool::new(false),
        })));
        response
    }
}
