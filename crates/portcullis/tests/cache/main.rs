//! The cache changes what a token costs and never what becomes of it.
//!
//! The property runs the same random history (requests, time, keys replaced, tokens and subjects revoked,
//! floods) through a layer with a small cache and through one without, and wants the same answer each
//! time. Two verifiers share the thread, so that neither may learn from the other.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod allocations;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use portcullis::keys::{KeySet, VerificationKey};
use portcullis::{
    Algorithm, Cache, Denylist, Entry, IatCutoff, Issuer, JwtLayer, Keys, MemoryStore,
    OptionalRule, Rejection, RejectionKind, ResponseBody, Revocation, Revoke, Target, Timestamp,
    Verified, Verifier,
};
use portcullis_testing::TestClock;
use proptest::prelude::*;
use serde_json::{Value, json};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

const ISSUER: &str = "https://idp.example.com";
const NOW: i64 = 1_700_000_000;

fn secret(n: usize) -> Vec<u8> {
    (0..32).map(|i| (i + n * 37) as u8).collect()
}

fn key(n: usize) -> VerificationKey {
    VerificationKey::from_secret(Algorithm::HS256, secret(n)).unwrap().with_key_id(format!("k{n}"))
}

fn sign(n: usize, claims: &Value) -> String {
    let header = json!({"alg": "HS256", "kid": format!("k{n}")}).to_string();
    let payload = claims.to_string();
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret(n)), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// One of a few tokens, that differ in key, subject, life and audience.
fn token(n: usize) -> String {
    let subject = if n.is_multiple_of(2) { "alice" } else { "bob" };
    let audience = if n.is_multiple_of(3) { json!(["one", "two"]) } else { json!("one") };
    sign(
        n % 3,
        &json!({"iss": ISSUER, "aud": audience, "sub": subject, "jti": format!("t{n}"),
            "iat": NOW + (n as i64 % 4), "nbf": NOW + 2 * (n as i64 % 3), "exp": NOW + 5 + 3 * n as i64}),
    )
}

type Service = BoxCloneSyncService<
    Request<()>,
    Response<ResponseBody<http_body_util::Empty<bytes::Bytes>>>,
    Infallible,
>;

struct World {
    clock: TestClock,
    keys: Keys,
    store: MemoryStore,
}

impl World {
    fn new() -> Self {
        let clock = TestClock::at(NOW);
        let store = MemoryStore::builder().with_clock(clock.clone()).build();
        Self { clock, keys: Keys::new((0..3).map(key)).unwrap(), store }
    }

    fn verifier(&self, audience: &str, cache: Cache) -> Verifier<Value> {
        let issuer = Issuer::new(ISSUER)
            .audience(audience)
            .keys(self.keys.clone())
            .leeway(Duration::from_secs(1))
            .max_age(Duration::from_secs(20));
        Verifier::builder().trust(issuer).clock(self.clock.clone()).cache(cache).build().unwrap()
    }

    fn service(&self, verifier: &Verifier<Value>, cutoffs: bool) -> Service {
        let rules = OptionalRule::new(cutoffs.then(|| IatCutoff::new(self.store.clone())));
        let rules = rules.and(Denylist::new(self.store.clone()));
        let layer = JwtLayer::new(verifier.clone()).with_revocation(rules);
        BoxCloneSyncService::new(layer.layer(service_fn(answer)))
    }
}

/// Answers which token it was.
async fn answer(
    request: Request<()>,
) -> Result<Response<http_body_util::Empty<bytes::Bytes>>, Infallible> {
    let mut response = Response::new(http_body_util::Empty::new());
    let caller = request.extensions().get::<Verified<Value>>().unwrap();
    response.headers_mut().insert("jti", caller["jti"].as_str().unwrap().parse().unwrap());
    Ok(response)
}

/// Who the caller was, or why there was none.
fn ask(service: &Service, token: &str) -> Result<String, RejectionKind> {
    let request =
        Request::builder().header(AUTHORIZATION, format!("Bearer {token}")).body(()).unwrap();
    // nothing here waits, so the future is ready at once
    let response = service.clone().oneshot(request).now_or_never().unwrap().unwrap();
    match response.extensions().get::<Rejection>() {
        Some(rejection) => Err(rejection.kind()),
        None => Ok(response.headers()["jti"].to_str().unwrap().to_owned()),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Ask(usize),
    Tick(u64),
    Keys(u8),
    RevokeToken(usize),
    RevokeSubject(bool),
    RevokeLater(usize, i64),
    Flood(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0usize..8).prop_map(Step::Ask),
        2 => (1u64..4000).prop_map(Step::Tick),
        2 => (0u8..8).prop_map(Step::Keys),
        1 => (0usize..8).prop_map(Step::RevokeToken),
        1 => any::<bool>().prop_map(Step::RevokeSubject),
        1 => (0usize..8, 0i64..10).prop_map(|(n, at)| Step::RevokeLater(n, at)),
        1 => (1usize..40).prop_map(Step::Flood),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_hit_is_never_older_in_judgement_than_a_miss(steps in prop::collection::vec(step(), 1..120)) {
        let world = World::new();
        let small = Cache::default().entries(8).bytes(64 * 1024);
        let verifiers =
            [("one", small), ("two", small)].map(|(audience, cache)| world.verifier(audience, cache));
        let plain = ["one", "two"].map(|audience| world.verifier(audience, Cache::off()));
        // two layers over one verifier, with other rules each
        let services: Vec<[Service; 2]> = [(0, true), (0, false), (1, true)]
            .map(|(v, cutoffs)| [
                world.service(&verifiers[v], cutoffs),
                world.service(&plain[v], cutoffs),
            ])
            .into();
        let mut flooded = 0;
        for step in steps {
            match step {
                Step::Ask(n) => {
                    let token = token(n);
                    for [cached, plain] in &services {
                        prop_assert_eq!(ask(cached, &token), ask(plain, &token), "token {}", n);
                    }
                }
                Step::Tick(millis) => world.clock.advance(Duration::from_millis(millis)),
                Step::Keys(mask) => {
                    world.keys.replace(KeySet::new((0..3).filter(|n| mask & 1 << n != 0).map(key)));
                }
                Step::RevokeToken(n) => {
                    let id = format!("t{n}");
                    let entry = Entry::deny(Target::token(ISSUER, &id));
                    world.store.revoke(entry).now_or_never().unwrap().unwrap();
                }
                Step::RevokeSubject(alice) => {
                    let subject = if alice { "alice" } else { "bob" };
                    let entry = Entry::not_before_now(Target::subject(ISSUER, subject));
                    world.store.revoke(entry).now_or_never().unwrap().unwrap();
                }
                Step::RevokeLater(n, seconds) => {
                    let (id, at) = (format!("t{n}"), Timestamp::from_secs(NOW + seconds));
                    let entry = Entry::deny_from(Target::token(ISSUER, &id), at);
                    world.store.revoke(entry).now_or_never().unwrap().unwrap();
                }
                Step::Flood(count) => {
                    for _ in 0..count {
                        flooded += 1;
                        let claims = json!({"iss": ISSUER, "aud": "one", "jti": format!("f{flooded}"),
                            "sub": "eve", "iat": NOW, "exp": NOW + 600});
                        let token = sign(0, &claims);
                        for _ in 0..2 {
                            let [cached, plain] = &services[0];
                            prop_assert_eq!(ask(cached, &token), ask(plain, &token));
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_key_that_is_withdrawn_takes_its_tokens_with_it_at_once() {
    let world = World::new();
    let service = world.service(&world.verifier("one", Cache::default()), true);
    let tokens = [token(1), token(2)];
    world.clock.advance(Duration::from_secs(4));
    for _ in 0..4 {
        assert_eq!(ask(&service, &tokens[0]), Ok("t1".into()));
        assert_eq!(ask(&service, &tokens[1]), Ok("t2".into()));
    }
    // the key of the first goes, that of the second stays
    world.keys.replace(KeySet::new([key(2)]));
    assert_eq!(ask(&service, &tokens[0]), Err(RejectionKind::UnknownKey));
    assert_eq!(ask(&service, &tokens[1]), Ok("t2".into()));
    // and when it comes back under its name with other material, it is another key
    let other =
        VerificationKey::from_secret(Algorithm::HS256, secret(9)).unwrap().with_key_id("k1");
    world.keys.replace(KeySet::new([other, key(2)]));
    assert_eq!(ask(&service, &tokens[0]), Err(RejectionKind::InvalidSignature));
    world.keys.replace(KeySet::new([key(1), key(2)]));
    assert_eq!(ask(&service, &tokens[0]), Ok("t1".into()));
}

#[test]
fn a_token_that_differs_in_one_byte_is_another() {
    let world = World::new();
    let verifier = world.verifier("one", Cache::default());
    let token = token(0);
    for _ in 0..4 {
        assert!(verifier.verify(&token).is_ok());
    }
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(verifier.verify(&bytes).is_err(), "byte {at}");
        // the end is what the place in the cache is worked out from, so both ways are asked
        assert!(verifier.verify(&token).is_ok());
    }
    for cut in 1..token.len() {
        assert!(verifier.verify(&token[cut..]).is_err() && verifier.verify(&token[..cut]).is_err());
    }
}

#[test]
fn what_passed_one_layer_has_not_passed_another() {
    let world = World::new();
    let verifier = world.verifier("one", Cache::default());
    // two stores that were written to as often, so that their versions are the same
    let [passing, denying] = ["t0", "other"].map(|id| {
        let store = MemoryStore::new();
        let entry = Entry::deny(Target::token(ISSUER, if id == "t0" { "other" } else { "t0" }));
        store.revoke(entry).now_or_never().unwrap().unwrap();
        let layer = JwtLayer::new(verifier.clone()).with_revocation(Denylist::new(store));
        BoxCloneSyncService::new(layer.layer(service_fn(answer)))
    });
    for _ in 0..4 {
        assert_eq!(ask(&passing, &token(0)), Ok("t0".into()));
        assert_eq!(ask(&denying, &token(0)), Err(RejectionKind::Revoked));
    }
}

#[test]
fn what_was_refused_is_not_remembered() {
    let world = World::new();
    let service = world.service(&world.verifier("one", Cache::default()), true);
    // not valid before two seconds from now, leeway one
    let early = token(1);
    for _ in 0..4 {
        assert_eq!(ask(&service, &early), Err(RejectionKind::NotYetValid));
    }
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(ask(&service, &early), Ok("t1".into()));
}

#[test]
fn a_claims_type_that_verifies_on_its_own_thread_does_not_lock_itself_out() {
    use std::cell::OnceCell;
    thread_local! {
        static AGAIN: OnceCell<(Verifier<Nested>, String)> = const { OnceCell::new() };
    }
    #[derive(Debug)]
    struct Nested;
    impl<'de> serde::Deserialize<'de> for Nested {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            serde::de::IgnoredAny::deserialize(deserializer)?;
            AGAIN.with(|again| {
                if let Some((verifier, token)) = again.get() {
                    // another token, or this would never end
                    let _ = verifier.verify(token.replace('.', "..")).is_err();
                }
            });
            Ok(Self)
        }
    }
    let world = World::new();
    let issuer = Issuer::new(ISSUER).audience("one").keys(world.keys.clone());
    let verifier: Verifier<Nested> =
        Verifier::builder().trust(issuer).clock(world.clock.clone()).build().unwrap();
    AGAIN.with(|again| again.set((verifier.clone(), token(0))).unwrap());
    for _ in 0..4 {
        assert!(verifier.verify(token(0)).is_ok());
    }
}

#[test]
fn threads_share_what_is_remembered_and_each_keeps_its_own_count() {
    let world = World::new();
    let verifier = world.verifier("one", Cache::default());
    let token = Arc::new(token(0));
    for _ in 0..3 {
        verifier.verify(&*token).unwrap();
    }
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (verifier, token) = (verifier.clone(), Arc::clone(&token));
            std::thread::spawn(move || {
                for _ in 0..1000 {
                    let verified = verifier.verify(&*token).unwrap().without_revocation();
                    assert_eq!(verified["jti"], "t0");
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
