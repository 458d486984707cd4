//! The body of a response that is either the inner service's or our own.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

/// The body of a response that went through a layer of this crate: the inner service's, passed on
/// frame by frame, or the short text of a rejection.
///
/// It is a [`Body`] wherever `B` is one of [`Bytes`], and has a [`Default`] where `B` has one.
#[pin_project]
#[derive(Clone, Debug)]
pub struct ResponseBody<B> {
    #[pin]
    kind: Kind<B>,
}

#[pin_project(project = KindProj)]
#[derive(Clone, Debug)]
enum Kind<B> {
    Inner(#[pin] B),
    Own(Bytes),
}

impl<B> ResponseBody<B> {
    pub(crate) const fn inner(body: B) -> Self {
        Self { kind: Kind::Inner(body) }
    }

    pub(crate) const fn own(text: Bytes) -> Self {
        Self { kind: Kind::Own(text) }
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::inner(B::default())
    }
}

impl<B: Body<Data = Bytes>> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProj::Inner(body) => body.poll_frame(cx),
            KindProj::Own(text) if text.is_empty() => Poll::Ready(None),
            KindProj::Own(text) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(text))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner(body) => body.is_end_stream(),
            Kind::Own(text) => text.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner(body) => body.size_hint(),
            Kind::Own(text) => SizeHint::with_exact(text.len() as u64),
        }
    }
}
