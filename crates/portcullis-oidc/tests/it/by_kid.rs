//! Keys that are published one by one, over real sockets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use portcullis::{Algorithm, Issuer, RejectionKind, Verifier};
use portcullis_issuer::SigningKey;
use portcullis_oidc::{KeysByKid, KeysByKidBuilder, Refresher};
use portcullis_testing::{Fault, IssuerServer, TestClock, TestIssuer};

use crate::support::{HOUR, OK, OUT, SECOND, Told, UNKNOWN, ask, client, key, soon};

struct World {
    server: IssuerServer,
    issuer: TestIssuer,
    clock: TestClock,
    verifier: Verifier,
}

/// A public key for each name of letters and digits.
fn world(set: impl FnOnce(KeysByKidBuilder) -> KeysByKidBuilder) -> World {
    let server = IssuerServer::start().unwrap();
    let issuer = TestIssuer::new(Algorithm::ES256).with_name(server.url());
    let clock = TestClock::at(0);
    let base = server.url();
    let is_name = |kid: &str| kid.bytes().all(|b| b.is_ascii_alphanumeric());
    // a key that comes has all the time that it needs
    let builder = KeysByKid::at(move |kid| is_name(kid).then(|| format!("{base}/{kid}")))
        .clock(clock.clone())
        .timeout(HOUR)
        .max_wait(HOUR);
    let keys = set(builder).spawn_with(client()).unwrap();
    let trusted = Issuer::new(issuer.name())
        .audience(issuer.audience())
        .algorithms([Algorithm::ES256])
        .keys(keys.keys());
    let verifier = Verifier::builder().trust(trusted).clock(issuer.clock()).build().unwrap();
    World { server, issuer, clock, verifier }
}

impl World {
    fn publish(&self, key: &SigningKey) {
        self.server.document(&format!("/{}", key.key_id()), key.public_pem().unwrap());
    }

    async fn ask(&self, key: &SigningKey) -> Told {
        ask(&self.verifier, &self.issuer.clone().with_key(key.clone()).token().mint()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_fetched_once_when_the_first_token_names_it() {
    let world = world(|builder| builder);
    let (a, b) = (key("aaa"), key("bbb"));
    world.publish(&a);
    world.publish(&b);
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let token = world.issuer.clone().with_key(a.clone()).token().mint();
        let verifier = world.verifier.clone();
        asking.spawn(async move { ask(&verifier, &token).await });
    }
    assert!(asking.join_all().await.iter().all(|told| *told == OK));
    assert_eq!(world.ask(&b).await, OK);
    assert_eq!(world.ask(&a).await, OK);
    assert_eq!((world.server.count("/aaa"), world.server.count("/bbb")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_task_ends_and_a_look_is_broken_off_when_nobody_holds_the_keys() {
    for hangs in [false, true] {
        let server = IssuerServer::start().unwrap();
        let issuer = TestIssuer::new(Algorithm::ES256).with_key(key("aaa"));
        match hangs {
            true => server.fail("/aaa", Fault::Hang),
            false => server.document("/aaa", issuer.key().public_pem().unwrap()),
        }
        let url = format!("{}/aaa", server.url());
        let (refresher, driver) = Refresher::new(client());
        let builder = KeysByKid::at(move |_| Some(url.clone())).timeout(HOUR).max_wait(HOUR);
        let keys = refresher.add_by_kid(builder).unwrap();
        let task = tokio::spawn(driver);
        let trusted = Issuer::new(issuer.name()).audience(issuer.audience()).keys(keys.keys());
        let verifier = Verifier::builder().trust(trusted).clock(issuer.clock()).build::<()>();
        let verifier = verifier.unwrap();
        let token = issuer.token().mint();
        if hangs {
            // it does not wait
            verifier.verify(&token).unwrap_err();
            server.wait_for("/aaa", 1);
        } else {
            soon(verifier.verify_async(&token)).await.unwrap();
        }
        drop((refresher, keys, verifier));
        soon(task).await.unwrap();
        server.wait_for_none_held();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_another_request_fetched_meanwhile_is_not_missed() {
    let server = IssuerServer::start().unwrap();
    let issuer = TestIssuer::new(Algorithm::ES256).with_name(server.url()).with_key(key("aaa"));
    server.document("/aaa", issuer.key().public_pem().unwrap());
    let (url, token) = (format!("{}/aaa", server.url()), issuer.token().mint());
    let verifier = Arc::new(OnceLock::<Verifier>::new());
    let (another, runtime) = (Arc::clone(&verifier), tokio::runtime::Handle::current());
    let (meanwhile, asked) = (token.clone(), AtomicBool::new(false));
    // it is called when the set was looked at and the key was not in it: now another request is served
    let keys = KeysByKid::at(move |_| {
        if !asked.swap(true, Ordering::Relaxed) {
            let serve = || runtime.block_on(ask(another.get().unwrap(), &meanwhile));
            let told = std::thread::scope(|scope| scope.spawn(serve).join().unwrap());
            assert_eq!(told, OK);
        }
        Some(url.clone())
    });
    let keys = keys.spawn_with(client()).unwrap();
    let trusted = Issuer::new(issuer.name())
        .audience(issuer.audience())
        .algorithms([Algorithm::ES256])
        .keys(keys.keys());
    let built = Verifier::builder().trust(trusted).clock(issuer.clock()).build().unwrap();
    assert!(verifier.set(built.clone()).is_ok());
    assert_eq!(ask(&built, &token).await, OK);
    assert_eq!(server.count("/aaa"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_name_that_was_checked_reaches_an_address() {
    let world = world(|builder| builder);
    for kid in ["../aaa", "a/b", "a?b", "a#b", "a%2fb", "", "a b", &"a".repeat(129)] {
        let told = world.ask(&key("x").with_key_id(kid)).await;
        // an empty name is one without anything that is forbidden
        assert!(told == UNKNOWN || kid.is_empty(), "{kid:?} {told:?}");
    }
    let asked = world.server.requests();
    assert!(asked.iter().all(|request| request.path() == "/"), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_there_is_401_and_asked_for_once() {
    let world = world(|builder| builder);
    // as servers say it, and stores of objects
    for status in [400, 403, 404, 410] {
        let absent = key(&format!("absent{status}"));
        let path = format!("/{}", absent.key_id());
        world.server.fail(&path, Fault::Status(status));
        for _ in 0..5 {
            assert_eq!(world.ask(&absent).await, UNKNOWN, "{status}");
        }
        assert_eq!(world.server.count(&path), 1);
    }
    let absent = key("absent");
    for _ in 0..5 {
        assert_eq!(world.ask(&absent).await, UNKNOWN);
    }
    assert_eq!(world.server.count("/absent"), 1);
    world.publish(&absent);
    world.clock.advance(31 * SECOND);
    assert_eq!(world.ask(&absent).await, OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_503_and_not_tried_for_each_token() {
    let good = key("good");
    let hanging = world(|builder| builder.timeout(SECOND / 5));
    hanging.server.fail("/good", Fault::Hang);
    let world = world(|builder| builder);
    world.publish(&good);
    for _ in 0..5 {
        assert_eq!(hanging.ask(&good).await, OUT);
    }
    // on a busy machine the time may be over before the server is reached
    assert!(hanging.server.count("/good") <= 1);
    for fault in [Fault::Status(500), Fault::Redirect("/other".into()), Fault::Close] {
        let before = world.server.count("/good");
        world.server.fail("/good", fault);
        for _ in 0..5 {
            assert_eq!(world.ask(&good).await, OUT);
        }
        assert_eq!(world.server.count("/good"), before + 1);
        world.clock.advance(HOUR);
    }
    assert_eq!(world.server.count("/other"), 0);
    world.server.heal();
    assert_eq!(world.ask(&good).await, OK);
    // what is no key is a failure, too
    let html = key("html");
    world.server.document("/html", "<html>");
    assert_eq!(world.ask(&html).await, OUT);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_names_are_ten_fetches() {
    let world = world(|builder| builder);
    let good = key("good");
    world.publish(&good);
    assert_eq!(world.ask(&good).await, OK);
    let (mut unknown, mut out) = (0, 0);
    for n in 0..10_000 {
        let token = world.issuer.token().header("kid", format!("k{n}")).mint();
        match world.verifier.verify_async(token).await.unwrap_err().kind() {
            RejectionKind::UnknownKey => unknown += 1,
            RejectionKind::KeysUnavailable => out += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((unknown, out), (9, 9_991));
    assert_eq!(world.server.requests().len(), 10);
    // keys that are known are as good as ever
    assert_eq!(world.ask(&good).await, OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_do_not_keep_a_key_that_is_in_use_from_being_renewed() {
    let world = world(|builder| builder.trust_for(HOUR));
    let (good, new) = (key("good"), key("new"));
    world.publish(&good);
    world.publish(&new);
    assert_eq!(world.ask(&good).await, OK);
    world.clock.advance(HOUR);
    // those that are looked for, and one that is too many
    for n in 0..=10 {
        let told = world.ask(&key(&format!("k{n}"))).await;
        assert_eq!(told, if n < 10 { UNKNOWN } else { OUT }, "{n}");
    }
    assert_eq!(world.ask(&new).await, OUT);
    assert_eq!(world.ask(&good).await, OK);
    assert_eq!((world.server.count("/good"), world.server.count("/new")), (2, 0));
    // and new names are served again in time
    world.clock.advance(3 * SECOND);
    assert_eq!(world.ask(&new).await, OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_fetched_again_when_its_time_is_over() {
    let world = world(|builder| builder.trust_for(HOUR));
    let good = key("good");
    world.publish(&good);
    let token = world.issuer.clone().with_key(good.clone()).token().mint();
    for _ in 0..3 {
        assert_eq!(ask(&world.verifier, &token).await, OK);
    }
    world.clock.advance(HOUR - SECOND / 1000);
    assert_eq!(ask(&world.verifier, &token).await, OK);
    assert_eq!(world.server.count("/good"), 1);
    world.server.fail("/good", Fault::Status(500));
    world.clock.advance(SECOND / 1000);
    // it was remembered, and is 503 all the same
    assert_eq!(ask(&world.verifier, &token).await, OUT);
    world.server.heal();
    world.clock.advance(HOUR);
    assert_eq!(ask(&world.verifier, &token).await, OK);
    assert_eq!(world.server.count("/good"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_another_algorithm_is_no_key_for_the_token() {
    let world = world(|builder| builder);
    let rsa = SigningKey::generate(Algorithm::RS256).unwrap().with_key_id("rsa");
    world.publish(&rsa);
    // the issuer uses ES256 only
    assert_eq!(world.ask(&rsa).await.status, 401);
    assert_eq!(world.server.count("/rsa"), 0);
    let forged = key("rsa");
    assert_eq!(world.ask(&forged).await.status, 401);
    assert_eq!(world.ask(&forged).await.status, 401);
    assert_eq!(world.server.count("/rsa"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_make_no_sense_are_refused() {
    let at = || KeysByKid::at(|_| None);
    let zero = std::time::Duration::ZERO;
    for builder in [
        at().trust_for(zero),
        at().cooldown(zero),
        at().max_wait(zero),
        at().timeout(zero),
        at().max_keys(0),
    ] {
        assert!(builder.spawn_with(client()).is_err());
    }
}
