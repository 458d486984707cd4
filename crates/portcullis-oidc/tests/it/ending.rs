//! Nothing is left behind: the task ends when nobody holds the keys any more, and whoever waits is told.

use std::sync::Arc;

use futures_util::FutureExt as _;
use http::{Request, Response};
use portcullis_oidc::FetchErrorKind::{NotFetchedYet, Status, Stopped, Transport};
use portcullis_oidc::{Fetch, FetchError, KeysByKid, Refresher, RemoteKeys};
use portcullis_testing::{Fault, TestClock};

use crate::support::{
    HOUR, KEYS, OK, OUT, SECOND, UNKNOWN, World, ask, client, server, soon, verifier,
};

/// Why the rejection of this token came about.
fn cause(verifier: &portcullis::Verifier, token: &str) -> FetchError {
    let rejection = verifier.verify(token).unwrap_err();
    let cause = std::error::Error::source(&rejection).unwrap();
    cause.downcast_ref::<FetchError>().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_task_ends_when_the_verifier_and_the_handle_are_gone() {
    let (server, issuer) = server();
    let (keys, driver) =
        RemoteKeys::from_jwk_set_url(server.keys_url()).with_driver(client()).unwrap();
    let task = tokio::spawn(driver);
    soon(keys.ready()).await.unwrap();
    let verifier = verifier(&issuer, keys.keys());
    drop(keys);
    // the verifier holds them
    assert_eq!(ask(&verifier, &issuer.token().mint()).await, OK);
    assert!(!task.is_finished());
    drop(verifier);
    soon(task).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_hangs_is_broken_off_when_nobody_wants_it() {
    let (server, issuer) = server();
    server.fail(KEYS, Fault::Hang);
    let builder = RemoteKeys::from_jwk_set_url(server.keys_url()).timeout(HOUR);
    let (keys, driver) = builder.with_driver(client()).unwrap();
    let task = tokio::spawn(driver);
    let verifier = verifier(&issuer, keys.keys());
    server.wait_for(KEYS, 1);
    drop((keys, verifier));
    soon(task).await.unwrap();
    server.wait_for_none_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_shutdown_keys_are_good_until_their_time_is_over() {
    let world = World::ready().await;
    let token = world.token();
    let of = |kid: &str| world.issuer.token().header("kid", kid).mint();
    assert_eq!(world.ask(&of("sought")).await, UNKNOWN);
    world.keys.shutdown();
    assert_eq!(world.ask(&token).await, OK);
    // nobody can say any more that there is no such key, of which that was said before either
    for kid in ["new", "sought"] {
        assert_eq!(world.ask(&of(kid)).await, OUT);
    }
    assert_eq!(soon(world.keys.refresh()).await.unwrap_err().kind(), Stopped);
    assert!(soon(world.keys.ready()).await.is_ok(), "they were fetched");
    world.pass(25 * HOUR);
    assert_eq!(world.ask(&token).await, OUT);
    let status = world.keys.status();
    assert!(status.is_stopped() && !status.is_ready() && status.next_refresh().is_none());
    assert_eq!(world.server.count(KEYS), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_the_first_fetch_does_not_wait_for_another() {
    let world = World::ready().await;
    world.server.fail(KEYS, Fault::Status(500));
    world.fails_by(Status).await;
    soon(world.keys.ready()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_of_all_ends_the_task_and_whoever_waits_is_told() {
    let (server, issuer) = server();
    server.fail(KEYS, Fault::Hang);
    let (refresher, driver) = Refresher::new(client());
    let task = tokio::spawn(driver);
    let add = || refresher.add(RemoteKeys::from_jwk_set_url(server.keys_url()).timeout(HOUR));
    let keys = add().unwrap();
    server.wait_for(KEYS, 1);
    let waiting = tokio::spawn({
        let keys = keys.clone();
        async move { keys.ready().await }
    });
    refresher.shutdown();
    soon(task).await.unwrap();
    assert_eq!(soon(waiting).await.unwrap().unwrap_err().kind(), Stopped);
    server.wait_for_none_held();
    // what comes later is told at once
    let late = add().unwrap();
    assert_eq!(soon(late.ready()).await.unwrap_err().kind(), Stopped);
    let verifier = verifier(&issuer, late.keys());
    assert_eq!(cause(&verifier, &issuer.token().mint()).kind(), Stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_aborted_or_never_spawned_is_no_hang() {
    let (server, issuer) = server();
    let make = || {
        let builder = RemoteKeys::from_jwk_set_url(server.keys_url()).max_wait(SECOND / 10);
        builder.with_driver(client()).unwrap()
    };
    let (keys, driver) = make();
    let judge = verifier(&issuer, keys.keys());
    assert_eq!(cause(&judge, &issuer.token().mint()).kind(), NotFetchedYet);
    drop(driver);
    assert_eq!(soon(keys.ready()).await.unwrap_err().kind(), Stopped);
    assert_eq!(cause(&judge, &issuer.token().mint()).kind(), Stopped);

    let (keys, driver) = make();
    let judge = verifier(&issuer, keys.keys());
    let task = tokio::spawn(driver);
    soon(keys.ready()).await.unwrap();
    task.abort();
    assert!(soon(task).await.unwrap_err().is_cancelled());
    assert_eq!(ask(&judge, &issuer.token().mint()).await, OK);
    assert_eq!(ask(&judge, &issuer.token().header("kid", "new").mint()).await, OUT);
}

/// Panics at one address and fetches from the others.
struct Panics {
    at: String,
    client: portcullis_oidc::HttpClient,
}

impl Fetch for Panics {
    type Body = <portcullis_oidc::HttpClient as Fetch>::Body;
    type Error = <portcullis_oidc::HttpClient as Fetch>::Error;

    async fn fetch(&self, request: Request<()>) -> Result<Response<Self::Body>, Self::Error> {
        assert_ne!(request.uri().to_string(), self.at, "the test wants a panic");
        self.client.fetch(request).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_panics_takes_nobody_with_it() {
    let (good, issuer) = server();
    let (bad, _) = server();
    let client = Arc::new(Panics { at: bad.keys_url(), client: client() });
    let refresher = Refresher::spawn(client);
    let broken = refresher.add(RemoteKeys::from_jwk_set_url(bad.keys_url())).unwrap();
    let keys = refresher.add(RemoteKeys::from_jwk_set_url(good.keys_url())).unwrap();
    assert_eq!(soon(broken.refresh()).await.unwrap_err().kind(), Transport);
    soon(keys.ready()).await.unwrap();
    soon(keys.refresh()).await.unwrap();
    assert_eq!(ask(&verifier(&issuer, keys.keys()), &issuer.token().mint()).await, OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn issuers_that_hang_delay_no_other() {
    let (good, issuer) = server();
    let (hanging, _) = server();
    let refresher = Refresher::spawn(client());
    let keys = refresher.add(RemoteKeys::from_jwk_set_url(good.keys_url())).unwrap();
    soon(keys.ready()).await.unwrap();
    let verifier = verifier(&issuer, keys.keys());

    // more than there are places
    let mut held = Vec::new();
    for n in 0..200 {
        let path = format!("/hangs/{n}");
        hanging.fail(&path, Fault::Hang);
        let url = format!("{}{path}", hanging.url());
        held.push(refresher.add(RemoteKeys::from_jwk_set_url(url).timeout(HOUR)).unwrap());
    }
    hanging.wait_for("/hangs/0", 1);
    for n in 0..5 {
        soon(keys.refresh()).await.unwrap();
        let new = crate::support::key(&format!("new-{n}"));
        good.publish([&new]);
        let token = issuer.clone().with_key(new).token().mint();
        if n == 0 {
            assert_eq!(ask(&verifier, &token).await, OK);
        }
    }
    assert!(held.iter().all(|keys| !keys.status().is_ready()));
    refresher.shutdown();
    hanging.wait_for_none_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn issuers_that_answered_once_and_hang_now_delay_no_other() {
    let (good, _) = server();
    let (hanging, _) = server();
    let refresher = Refresher::spawn(client());
    let keys = refresher.add(RemoteKeys::from_jwk_set_url(good.keys_url())).unwrap();
    soon(keys.ready()).await.unwrap();
    // more than there are places; the clock stands still, so that nothing is tried again by itself
    let mut held = Vec::new();
    for n in 0..100 {
        let path = format!("/hangs/{n}");
        hanging.document(&path, r#"{"keys":[]}"#);
        let builder = RemoteKeys::from_jwk_set_url(format!("{}{path}", hanging.url()));
        held.push(refresher.add(builder.timeout(HOUR).clock(TestClock::at(0))).unwrap());
    }
    for (n, held) in held.iter().enumerate() {
        soon(held.ready()).await.unwrap();
        hanging.fail(&format!("/hangs/{n}"), Fault::Status(500));
        soon(held.refresh()).await.unwrap_err();
        hanging.fail(&format!("/hangs/{n}"), Fault::Hang);
    }
    for held in &held {
        // asked for, and not waited for
        assert!(held.refresh().now_or_never().is_none());
    }
    soon(keys.refresh()).await.unwrap();
    refresher.shutdown();
    hanging.wait_for_none_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn looks_for_keys_that_hang_delay_no_set_of_keys() {
    let (good, _) = server();
    let (hanging, issuer) = server();
    let refresher = Refresher::spawn(client());
    let keys = refresher.add(RemoteKeys::from_jwk_set_url(good.keys_url())).unwrap();
    soon(keys.ready()).await.unwrap();
    // ten new names each, and more than there are places for sets
    let mut held = Vec::new();
    for n in 0..8 {
        let base = format!("{}/hangs/{n}", hanging.url());
        for name in 0..10 {
            hanging.fail(&format!("/hangs/{n}/{name}"), Fault::Hang);
        }
        let by_kid = KeysByKid::at(move |kid| Some(format!("{base}/{kid}"))).timeout(HOUR);
        let by_kid = refresher.add_by_kid(by_kid.max_wait(HOUR)).unwrap();
        let judge = verifier(&issuer, by_kid.keys());
        for name in 0..10 {
            let token = issuer.token().header("kid", name.to_string()).mint();
            // it does not wait
            judge.verify(&token).unwrap_err();
        }
        held.push(judge);
    }
    soon(keys.refresh()).await.unwrap();
    let new = refresher.add(RemoteKeys::from_jwk_set_url(good.keys_url())).unwrap();
    soon(new.ready()).await.unwrap();
    refresher.shutdown();
    hanging.wait_for_none_held();
}
