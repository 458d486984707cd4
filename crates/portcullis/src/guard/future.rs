//! The future of a guarded service.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use pin_project::pin_project;

use crate::error::Rejection;
use crate::response::ResponseBody;

/// The future of [`RequireService`](super::RequireService).
#[pin_project]
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct RequireFuture<F> {
    #[pin]
    kind: Kind<F>,
}

#[pin_project(project = KindProj)]
#[derive(Debug)]
enum Kind<F> {
    Called(#[pin] F),
    Refused(Option<Rejection>),
}

impl<F> RequireFuture<F> {
    pub(super) const fn called(future: F) -> Self {
        Self { kind: Kind::Called(future) }
    }

    pub(super) const fn refused(rejection: Rejection) -> Self {
        Self { kind: Kind::Refused(Some(rejection)) }
    }
}

impl<F, B, E> Future for RequireFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProj::Called(future) => {
                let response = ready!(future.poll(cx))?;
                Poll::Ready(Ok(response.map(ResponseBody::inner)))
            }
            KindProj::Refused(rejection) => {
                let rejection = rejection.take().expect("a future is not polled after it is ready");
                Poll::Ready(Ok(rejection.into_refusal_with(ResponseBody::own(Bytes::new()))))
            }
        }
    }
}
