//! `…/threads/…`: one token on two threads at once. The ratio is the throughput of two threads to that
//! of one.

use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use http_body_util::Empty;
use portcullis::{Algorithm, Cache, JwtLayer};
use tower::{Layer, Service};

use super::ours::{end, rules, verifier};
use crate::case::{Case, Contestant, Counter};
use crate::drive::{Driven, answer};
use crate::runner::median;
use crate::watch::Took;
use crate::world::{Claims, World};

pub(super) fn cases() -> Vec<Case> {
    let token = |world: &World| world.signer(Algorithm::RS256)?.tokens(1);
    let layer = |world: &World| -> Result<_> {
        let verifier = verifier::<Claims>(world, Algorithm::RS256, &[], Cache::default())?;
        Ok(JwtLayer::new(verifier).with_revocation(rules(world)))
    };
    let router = || Router::new().route("/", get(async || ()));
    vec![
        Case::new("baseline/threads/bare", move |world| {
            let token = token(world)?;
            Ok(threads(move || {
                let mut driven = Driven::new(end(), &token);
                Box::new(move |requests| driven.run(requests))
            }))
        }),
        Case::new("ours/threads/bare", move |world| {
            let (token, layer) = (token(world)?, layer(world)?);
            Ok(threads(move || {
                let mut driven = Driven::new(layer.layer(end()), &token);
                Box::new(move |requests| driven.run(requests))
            }))
        }),
        Case::new("baseline/threads/axum", move |world| {
            let token = token(world)?;
            let router = router();
            Ok(threads(move || requests(router.clone(), &token[0])))
        }),
        Case::new("ours/threads/axum", move |world| {
            let token = token(world)?;
            let router = router().layer(layer(world)?);
            Ok(threads(move || requests(router.clone(), &token[0])))
        }),
    ]
}

/// Sends so many requests.
type Run = Box<dyn FnMut(usize)>;

/// Requests that are made anew each time, as axum keeps what it gets.
fn requests<S, B>(mut service: S, token: &str) -> Run
where
    S: Service<Request<Empty<Bytes>>, Response = Response<B>, Error = Infallible> + 'static,
    B: Debug,
{
    // a copy of this thread's, since its count is part of cloning it
    let value: HeaderValue = format!("Bearer {token}").parse().expect("a header");
    Box::new(move |requests| {
        for _ in 0..requests {
            let mut request = Request::new(Empty::new());
            request.headers_mut().insert(AUTHORIZATION, value.clone());
            let response = answer(&mut service, request);
            assert!(response.status().is_success());
        }
    })
}

struct Threads<M> {
    make: M,
    one: Run,
    ratios: Vec<f64>,
}

fn threads<M: Fn() -> Run + Sync>(make: M) -> Threads<M> {
    let mut one = make();
    one(1000);
    Threads { make, one, ratios: Vec::new() }
}

impl<M: Fn() -> Run + Sync> Contestant for Threads<M> {
    fn run(&mut self, operations: usize) {
        (self.one)(operations);
    }

    /// The time of the operations of both threads, as if one thread were as fast as both.
    fn slice(&mut self, operations: usize) -> Took {
        let start = Instant::now();
        (self.one)(operations);
        let alone = operations as f64 / start.elapsed().as_secs_f64();
        let barrier = Barrier::new(2);
        let (make, barrier) = (&self.make, &barrier);
        let work = || {
            let mut run = make();
            run(1000);
            barrier.wait();
            let start = Instant::now();
            run(operations);
            operations as f64 / start.elapsed().as_secs_f64()
        };
        let rate: f64 = std::thread::scope(|scope| {
            let other = scope.spawn(work);
            work() + other.join().expect("the thread ends")
        });
        self.ratios.push(rate / alone);
        Took::by_the_wall(Duration::from_secs_f64(operations as f64 / rate))
    }

    fn allocations(&mut self, _: Counter) -> Option<f64> {
        None
    }

    fn ratio(&self) -> Option<f64> {
        Some(median(&mut self.ratios.clone()))
    }
}
