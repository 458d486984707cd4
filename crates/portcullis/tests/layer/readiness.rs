//! Readiness, and what the layer's types can do.

use std::convert::Infallible;
use std::future::ready;
use std::task::{Context, Poll};

use http::{Request, Response};
use portcullis::{
    JwtLayer, JwtService, NoRevocation, RequireService, ResponseBody, ResponseFuture,
};
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceExt};

use crate::revocation::Slow;
use crate::support::{Body, Payroll, Reader, WhoService, bearer, bob, get, layer, who_service};

async fn is_ready<S: Service<Request<Body>>>(service: &mut S) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(service.poll_ready(cx).is_ready())).await
}

#[tokio::test]
async fn the_ready_service_is_the_one_that_is_called() {
    // ConcurrencyLimit panics if a clone that was never ready is called
    let mut service = layer().layer(ConcurrencyLimit::new(who_service(), 1));
    for _ in 0..3 {
        let response = service.ready().await.unwrap().call(bearer(&bob())).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    let (slow, answer) = Slow::new();
    let mut service = layer().with_revocation(slow).layer(ConcurrencyLimit::new(who_service(), 1));
    let future = service.ready().await.unwrap().call(bearer(&bob()));
    // the permit is with the request that waits, so its siblings are not ready
    assert!(!is_ready(&mut service).await);
    answer.send(portcullis::Verdict::Allowed).unwrap();
    assert_eq!(future.await.unwrap().status(), 200);
    assert!(is_ready(&mut service).await);
}

#[tokio::test]
async fn a_rejection_gives_the_permit_back() {
    let limited = ConcurrencyLimit::new(who_service(), 1);
    let mut verified = layer().layer(limited.clone());
    let mut guard = portcullis::RequireLayer::<Reader, Payroll>::new().layer(limited.clone());
    let mut sibling = limited;
    let response = verified.ready().await.unwrap().call(get(&[])).await.unwrap();
    assert_eq!(response.status(), 401);
    assert!(is_ready(&mut sibling).await, "the rejected connection holds no permit");
    sibling = sibling.clone();
    let response = guard.ready().await.unwrap().call(get(&[])).await.unwrap();
    assert_eq!(response.status(), 500);
    assert!(is_ready(&mut sibling).await, "the refused connection holds no permit");
}

#[tokio::test]
async fn dropping_a_request_that_waits_gives_everything_back() {
    let (slow, _answer) = Slow::new();
    let mut service =
        layer().with_revocation(slow.clone()).layer(ConcurrencyLimit::new(who_service(), 1));
    let mut future = Box::pin(service.ready().await.unwrap().call(bearer(&bob())));
    assert!(crate::support::is_pending(&mut future).await);
    assert_eq!(slow.asked(), 1);
    drop(future);
    assert!(is_ready(&mut service).await);
}

/// A service that is never ready, or fails.
#[derive(Clone, Debug)]
struct Stubborn(Poll<Result<(), &'static str>>);

impl Service<Request<Body>> for Stubborn {
    type Response = Response<Body>;
    type Error = &'static str;
    type Future = std::future::Ready<Result<Response<Body>, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.0
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Err("failed when called"))
    }
}

#[tokio::test]
async fn readiness_and_errors_are_the_inner_services() {
    let mut pending = layer().layer(Stubborn(Poll::Pending));
    assert!(!is_ready(&mut pending).await);
    let mut failing = layer().layer(Stubborn(Poll::Ready(Err("not today"))));
    assert_eq!(failing.ready().await.unwrap_err(), "not today");
    let working = layer().layer(Stubborn(Poll::Ready(Ok(()))));
    let error = working.oneshot(bearer(&bob())).await.unwrap_err();
    assert_eq!(error, "failed when called");
}

#[tokio::test]
async fn a_service_that_is_not_send_will_do() {
    let shared = std::rc::Rc::new("local");
    let service = tower::service_fn(move |_: Request<Body>| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(Response::new(Body::from(*shared))) }
    });
    let response = layer().layer(service.clone()).oneshot(bearer(&bob())).await.unwrap();
    assert_eq!(response.status(), 200);
    let (slow, answer) = Slow::new();
    answer.send(portcullis::Verdict::Allowed).unwrap();
    let service = layer().with_revocation(slow).layer(service);
    assert_eq!(service.oneshot(bearer(&bob())).await.unwrap().status(), 200);
}

const fn is_clone_send_sync<T: Clone + Send + Sync + 'static>() {}
const fn is_send<T: Send + 'static>() {}

const _: () = {
    is_clone_send_sync::<JwtLayer<Payroll>>();
    is_clone_send_sync::<JwtLayer<Payroll, Slow>>();
    is_clone_send_sync::<JwtService<WhoService, Payroll, NoRevocation>>();
    is_clone_send_sync::<JwtService<WhoService, Payroll, Slow>>();
    is_clone_send_sync::<RequireService<WhoService, Payroll>>();
    is_clone_send_sync::<ResponseBody<Body>>();
    is_send::<ResponseFuture<crate::support::WhoFuture, WhoService, Body>>();
    // one shared count beside the inner service, since axum clones the service for every request
    assert!(size_of::<JwtService<(), Payroll>>() == size_of::<usize>());
    assert!(size_of::<RequireService<(), Payroll>>() == size_of::<usize>());
};
