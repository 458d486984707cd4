//! Memory under a flood of tokens that are all different. What is kept of each would show: resident
//! memory is read ten times on the way.

use std::convert::Infallible;
use std::fmt;
use std::time::{Duration, Instant};

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use portcullis::{Algorithm, Denylist, DenylistStore, MemoryStore, Target, TargetKind, TokenView};
use portcullis_issuer::SigningKey;
use tower::{Layer, Service};

use crate::fixture::{self, Body};
use crate::resident::resident_kib;

/// A flood.
pub(crate) struct Flow {
    pub(crate) name: &'static str,
    run: fn(u64, &mut dyn FnMut(u64)),
}

/// Every flood.
pub(crate) const FLOWS: [Flow; 4] = [
    Flow { name: "abuse/memory/good", run: good },
    Flow { name: "abuse/memory/forged", run: forged },
    Flow { name: "abuse/memory/denylist", run: denylist },
    Flow { name: "abuse/memory/denylist-cached", run: cached },
];

/// Sends that many tokens and prints how much memory there is.
pub(crate) fn run(flow: &Flow, tokens: u64) {
    let mut readings = Vec::new();
    let start = Instant::now();
    (flow.run)(tokens, &mut |sent| {
        if sent % (tokens / 10).max(1) == 0 {
            readings.push(resident_kib().unwrap_or(0));
        }
    });
    let shown: Vec<_> = readings.iter().map(|kib| format!("{:.1}", *kib as f64 / 1024.0)).collect();
    // the first tenth fills what is bounded and filled once
    let (first, last) =
        (readings.first().copied().unwrap_or(0), readings.last().copied().unwrap_or(0));
    println!(
        "\n{}: {tokens} distinct tokens in {:.1} s; resident MiB at each tenth: {}; drift after the first: {} KiB",
        flow.name,
        start.elapsed().as_secs_f64(),
        shown.join(" "),
        last as i64 - first as i64,
    );
}

fn request(token: &str) -> Request<Body> {
    let mut request = Request::new(Body::new());
    let value = HeaderValue::from_str(&format!("Bearer {token}")).expect("tokens are printable");
    request.headers_mut().insert(AUTHORIZATION, value);
    request
}

fn token(key: &SigningKey, at: u64) -> String {
    fixture::sign(key, r#"{"alg":"HS256"}"#, &fixture::claims(&format!("token-{at}")))
}

/// Good ones, each seen once.
fn good(tokens: u64, sent: &mut dyn FnMut(u64)) {
    let key = fixture::key(Algorithm::HS256);
    let ask = fixture::ask(&fixture::layer(fixture::issuer(std::slice::from_ref(&key))));
    for at in 1..=tokens {
        assert_eq!(ask(request(&token(&key, at))).status(), 200);
        sent(at);
    }
}

/// Ones that somebody else signed.
fn forged(tokens: u64, sent: &mut dyn FnMut(u64)) {
    let stranger = fixture::key(Algorithm::HS256);
    let ask = fixture::ask(&fixture::layer(fixture::issuer(&[fixture::key(Algorithm::HS256)])));
    for at in 1..=tokens {
        assert_eq!(ask(request(&token(&stranger, at))).status(), 401);
        sent(at);
    }
}

/// Good ones, with a denylist in memory that holds none of them.
fn denylist(tokens: u64, sent: &mut dyn FnMut(u64)) {
    let key = fixture::key(Algorithm::HS256);
    let layer = fixture::layer(fixture::issuer(std::slice::from_ref(&key)));
    let ask = fixture::ask(&layer.with_revocation(Denylist::new(MemoryStore::new())));
    for at in 1..=tokens {
        assert_eq!(ask(request(&token(&key, at))).status(), 200);
        sent(at);
    }
}

/// Good ones, with a store that must be awaited and whose answers are kept for a minute.
fn cached(tokens: u64, sent: &mut dyn FnMut(u64)) {
    let key = fixture::key(Algorithm::HS256);
    let rule = Denylist::new(Awaited).cache_for(Duration::from_secs(60));
    let layer = fixture::layer(fixture::issuer(std::slice::from_ref(&key)));
    let mut service = layer.with_revocation(rule).layer(fixture::Nothing);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
    runtime.block_on(async {
        for at in 1..=tokens {
            let answer = service.call(request(&token(&key, at))).await;
            assert_eq!(answer.expect("a service that can't fail").status(), 200);
            sent(at);
        }
    });
}

/// A store that denies nothing and answers nothing from memory.
struct Awaited;

impl DenylistStore for Awaited {
    type Error = Infallible;

    async fn is_denied(&self, _: &Target<'_>) -> Result<bool, Infallible> {
        Ok(false)
    }

    fn kinds(&self) -> &'static [TargetKind] {
        &[TargetKind::Token]
    }

    async fn is_any_denied(&self, _: &TokenView<'_>, _: &[Target<'_>]) -> Result<bool, Infallible> {
        Ok(false)
    }
}

impl fmt::Debug for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Awaited")
    }
}
