//! An issuer that fails: at the start, and later, when its keys are known. The rows of `docs/remote-keys.md`.

use portcullis::{Algorithm, Issuer, Keys, Verifier};
use portcullis_issuer::SigningKey;
use portcullis_oidc::FetchErrorKind::{self, *};
use portcullis_testing::{Fault, IssuerServer, TestIssuer};

use crate::support::{HOUR, KEYS, OK, OUT, SECOND, World, ask, key, server, soon};

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_down_at_the_start_is_503_until_it_answers() {
    let (server, issuer) = server();
    server.stop();
    let world = World::of(server, issuer, |builder| builder);
    assert_eq!(world.ask(&world.token()).await, OUT);
    let error = soon(world.keys.refresh()).await.unwrap_err();
    assert_eq!(error.kind(), Transport, "{error:?}");
    assert_eq!(world.ask(&world.token()).await, OUT);
    assert!(!world.keys.status().is_ready());
    assert_eq!(world.keys.status().last_success(), None);

    // it is asked again by itself
    world.server.restart().unwrap();
    world.pass(60 * SECOND);
    soon(world.keys.ready()).await.unwrap();
    assert_eq!(world.ask(&world.token()).await, OK);
    assert!(world.keys.status().is_ready());
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_answer_it_is_503_and_what_is_no_token_401() {
    let (server, issuer) = server();
    server.fail(KEYS, Fault::Hang);
    let world = World::of(server, issuer, |builder| builder);
    world.server.wait_for(KEYS, 1);
    assert_eq!(world.ask(&world.token()).await, OUT);
    assert_eq!(world.ask("no.to.ken").await.status, 401);
    world.server.heal();
    // the one that hung was let go without an answer; the next one counts
    let _ = soon(world.keys.refresh()).await;
    world.refresh().await;
    assert_eq!(world.ask(&world.token()).await, OK);
}

/// A fault while the keys are known: they go on for as long as they are trusted; then it is 503, for tokens
/// that were verified before as well; and all is well as soon as the issuer is.
async fn is_survived(world: World, break_it: impl FnOnce(&IssuerServer), kind: FetchErrorKind) {
    let token = world.token();
    for _ in 0..3 {
        // so that it is remembered
        assert_eq!(world.ask(&token).await, OK);
    }
    let generation = world.keys.status().generation();
    break_it(&world.server);
    world.fails_by(kind).await;
    assert_eq!(world.ask(&token).await, OK);
    assert_eq!(world.ask(&world.token()).await, OK);
    assert_eq!(world.keys.status().generation(), generation);
    // whether a key that is not known is there can't be known
    let unknown = world.issuer.token().header("kid", "unknown").mint();
    assert_eq!(world.ask(&unknown).await, OUT);

    let left = world.keys.status().trusted_for();
    assert!(!left.is_zero());
    // the task is not told, so that nothing but the clock decides
    world.clock.advance(left - SECOND / 1000);
    assert_eq!(world.ask(&token).await, OK);
    world.clock.advance(SECOND / 1000);
    assert_eq!(world.ask(&token).await, OUT);
    assert_eq!(world.ask(&world.token()).await, OUT);
    assert!(!world.keys.status().is_ready());

    world.server.heal();
    world.server.headers(KEYS, [("x-healed", "yes")]);
    world.server.publish([world.issuer.key()]);
    // one that was under way may end as it was
    let _ = soon(world.keys.refresh()).await;
    world.refresh().await;
    assert_eq!(world.ask(&token).await, OK);
    assert_eq!(world.keys.status().last_error().map(|error| error.kind()), None);
}

async fn world_with_short_timeout() -> World {
    // long enough for the answers that do come
    World::with(|builder| builder.timeout(2 * SECOND)).fetched().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_500_is_survived() {
    is_survived(World::ready().await, |s| s.fail(KEYS, Fault::Status(500)), Status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_404_withdraws_nothing() {
    is_survived(World::ready().await, |s| s.fail(KEYS, Fault::Status(404)), Status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_survived() {
    let world = World::ready().await;
    let token = world.token();
    world.server.stop();
    world.fails_by(Transport).await;
    assert_eq!(world.ask(&token).await, OK);
    world.pass(25 * HOUR);
    assert_eq!(world.ask(&token).await, OUT);
    world.server.restart().unwrap();
    let _ = soon(world.keys.refresh()).await;
    world.refresh().await;
    assert_eq!(world.ask(&token).await, OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_closed_without_an_answer_is_survived() {
    is_survived(World::ready().await, |s| s.fail(KEYS, Fault::Close), Transport).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_is_survived() {
    is_survived(World::ready().await, |s| s.fail(KEYS, Fault::BreakOff), Transport).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_hangs_is_survived() {
    is_survived(world_with_short_timeout().await, |s| s.fail(KEYS, Fault::Hang), Timeout).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_drips_is_survived() {
    is_survived(world_with_short_timeout().await, |s| s.fail(KEYS, Fault::Drip), Timeout).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_an_end_is_survived() {
    let world = World::ready().await;
    is_survived(world, |s| s.fail(KEYS, Fault::Endless), TooLarge).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_says_it_is_too_long_is_not_read() {
    let world = World::with(|builder| builder.max_bytes(4000)).fetched().await;
    let long = |s: &IssuerServer| s.document(KEYS, format!(r#"{{"keys":[]}}{}"#, " ".repeat(4000)));
    is_survived(world, long, TooLarge).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_keys_than_the_cap_are_survived() {
    let world = World::with(|builder| builder.max_keys(2)).fetched().await;
    let keys = [key("first"), key("b"), key("c")];
    is_survived(world, move |s| s.publish(&keys), Malformed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_set_of_keys_is_survived() {
    for garbage in [
        "",
        "null",
        "[]",
        "{}",
        "\"keys\"",
        "<html><body>504</body></html>",
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"keys":["#,
        r#"{"keys":[]}{"keys":[]}"#,
        r#"{"keys":[],"keys":[]}"#,
        "\u{feff}{\"keys\":[]}",
        "{\"keys\":[]}\0",
    ] {
        is_survived(World::ready().await, |s| s.document(KEYS, garbage), Malformed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_answer_is_not_unpacked() {
    // what it would unpack to does not matter: it is never looked at
    let bomb = |s: &IssuerServer| {
        s.headers(KEYS, [("content-encoding", "gzip")]);
        s.document(KEYS, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    };
    let world = World::ready().await;
    is_survived(world, bomb, Encoding).await;
    let world = World::ready().await;
    let asked = world.server.requests();
    assert_eq!(asked[0].header("accept-encoding"), Some("identity"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let (elsewhere, stranger) = server();
    let to = elsewhere.keys_url();
    is_survived(World::ready().await, |s| s.fail(KEYS, Fault::Redirect(to)), Status).await;
    assert_eq!(elsewhere.requests().len(), 0);
    drop(stranger);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_304_that_was_not_asked_for_is_survived() {
    is_survived(World::ready().await, |s| s.fail(KEYS, Fault::NotModified), Status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_key_among_good_ones_spoils_nothing() {
    let world = World::ready().await;
    let good = world.issuer.key().public_jwk().unwrap();
    let others = [
        "{}",
        "null",
        "7",
        r#"{"kty":"RSA","kid":"first","n":"AQAB","e":"AQAB"}"#,
        r#"{"kty":"EC","crv":"P-256","kid":"x","x":"AA","y":"AA"}"#,
        r#"{"kty":"new","kid":"y"}"#,
    ];
    world.server.document(KEYS, format!(r#"{{"keys":[{},{good}]}}"#, others.join(",")));
    world.refresh().await;
    assert_eq!(world.ask(&world.token()).await, OK);
    let status = world.keys.status();
    assert_eq!((status.keys(), status.skipped()), (1, others.len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_not_for_signatures_and_secrets_are_left_out() {
    let rsa = SigningKey::generate(Algorithm::RS256).unwrap().with_key_id("oaep");
    let encrypts = rsa.public_jwk().unwrap();
    let encrypts = encrypts.replace("\"sig\"", "\"enc\"").replace("RS256", "RSA-OAEP");
    assert!(encrypts.contains("RSA-OAEP") && encrypts.contains("\"enc\""), "{encrypts}");
    let secret = "a secret that somebody published by mistake";
    let oct = SigningKey::from_secret(Algorithm::HS256, secret).unwrap().with_key_id("oct");
    let k = "YSBzZWNyZXQgdGhhdCBzb21lYm9keSBwdWJsaXNoZWQgYnkgbWlzdGFrZQ";

    let world = World::ready().await;
    let good = world.issuer.key().public_jwk().unwrap();
    let oct_jwk = format!(r#"{{"kty":"oct","kid":"oct","alg":"HS256","k":"{k}"}}"#);
    // it is the secret that would verify, were it taken
    let taken = Keys::from_jwk_set(format!(r#"{{"keys":[{oct_jwk}]}}"#)).unwrap();
    let forged = TestIssuer::new(Algorithm::HS256)
        .with_name(world.issuer.name())
        .with_key(oct)
        .token()
        .mint();
    assert!(portcullis::jws::verify(&forged, &taken).is_ok());

    world.server.document(KEYS, format!(r#"{{"keys":[{encrypts},{oct_jwk},{good}]}}"#));
    world.refresh().await;
    assert_eq!(world.ask(&world.token()).await, OK);
    assert_eq!(world.ask(&forged).await.status, 401);
    assert_eq!(world.ask(&world.token_of(&rsa)).await.status, 401);
    assert_eq!((world.keys.status().keys(), world.keys.status().skipped()), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_keys_of_one_name_both_verify() {
    let world = World::ready().await;
    let twin = key("first");
    world.server.publish([world.issuer.key(), &twin]);
    world.refresh().await;
    assert_eq!(world.ask(&world.token()).await, OK);
    assert_eq!(world.ask(&world.token_of(&twin)).await, OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_day_makes_no_difference() {
    let world = World::ready().await;
    let before = world.keys.status();
    for day in [0, i64::MAX, i64::MIN, 1_700_000_000, -5] {
        world.clock.set(portcullis::Timestamp::from_secs(day));
        world.keys.look_at_the_clock();
        assert_eq!(world.ask(&world.token()).await, OK);
        let now = world.keys.status();
        assert_eq!(now.trusted_for(), before.trusted_for());
        assert_eq!(now.next_refresh(), before.next_refresh());
    }
    assert_eq!(world.server.count(KEYS), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_one_issuer_touches_no_other() {
    let (good, bad) = (World::ready().await, World::ready().await);
    let trust = |world: &World| {
        Issuer::new(world.issuer.name())
            .audience(world.issuer.audience())
            .keys(world.keys.keys())
            .may_assert_nothing()
    };
    let verifier = Verifier::builder()
        .trust(trust(&good))
        .trust(trust(&bad))
        .clock(good.issuer.clock())
        .build()
        .unwrap();
    bad.server.stop();
    bad.clock.advance(25 * HOUR);
    for _ in 0..3 {
        assert_eq!(ask(&verifier, &bad.token()).await, OUT);
        assert_eq!(ask(&verifier, &good.token()).await, OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loopback_of_ipv6_is_one() {
    let server = IssuerServer::start_on("::1".parse().unwrap()).unwrap();
    let issuer = TestIssuer::new(Algorithm::ES256).with_name(server.url());
    server.publish([issuer.key()]);
    let world = World::of(server, issuer, |builder| builder).fetched().await;
    assert_eq!(world.ask(&world.token()).await, OK);
}
