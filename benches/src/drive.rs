//! Drives a tower service without a runtime, over a service that does nothing.
//!
//! The service at the end hands its request back to the driver, so that the same requests serve again:
//! neither building a request nor freeing one is in the times. What a layer put into the extensions is
//! dropped, which is part of its cost. The peers are driven by this same file.
#![allow(unreachable_pub, reason = "it is a module of two crates")]

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt::Debug;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::header::AUTHORIZATION;
use http::{Extensions, HeaderValue, Request, Response};
use tower::Service;

thread_local! {
    static RETURNED: Cell<Option<Request<()>>> = const { Cell::new(None) };
}

/// Keeps the request for the driver.
pub fn hand_back(request: Request<()>) {
    RETURNED.set(Some(request));
}

/// Does nothing.
pub fn noop<B: Default>(request: Request<()>) -> Ready<Result<Response<B>, Infallible>> {
    hand_back(request);
    ready(Ok(Response::new(B::default())))
}

/// Calls a service that never has to wait.
pub fn answer<S, B, R>(service: &mut S, request: Request<B>) -> Response<R>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Debug,
{
    let mut context = Context::from_waker(Waker::noop());
    let ready = service.poll_ready(&mut context);
    assert!(matches!(ready, Poll::Ready(Ok(()))), "the service is not ready");
    let mut future = pin!(service.call(request));
    match future.as_mut().poll(&mut context) {
        Poll::Ready(Ok(response)) => response,
        Poll::Ready(Err(error)) => panic!("the service failed: {error:?}"),
        Poll::Pending => panic!("the service waits for something"),
    }
}

fn touch(request: &Request<()>) {
    let value = black_box(request.headers().get(AUTHORIZATION)).expect("there is one");
    black_box(value.as_bytes().iter().step_by(64).fold(0u8, |sum, byte| sum ^ byte));
}

/// A service, and the requests that it gets in turns.
pub struct Driven<S> {
    service: S,
    requests: Vec<Option<Request<()>>>,
    at: usize,
}

impl<S, R> Driven<S>
where
    S: Service<Request<()>, Response = Response<R>>,
    S::Error: Debug,
{
    /// Requests with each of these tokens.
    pub fn new(service: S, tokens: &[String]) -> Self {
        let requests = tokens.iter().map(|token| {
            let value: HeaderValue = format!("Bearer {token}").parse().expect("a header");
            let mut request = Request::new(());
            request.headers_mut().insert(AUTHORIZATION, value);
            Some(request)
        });
        Self { service, requests: requests.collect(), at: 0 }
    }

    /// Another service from now on, and the first request again.
    pub fn restart(&mut self, service: S) {
        self.service = service;
        self.at = 0;
    }

    /// Reads what a server has just written when a request comes: the headers and the token.
    pub fn touch(&self) {
        self.requests.iter().flatten().for_each(touch);
    }

    /// Sends this many requests.
    pub fn run(&mut self, requests: usize) {
        for _ in 0..requests {
            let slot = &mut self.requests[self.at];
            self.at += 1;
            let request = slot.take().expect("it came back");
            // a server has just read the token from a socket and put it into the headers: they are in the
            // processor's nearest cache
            touch(&request);
            let response = answer(&mut self.service, request);
            assert!(response.status().is_success(), "refused: {}", response.status());
            drop(black_box(response));
            let mut request = RETURNED.take().expect("the service hands it back");
            *request.extensions_mut() = Extensions::new();
            *slot = Some(request);
            if self.at == self.requests.len() {
                self.at = 0;
            }
        }
    }
}
