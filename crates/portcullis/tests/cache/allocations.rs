//! A repeat token costs no allocation of ours: what `http::Extensions` needs and nothing else.

use std::convert::Infallible;

use allocation_counter::measure;
use futures_util::FutureExt;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use portcullis::{
    AccessClaims, Cache, Denylist, Entry, IatCutoff, JwtLayer, MemoryStore, Revocation, Revoke,
    Target, Verifier,
};
use serde_json::json;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::{ISSUER, sign};

/// How many allocations a request makes in this service, once it is warm.
fn allocations<S, B>(service: &mut S, token: &str) -> u64
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
{
    let request =
        || Request::builder().header(AUTHORIZATION, format!("Bearer {token}")).body(()).unwrap();
    let mut call = |request| {
        let ready = ServiceExt::<Request<()>>::ready(&mut *service).now_or_never().unwrap();
        ready.unwrap().call(request).now_or_never().unwrap().unwrap()
    };
    for _ in 0..4 {
        call(request());
    }
    let request = request();
    let mut response = None;
    let counted = measure(|| response = Some(call(request)));
    assert_eq!(response.unwrap().status(), 200);
    counted.count_total
}

#[test]
fn a_repeat_token_costs_no_allocation_but_those_of_the_extensions() {
    let claims = json!({"iss": ISSUER, "aud": "one", "sub": "bob", "jti": "t1",
        "iat": 1_700_000_000, "exp": 99_999_999_999_i64, "roles": ["reader"]});
    let token = sign(1, &claims);
    let keys = portcullis::Keys::new((0..3).map(crate::key)).unwrap();
    let verifier = |cache| -> Verifier<AccessClaims> {
        let issuer = portcullis::Issuer::new(ISSUER).audience("one").keys(keys.clone());
        Verifier::builder().trust(issuer).cache(cache).build().unwrap()
    };
    let store = MemoryStore::new();
    for n in 0..1000 {
        let id = format!("other {n}");
        store.revoke(Entry::deny(Target::token(ISSUER, &id))).now_or_never().unwrap().unwrap();
    }
    let inner = service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(http_body_util::Empty::<bytes::Bytes>::new()))
    });
    let mut bare = service_fn(|mut request: Request<()>| async move {
        // a value of the size of ours
        request.extensions_mut().insert([0usize; 3]);
        Ok::<_, Infallible>(Response::new(http_body_util::Empty::<bytes::Bytes>::new()))
    });
    let layered = |cache| {
        let rules = IatCutoff::new(store.clone()).and(Denylist::new(store.clone()));
        JwtLayer::new(verifier(cache)).with_revocation(rules).layer(inner)
    };
    let floor = allocations(&mut bare, &token);
    assert!(floor > 0, "the allocations are counted at all");
    assert_eq!(allocations(&mut layered(Cache::default()), &token), floor);
    // without the cache there is work to do, and the count shows it
    assert!(allocations(&mut layered(Cache::off()), &token) > floor);
}
