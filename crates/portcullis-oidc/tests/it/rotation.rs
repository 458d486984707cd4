//! Keys that change: announced, not announced, withdrawn, unchanged.

use std::cell::Cell;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use portcullis_core::{Clock, Timestamp};
use portcullis_oidc::RemoteKeys;
use portcullis_testing::TestClock;

use crate::support::{KEYS, OK, SECOND, UNKNOWN, World, client, key, server, soon, verifier};

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_announced_refuses_no_good_token() {
    let world = World::ready().await;
    let (old, new) = (world.issuer.key().clone(), key("second"));
    world.server.publish([&old, &new]);
    world.refresh().await;
    let fetches = world.server.count(KEYS);
    assert_eq!(world.ask(&world.token_of(&old)).await, OK);
    assert_eq!(world.ask(&world.token_of(&new)).await, OK);
    assert_eq!(world.server.count(KEYS), fetches);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_not_announced_makes_one_request_wait() {
    let world = World::ready().await;
    let (old, new) = (world.token(), key("second"));
    assert_eq!(world.ask(&old).await, OK);
    world.server.publish([&new]);
    let token = world.token_of(&new);
    // who does not wait is told to come again, unless the fetch is over before that is said
    if let Err(rejection) = world.verifier.verify(&token) {
        assert_eq!(rejection.kind(), portcullis::RejectionKind::KeysUnavailable);
    }
    assert_eq!(world.ask(&token).await, OK);
    assert!(world.verifier.verify(&token).is_ok());
    assert_eq!(world.server.count(KEYS), 2);
    assert_eq!(world.ask(&old).await, UNKNOWN);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_for_a_new_key_are_one_fetch() {
    let world = World::ready().await;
    let new = key("second");
    world.server.publish([&new]);
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (verifier, token) = (world.verifier.clone(), world.token_of(&new));
        asking.spawn(async move { crate::support::ask(&verifier, &token).await });
    }
    assert!(asking.join_all().await.iter().all(|told| *told == OK));
    assert_eq!(world.server.count(KEYS), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_withdrawn_stops_working_at_the_refresh_that_says_so() {
    let world = World::ready().await;
    let (token, new) = (world.token(), key("second"));
    for _ in 0..3 {
        assert_eq!(world.ask(&token).await, OK);
    }
    world.server.publish([&new]);
    assert_eq!(world.ask(&token).await, OK);
    world.refresh().await;
    assert_eq!(world.ask(&token).await, UNKNOWN);
    assert_eq!(world.ask(&world.token_of(&new)).await, OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_set_withdraws_every_key() {
    let world = World::ready().await;
    let token = world.token();
    for _ in 0..3 {
        assert_eq!(world.ask(&token).await, OK);
    }
    world.server.publish([]);
    world.refresh().await;
    assert_eq!(world.ask(&token).await, UNKNOWN);
    let status = world.keys.status();
    assert!(status.is_ready(), "it is an answer, and no outage");
    assert_eq!(status.keys(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_under_the_same_name_with_other_material_is_another() {
    let world = World::ready().await;
    let (old, twin) = (world.token(), key("first"));
    for _ in 0..3 {
        assert_eq!(world.ask(&old).await, OK);
    }
    world.server.publish([&twin]);
    world.refresh().await;
    assert_eq!(world.ask(&old).await.kind, Some(portcullis::RejectionKind::InvalidSignature));
    assert_eq!(world.ask(&world.token_of(&twin)).await, OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_brings_the_same_keys_changes_nothing() {
    let world = World::ready().await;
    let before = world.keys.status();
    world.clock.advance(3 * SECOND);
    world.refresh().await;
    // the same keys in other words
    let jwk = world.issuer.key().public_jwk().unwrap();
    world.server.document(KEYS, format!("{{ \"more\": 1, \"keys\": [ {jwk} ] }}"));
    world.refresh().await;
    let after = world.keys.status();
    assert_eq!(after.generation(), before.generation());
    assert_eq!(after.trusted_for(), before.trusted_for(), "counted anew");
    assert_eq!(world.server.count(KEYS), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_304_confirms_the_keys() {
    let (server, issuer) = crate::support::server();
    server.use_entity_tags();
    let world = World::of(server, issuer, |builder| builder).fetched().await;
    let before = world.keys.status();
    world.clock.advance(before.trusted_for() - SECOND);
    world.server.headers(KEYS, [("cache-control", "max-age=120")]);
    world.refresh().await;
    let after = world.keys.status();
    let asked = world.server.requests();
    assert_eq!(asked[0].header("if-none-match"), None);
    assert!(asked[1].header("if-none-match").is_some());
    assert_eq!(after.generation(), before.generation());
    assert_eq!(after.trusted_for(), before.trusted_for());
    assert!(after.next_refresh().unwrap() < 120 * SECOND, "its headers count");
    // and what changed is not taken for what is known
    world.server.publish([&key("second")]);
    let token = world.token();
    world.refresh().await;
    assert_eq!(world.ask(&token).await, UNKNOWN);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_strictest_of_contradicting_headers_counts() {
    let (server, issuer) = crate::support::server();
    server.headers(
        KEYS,
        [("cache-control", "max-age=3600, public"), ("cache-control", "max-age=200")],
    );
    let world = World::of(server, issuer, |builder| builder).fetched().await;
    let next = world.keys.status().next_refresh().unwrap();
    assert!(next >= 160 * SECOND && next < 200 * SECOND, "{next:?}");
    world.server.headers(KEYS, [("cache-control", "max-age=3600"), ("cache-control", "no-store")]);
    world.refresh().await;
    assert_eq!(world.keys.status().next_refresh(), Some(60 * SECOND), "the least interval");
}

/// A clock that does something whenever it is read on the thread that asked for it: what happens between two steps
/// of a verification.
struct Interrupts<F>(TestClock, F);

thread_local! {
    static READS: Cell<Option<u32>> = const { Cell::new(None) };
}

impl<F: Fn(u32) + Send + Sync + 'static> Clock for Interrupts<F> {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn elapsed(&self) -> Duration {
        if let Some(reads) = READS.get() {
            READS.set(Some(reads + 1));
            (self.1)(reads);
        }
        self.0.elapsed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_while_its_token_is_looked_at_is_not_missed() {
    // the clock is read when the set is found to be fresh, and again when a key is sought that is not in it
    for read in 0..2 {
        let (server, issuer) = server();
        let (fetch, told) = mpsc::channel::<mpsc::Sender<()>>();
        let fetch = Mutex::new(fetch);
        let clock = Interrupts(TestClock::at(0), move |reads| {
            if reads == read {
                let (done, fetched) = mpsc::channel();
                fetch.lock().unwrap().send(done).unwrap();
                fetched.recv().unwrap();
            }
        });
        let keys = RemoteKeys::from_jwk_set_url(server.keys_url()).clock(clock);
        let keys = keys.spawn_with(client()).unwrap();
        soon(keys.ready()).await.unwrap();
        let new = key("second");
        server.publish([&new]);
        let token = issuer.clone().with_key(new).token().mint();
        let verifier = verifier(&issuer, keys.keys());
        let verifying = tokio::task::spawn_blocking(move || {
            READS.set(Some(0));
            let verified = verifier.verify(&token).map(|_| ());
            READS.set(None);
            verified
        });
        let done = tokio::task::block_in_place(|| told.recv_timeout(60 * SECOND).unwrap());
        soon(keys.refresh()).await.unwrap();
        done.send(()).unwrap();
        verifying.await.unwrap().unwrap();
    }
}
