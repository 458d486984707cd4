//! The future of a verified service.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project::pin_project;
use tower_service::Service;

use super::gate::AskingStore;
use crate::error::Rejection;
use crate::response::{GrpcKind, Renderer, ResponseBody, pass};

/// The future of [`JwtService`](super::JwtService).
///
/// Nothing is boxed but what has to be awaited, a rule of revocation or an unknown key, together with the request that
/// waits for it. Dropping the future drops both.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<F, S, B> {
    #[pin]
    kind: Kind<F, S, B>,
    outlet: Outlet,
}

#[pin_project(project = KindProj)]
enum Kind<F, S, B> {
    Called(#[pin] F),
    Asking(Box<Asking<S, B>>),
    Rejected(Option<Rejection>),
}

/// A request that waits for a store, and the ready service that will then be called with it.
struct Asking<S, B> {
    store: AskingStore,
    /// `None` once the service was called.
    call: Option<(S, Request<B>)>,
}

/// How the response leaves.
pub(super) struct Outlet {
    answers: Answers,
    grpc: Option<GrpcKind>,
}

/// How rejections are answered. What needs no rendering pays for none of it.
pub(super) enum Answers {
    /// As they are where a layer has no settings for it.
    Usual(fn() -> Renderer),
    Own(Arc<Renderer>),
}

impl Answers {
    pub(super) fn renderer(&self) -> Cow<'_, Renderer> {
        match self {
            Self::Usual(make) => Cow::Owned(make()),
            Self::Own(renderer) => Cow::Borrowed(renderer),
        }
    }
}

impl Outlet {
    pub(super) const fn new(answers: Answers, grpc: Option<GrpcKind>) -> Self {
        Self { answers, grpc }
    }
}

impl<F, S, B> ResponseFuture<F, S, B> {
    pub(super) const fn called(future: F, outlet: Outlet) -> Self {
        Self { kind: Kind::Called(future), outlet }
    }

    pub(super) fn asking(
        store: AskingStore,
        service: S,
        request: Request<B>,
        outlet: Outlet,
    ) -> Self {
        let asking = Asking { store, call: Some((service, request)) };
        Self { kind: Kind::Asking(Box::new(asking)), outlet }
    }

    pub(super) const fn rejected(rejection: Rejection, outlet: Outlet) -> Self {
        Self { kind: Kind::Rejected(Some(rejection)), outlet }
    }
}

impl<F, S, B, ResB, E> Future for ResponseFuture<F, S, B>
where
    F: Future<Output = Result<Response<ResB>, E>>,
    S: Service<Request<B>, Response = Response<ResB>, Error = E, Future = F>,
{
    type Output = Result<Response<ResponseBody<ResB>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Outlet { answers, grpc } = this.outlet;
        loop {
            match this.kind.as_mut().project() {
                KindProj::Called(future) => {
                    let response = ready!(future.poll(cx))?;
                    return Poll::Ready(Ok(pass(response, || answers.renderer(), *grpc)));
                }
                KindProj::Asking(asking) => {
                    let answer = ready!(asking.store.as_mut().poll(cx));
                    let call = asking.call.take();
                    let (mut service, mut request) = call.expect("the state changes right below");
                    match answer {
                        Ok(extensions) => {
                            *request.extensions_mut() = extensions;
                            let future = service.call(request);
                            this.kind.set(Kind::Called(future));
                        }
                        Err(rejection) => this.kind.set(Kind::Rejected(Some(rejection))),
                    }
                }
                KindProj::Rejected(rejection) => {
                    let rejection = rejection.take();
                    let rejection = rejection.expect("a future is not polled after it is ready");
                    return Poll::Ready(Ok(answers.renderer().reject(rejection, *grpc)));
                }
            }
        }
    }
}

impl<F, S, B> fmt::Debug for ResponseFuture<F, S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.kind {
            Kind::Called(_) => "called",
            Kind::Asking(_) => "asking a store",
            Kind::Rejected(_) => "rejected",
        };
        f.debug_struct("ResponseFuture").field("state", &state).finish_non_exhaustive()
    }
}
