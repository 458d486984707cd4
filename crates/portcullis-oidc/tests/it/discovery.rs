//! Metadata over real sockets: whose they are, where the keys may be, and what happens when they fail later.

use portcullis_oidc::FetchErrorKind::{ForbiddenAddress, Malformed, Status, WrongIssuer};
use portcullis_oidc::RemoteKeys;
use portcullis_testing::{Fault, TestClock};

use crate::support::{
    HOUR, KEYS, METADATA, OK, OUT, World, ask, client, key, server, soon, verifier,
};

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_found_by_either_kind_of_metadata() {
    let world = World::discovered(|builder| builder).fetched().await;
    assert_eq!(world.ask(&world.token()).await, OK);
    assert_eq!((world.server.count(METADATA), world.server.count(KEYS)), (1, 1));

    let (server, issuer) = server();
    let keys = RemoteKeys::discover_oauth(server.url()).spawn_with(client()).unwrap();
    soon(keys.ready()).await.unwrap();
    assert_eq!(ask(&verifier(&issuer, keys.keys()), &issuer.token().mint()).await, OK);
    assert_eq!(server.count("/.well-known/oauth-authorization-server"), 1);
    assert_eq!(server.count(METADATA), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_another_issuer_bring_no_keys() {
    let (server, issuer) = server();
    let url = server.url();
    server.document(METADATA, format!(r#"{{"issuer":"{url}/","jwks_uri":"{url}/keys"}}"#));
    let world = World::from_discovery(server, issuer);
    world.fails_by(WrongIssuer).await;
    assert_eq!(world.ask(&world.token()).await, OUT);
    assert_eq!(world.server.count(KEYS), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_another_origin_are_fetched_only_if_it_is_allowed_by_name() {
    for allowed in [false, true] {
        let (elsewhere, _) = server();
        let world = World::discovered(|builder| {
            if allowed { builder.allow_keys_at(elsewhere.url()) } else { builder }
        });
        let url = world.server.url();
        let _ = soon(world.keys.refresh()).await;
        elsewhere.publish([world.issuer.key()]);
        let json = format!(r#"{{"issuer":"{url}","jwks_uri":"{}"}}"#, elsewhere.keys_url());
        world.server.document(METADATA, json);
        world.pass(25 * HOUR);
        let _ = soon(world.keys.refresh()).await;
        world.refresh().await;
        if allowed {
            assert!(elsewhere.count(KEYS) > 0);
            assert_eq!(world.keys.status().metadata_error().map(|error| error.kind()), None);
        } else {
            assert_eq!(elsewhere.requests().len(), 0);
            let error = world.keys.status().metadata_error().unwrap().kind();
            assert_eq!(error, ForbiddenAddress);
        }
        assert_eq!(world.ask(&world.token()).await, OK);
    }
}

/// Metadata that fail after they were good once: the keys are fetched from where they were.
async fn keeps_its_keys(break_it: impl FnOnce(&World), kind: portcullis_oidc::FetchErrorKind) {
    let world = World::discovered(|builder| builder).fetched().await;
    break_it(&world);
    let (metadata, fetched) = (world.server.count(METADATA), world.server.count(KEYS));
    world.pass(23 * HOUR);
    let _ = soon(world.keys.refresh()).await;
    world.pass(2 * HOUR);
    let _ = soon(world.keys.refresh()).await;
    world.refresh().await;
    assert!(world.server.count(METADATA) > metadata && world.server.count(KEYS) > fetched);
    assert_eq!(world.keys.status().metadata_error().unwrap().kind(), kind);
    assert_eq!(world.ask(&world.token()).await, OK);
    assert!(world.keys.status().is_ready());

    // the keys are still kept fresh, and the metadata looked for
    world.server.publish([&key("second")]);
    world.refresh().await;
    assert_eq!(world.ask(&world.token()).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_are_out_later_lose_no_keys() {
    keeps_its_keys(|world| world.server.fail(METADATA, Fault::Status(500)), Status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_are_garbage_later_lose_no_keys() {
    keeps_its_keys(|world| world.server.document(METADATA, "<html>"), Malformed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_become_those_of_another_lose_no_keys() {
    let other = r#"{"issuer":"https://evil.example","jwks_uri":"https://evil.example/keys"}"#;
    keeps_its_keys(|world| world.server.document(METADATA, other), WrongIssuer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_move_are_found_where_they_are_now() {
    let world = World::discovered(|builder| builder).fetched().await;
    let (url, jwk) = (world.server.url(), world.issuer.key().public_jwk().unwrap());
    world.server.document("/moved", format!(r#"{{"keys":[{jwk}]}}"#));
    world.server.document(METADATA, format!(r#"{{"issuer":"{url}","jwks_uri":"{url}/moved"}}"#));
    world.server.fail(KEYS, Fault::Status(404));
    world.fails_by(Status).await;
    // a failure at the old address asks the metadata again, without waiting for a day
    world.refresh().await;
    assert_eq!(world.server.count("/moved"), 1);
    assert_eq!(world.ask(&world.token()).await, OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_make_no_sense_are_refused_before_anything_is_fetched() {
    for builder in [
        RemoteKeys::from_jwk_set_url("http://idp.example.com/keys"),
        RemoteKeys::from_jwk_set_url("https://user:secret@idp.example.com/keys"),
        RemoteKeys::from_jwk_set_url("https://idp.example.com/keys#x"),
        RemoteKeys::from_jwk_set_url("https://idp.example.com").allow_keys_at("https://b.example"),
        RemoteKeys::discover("accounts.google.com"),
        RemoteKeys::discover("https://idp.example.com?x"),
        RemoteKeys::discover_oauth("http://idp.example.com"),
        RemoteKeys::discover("https://idp.example.com").allow_keys_at("http://b.example"),
        RemoteKeys::discover("https://idp.example.com").allow_keys_at("https://b.example/path"),
        RemoteKeys::discover("https://idp.example.com").timeout(std::time::Duration::ZERO),
        RemoteKeys::discover("https://idp.example.com").max_wait(std::time::Duration::ZERO),
        RemoteKeys::discover("https://idp.example.com").max_bytes(0),
        RemoteKeys::discover("https://idp.example.com").max_keys(0),
        RemoteKeys::discover("https://idp.example.com").trust_for(HOUR),
        RemoteKeys::discover("https://idp.example.com").cooldown(std::time::Duration::ZERO),
        RemoteKeys::discover("https://idp.example.com").refresh_between(2 * HOUR, HOUR),
    ] {
        let shown = format!("{builder:?}");
        assert!(builder.spawn_with(client()).is_err(), "{shown}");
    }
}

impl World {
    fn from_discovery(
        server: portcullis_testing::IssuerServer,
        issuer: portcullis_testing::TestIssuer,
    ) -> Self {
        let clock = TestClock::at(0);
        let keys = RemoteKeys::discover(server.url()).timeout(HOUR).clock(clock.clone());
        let keys = keys.spawn_with(client()).unwrap();
        let verifier = verifier(&issuer, keys.keys());
        Self { server, issuer, clock, keys, verifier }
    }
}
