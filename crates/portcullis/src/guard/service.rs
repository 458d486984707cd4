//! The service that [`RequireLayer`](super::RequireLayer) makes.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::RequireFuture;
use super::require::Guard;
use crate::response::ResponseBody;

/// A service behind a guard. Made by [`RequireLayer`](super::RequireLayer).
pub struct RequireService<S, C> {
    inner: S,
    guard: Arc<Guard<C>>,
}

impl<S, C> RequireService<S, C> {
    pub(super) const fn new(inner: S, guard: Arc<Guard<C>>) -> Self {
        Self { inner, guard }
    }

    /// The service behind the guard.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service behind the guard, mutably.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The service without the guard.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, C, ReqB, ResB> Service<Request<ReqB>> for RequireService<S, C>
where
    S: Service<Request<ReqB>, Response = Response<ResB>> + Clone,
{
    type Response = Response<ResponseBody<ResB>>;
    type Error = S::Error;
    type Future = RequireFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqB>) -> Self::Future {
        match self.guard.check(request.extensions()) {
            Ok(()) => RequireFuture::called(self.inner.call(request)),
            Err(rejection) => {
                // what the ready service holds (a permit) goes back: it will not be called
                self.inner = self.inner.clone();
                RequireFuture::refused(rejection)
            }
        }
    }
}

impl<S: Clone, C> Clone for RequireService<S, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), guard: Arc::clone(&self.guard) }
    }
}

impl<S: fmt::Debug, C> fmt::Debug for RequireService<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
