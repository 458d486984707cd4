//! Keys that change: announced, not announced, withdrawn, unchanged.

use crate::support::{KEYS, OK, SECOND, UNKNOWN, World, key};

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
    // who does not wait is told to come again, and the fetch is under way
    let rejection = world.verifier.verify(&token).unwrap_err();
    assert_eq!(rejection.kind(), portcullis::RejectionKind::KeysUnavailable);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_while_its_token_is_looked_at_is_not_missed() {
    // whether the key comes between the look at the set and the search for it is up to chance, so often
    for _ in 0..100 {
        let world = World::ready().await;
        let new = key("second");
        world.server.publish([&new]);
        let token = world.token_of(&new);
        let fetching = world.verifier.verify(&token).unwrap_err();
        assert_eq!(fetching.kind(), portcullis::RejectionKind::KeysUnavailable);
        // never a refusal while it comes, and good when it is there
        loop {
            match world.verifier.verify(&token) {
                Ok(_) => break,
                Err(rejection) => {
                    assert_eq!(rejection.kind(), portcullis::RejectionKind::KeysUnavailable);
                }
            }
        }
    }
}
