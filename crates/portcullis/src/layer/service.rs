//! [`JwtService`]: the service that the layer makes.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use portcullis_core::{NoRevocation, Revocation};
use serde::de::DeserializeOwned;
use tower_service::Service;

use super::ResponseFuture;
use super::future::Outlet;
use super::gate::{Admission, Gate};
use crate::response::{GrpcKind, ResponseBody};

/// A service whose requests are verified first. Made by [`JwtLayer`](super::JwtLayer).
pub struct JwtService<S, C, R = NoRevocation> {
    inner: S,
    // the only shared count: axum clones a layered service for every request
    gate: Arc<Gate<C, R>>,
}

impl<S, C, R> JwtService<S, C, R> {
    pub(super) const fn new(inner: S, gate: Arc<Gate<C, R>>) -> Self {
        Self { inner, gate }
    }

    /// The service behind the layer.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service behind the layer, mutably.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The service without the layer.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, C, R, ReqB, ResB> Service<Request<ReqB>> for JwtService<S, C, R>
where
    S: Service<Request<ReqB>, Response = Response<ResB>> + Clone,
    C: DeserializeOwned + Send + Sync + 'static,
    R: Revocation,
{
    type Response = Response<ResponseBody<ResB>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, S, ReqB>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqB>) -> Self::Future {
        let grpc = GrpcKind::of(&request);
        let outlet = Outlet::new(self.gate.answers(), grpc);
        match self.gate.admit(&mut request) {
            Ok(Admission::Now) => ResponseFuture::called(self.inner.call(request), outlet),
            Ok(Admission::Asking(store)) => {
                // the service that was ready is the one to call later; its clone is not ready yet
                let clone = self.inner.clone();
                let ready = std::mem::replace(&mut self.inner, clone);
                ResponseFuture::asking(store, ready, request, outlet)
            }
            Err(rejection) => {
                // what the ready service holds (a permit) goes back: it will not be called
                self.inner = self.inner.clone();
                ResponseFuture::rejected(rejection, outlet)
            }
        }
    }
}

impl<S: Clone, C, R> Clone for JwtService<S, C, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), gate: Arc::clone(&self.gate) }
    }
}

impl<S: fmt::Debug, C, R> fmt::Debug for JwtService<S, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtService").field("inner", &self.inner).field("gate", &self.gate).finish()
    }
}
