//! Behind the layer: tokens that were verified before are refused on time too.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use portcullis::feed::FeedErrorKind;
use portcullis::{
    Algorithm, Denylist, Entry, IatCutoff, JwtLayer, Replica, Revocation, Revoke, Target, Verifier,
};
use portcullis_testing::{MemoryFeed, TestIssuer};
use serde::Deserialize;
use tokio::time::sleep;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{BOUND, TokioClock};

#[derive(Debug, Deserialize)]
struct Payroll {}

#[tokio::test(start_paused = true)]
async fn a_token_in_the_cache_is_refused_when_it_is_revoked_and_when_the_copy_is_too_old() {
    let store = MemoryFeed::new();
    let replica = Replica::builder(store.clone())
        .with_staleness_bound(BOUND)
        .with_clock(TokioClock::new())
        .spawn()
        .unwrap();
    replica.ready().await.unwrap();
    let issuer = TestIssuer::new(Algorithm::ES256);
    let verifier = Verifier::builder()
        .trust(issuer.trusted())
        .clock(issuer.clock())
        .build::<Payroll>()
        .unwrap();
    let rule = IatCutoff::new(replica.clone()).and(Denylist::new(replica.clone()));
    let service = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let mut service = JwtLayer::new(verifier).with_revocation(rule).layer(service);
    let mut get = async |token: &str| {
        let request = Request::builder()
            .header("authorization", format!("Bearer {token}"))
            .body(Full::default())
            .unwrap();
        service.ready().await.unwrap().call(request).await.unwrap().status()
    };
    let (one, two) =
        (issuer.token().claim("jti", "1").mint(), issuer.token().claim("jti", "2").mint());
    for _ in 0..3 {
        assert_eq!(get(&one).await, StatusCode::OK);
        assert_eq!(get(&two).await, StatusCode::OK);
    }

    let entry = Entry::deny(Target::token(issuer.name(), "1"));
    store.revoke(entry).await.unwrap();
    replica.caught_up(Duration::from_secs(1)).await.unwrap();
    assert_eq!(get(&one).await, StatusCode::UNAUTHORIZED);
    assert_eq!(get(&two).await, StatusCode::OK);

    store.fail_with(FeedErrorKind::Unavailable);
    sleep(BOUND + Duration::from_millis(1)).await;
    assert_eq!(get(&one).await, StatusCode::UNAUTHORIZED, "it is known to be revoked");
    assert_eq!(get(&two).await, StatusCode::SERVICE_UNAVAILABLE);
    store.heal();
    sleep(BOUND).await;
    assert_eq!(get(&two).await, StatusCode::OK);
}
