//! Tokens that name keys nobody knows: one fetch for all of them, and then none for a while.

use portcullis::RejectionKind;
use portcullis_testing::Fault;

use crate::support::{KEYS, OK, OUT, SECOND, UNKNOWN, World, key};

fn named(world: &World, kid: &str) -> String {
    world.issuer.token().header("kid", kid).mint()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_unknown_keys_are_one_fetch_a_cooldown() {
    let world = World::ready().await;
    let new = key("second");
    for n in 0..10_000 {
        let told = world.ask(&named(&world, &format!("unknown-{n}"))).await;
        assert_eq!(told, UNKNOWN, "{n}");
    }
    assert_eq!(world.server.count(KEYS), 2, "the first fetch and one more");

    // within the cooldown a new key has to wait, too; after it, it is found
    world.server.publish([world.issuer.key(), &new]);
    world.clock.advance(29 * SECOND);
    assert_eq!(world.ask(&world.token_of(&new)).await, UNKNOWN);
    world.clock.advance(SECOND);
    assert_eq!(world.ask(&world.token_of(&new)).await, OK);
    assert_eq!(world.server.count(KEYS), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cooldown_holds_while_the_issuer_is_out() {
    let world = World::ready().await;
    world.server.headers(KEYS, [("retry-after", "600")]);
    world.server.fail(KEYS, Fault::Status(503));
    for n in 0..1_000 {
        let told = world.ask(&named(&world, &format!("unknown-{n}"))).await;
        assert_eq!(told, OUT, "it can't be known: {n}");
    }
    assert_eq!(world.server.count(KEYS), 2);
    // known keys are as good as ever
    assert_eq!(world.ask(&world.token()).await, OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_there_is_asked_for_once_and_others_are_not_kept_waiting() {
    let world = World::ready().await;
    assert_eq!(world.ask(&named(&world, "gone")).await, UNKNOWN);
    world.clock.advance(31 * SECOND);
    // it is remembered beyond the cooldown
    assert_eq!(world.ask(&named(&world, "gone")).await, UNKNOWN);
    assert_eq!(world.server.count(KEYS), 2);
    let new = key("second");
    world.server.publish([world.issuer.key(), &new]);
    assert_eq!(world.ask(&world.token_of(&new)).await, OK);
    assert_eq!(world.server.count(KEYS), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_for_a_limited_time() {
    let world = World::with(|builder| builder.max_wait(SECOND / 5)).fetched().await;
    world.server.fail(KEYS, Fault::Hang);
    let rejection = world.verifier.verify_async(named(&world, "new")).await.unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::KeysUnavailable);
    assert_eq!(world.ask(&named(&world, "new")).await, OUT);
    // nobody else waits
    assert_eq!(world.ask(&world.token()).await, OK);
    world.server.wait_for(KEYS, 2);
    assert_eq!(world.server.count(KEYS), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_token_reaches_the_issuer() {
    let world = World::ready().await;
    for kid in ["../../admin", "x?y=z", "http://evil.example/k", "a\r\nb: c", "%2e%2e", "\u{0}"] {
        world.clock.advance(31 * SECOND);
        world.ask(&named(&world, kid)).await;
    }
    let requests = world.server.requests();
    assert_eq!(requests.len(), 7);
    assert!(requests.iter().all(|request| request.path() == KEYS), "{requests:?}");
}
