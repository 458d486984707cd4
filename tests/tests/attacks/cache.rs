//! Attacks on what is remembered: a token that got in goes on being judged, and only it gets in.
//!
//! The claims count how often they are read. A token that is remembered is let in without reading them,
//! so each case knows that what it attacks is in the cache.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::RejectionKind::{
    self, CrossOrigin, Expired, InsufficientScope, InvalidClaims, InvalidSignature, MalformedToken,
    MultipleCredentials, RevocationUnavailable, Revoked, TooOld, UnknownKey, WrongAudience,
};
use portcullis::keys::KeySet;
use portcullis::{
    Algorithm, Denylist, DenylistStore, Entry, HasRoles, IatCutoff, Issuer, JwtLayer, Keys,
    MemoryStore, NoRevocation, Revocation, Revoke, Source, Target, Verifier, roles,
};
use portcullis_axum::{Jwt, Role};
use portcullis_testing::{TestIssuer, block_on};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::support::{Carrier, Server, panics_of_this_thread, request};

thread_local! {
    /// How often claims were read on this thread, which is also the server's.
    static READ: Cell<usize> = const { Cell::new(0) };
}

/// Claims that count how often they are read.
#[derive(Debug)]
struct Counted(Value);

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        READ.set(READ.get() + 1);
        Value::deserialize(deserializer).map(Self)
    }
}

impl HasRoles for Counted {
    fn has_role(&self, role: &str) -> bool {
        self.0["roles"].as_array().is_some_and(|roles| roles.iter().any(|one| one == role))
    }
}

roles! {
    Payer = "payer";
}

fn issuer() -> TestIssuer {
    TestIssuer::new(Algorithm::ES256)
}

fn verifier<C: serde::de::DeserializeOwned + Send + Sync + 'static>(
    issuer: &TestIssuer,
    trusted: Issuer,
) -> Verifier<C> {
    Verifier::builder().trust(trusted).clock(issuer.clock()).build().unwrap()
}

/// A server that takes a header or a cookie; `/` is for everybody with a token.
fn start<R: Revocation>(verifier: &Verifier<Counted>, rule: R) -> Server {
    let who = async |Jwt(caller): Jwt<Counted>| caller.0["sub"].to_string();
    serve(Router::new().route("/", any(who)), verifier, rule)
}

fn serve<R: Revocation>(app: Router, verifier: &Verifier<Counted>, rule: R) -> Server {
    let layer = JwtLayer::new(verifier.clone())
        .or_source(Source::cookie(Carrier::COOKIE).unwrap())
        .with_revocation(rule);
    Server::serve(app.layer(layer), Arc::new(AtomicUsize::new(0)))
}

/// It gets in however it is carried.
#[track_caller]
fn accepts(server: &Server, token: &str, what: &str) {
    for carrier in Carrier::ALL {
        let answer = server.send(&carrier.request(token.as_bytes()));
        assert_eq!(answer.status, 200, "{what} in a {carrier:?}: {answer:?}");
    }
}

/// Has the token let in until it is remembered.
#[track_caller]
fn remember(server: &Server, token: &str) {
    for _ in 0..2 {
        accepts(server, token, "before the attack");
    }
    let read = READ.get();
    accepts(server, token, "remembered");
    assert_eq!(READ.get(), read, "it is not remembered");
}

/// However it is carried and however often it is tried, the answer is this refusal to the letter.
#[track_caller]
fn refuses(server: &Server, token: &str, kind: RejectionKind, tries: &str) {
    let panics = panics_of_this_thread();
    for _ in 0..3 {
        for carrier in Carrier::ALL {
            let answer = server.send(&carrier.request(token.as_bytes()));
            answer.assert_refused(kind, &format!("{tries} in a {carrier:?}"));
        }
    }
    assert_eq!(panics_of_this_thread(), panics, "{tries}: a panic");
    for line in server.log.take() {
        assert!(!line.contains(token) && !line.chars().any(char::is_control), "{tries}: {line:?}");
    }
}

#[test]
fn goes_on_with_a_token_that_got_in_after_its_end() {
    let issuer = issuer();
    let server = start(&verifier(&issuer, issuer.trusted()), NoRevocation);
    let token = issuer.token().expires_in(Duration::from_secs(300)).mint();
    remember(&server, &token);
    // the leeway is a minute
    issuer.clock().advance(Duration::from_secs(359));
    remember(&server, &token);
    issuer.clock().advance(Duration::from_secs(1));
    refuses(&server, &token, Expired, "the second in which it ends");
    issuer.clock().advance(Duration::from_secs(3600));
    refuses(&server, &token, Expired, "an hour later");
}

#[test]
fn goes_on_with_a_token_that_got_in_until_it_is_too_old() {
    let issuer = issuer();
    let trusted = issuer.trusted().max_age(Duration::from_secs(100)).leeway(Duration::ZERO);
    let server = start(&verifier(&issuer, trusted), NoRevocation);
    let token = issuer.token().mint();
    remember(&server, &token);
    issuer.clock().advance(Duration::from_secs(101));
    refuses(&server, &token, TooOld, "older than it may be");
}

#[test]
fn goes_on_with_a_token_whose_key_was_withdrawn() {
    let (issuer, next) = (issuer(), TestIssuer::stranger(Algorithm::ES256));
    let keys = Keys::from(issuer.key().verification_key());
    let server = start(&verifier(&issuer, issuer.trusted().keys(keys.clone())), NoRevocation);
    let token = issuer.token().mint();
    let kid = issuer.key().verification_key().key_id().unwrap().to_owned();
    remember(&server, &token);

    let other = next.key().verification_key().with_key_id("another");
    keys.replace(KeySet::new([issuer.key().verification_key(), other.clone()]));
    remember(&server, &token);
    keys.replace(KeySet::new([other.clone()]));
    refuses(&server, &token, UnknownKey, "its key rotated out");
    keys.replace(KeySet::new([other.clone().with_key_id(kid)]));
    refuses(&server, &token, InvalidSignature, "another key under the name of its own");
    keys.replace(KeySet::new([issuer.key().verification_key().with_key_id("renamed"), other]));
    refuses(&server, &token, UnknownKey, "its key under another name");
    keys.replace(KeySet::new([issuer.key().verification_key()]));
    remember(&server, &token);
}

#[test]
fn goes_on_with_a_token_that_was_revoked() {
    let issuer = issuer();
    let name = issuer.name();
    for (tries, entry) in [
        ("its id denied", Entry::deny(Target::token(name, "t1"))),
        ("its session denied", Entry::deny(Target::session(name, "s1"))),
        ("its subject denied", Entry::deny(Target::subject(name, "mallory"))),
        ("its subject cut off", Entry::not_before_now(Target::subject(name, "mallory"))),
        ("the whole issuer cut off", Entry::not_before_now(Target::issuer_wide(name))),
        ("everybody cut off", Entry::not_before_now(Target::everything())),
    ] {
        let store = MemoryStore::builder().with_clock(issuer.clock()).build();
        let rule = IatCutoff::new(store.clone()).and(Denylist::new(store.clone()));
        let server = start(&verifier(&issuer, issuer.trusted()), rule);
        let token = issuer.token().subject("mallory").claim("jti", "t1").claim("sid", "s1").mint();
        remember(&server, &token);
        // of somebody else: it changes the version of the store, and nothing for this token
        let other = Entry::deny(Target::token(name, "t2"));
        block_on(store.revoke(other)).unwrap();
        remember(&server, &token);
        block_on(store.revoke(entry)).unwrap();
        refuses(&server, &token, Revoked, tries);
    }
}

/// A store that can be taken away.
#[derive(Clone, Default)]
struct Fragile(Arc<AtomicBool>);

impl DenylistStore for Fragile {
    type Error = String;

    async fn is_denied(&self, _: &Target<'_>) -> Result<bool, String> {
        if self.0.load(Ordering::SeqCst) { Err("connection refused".into()) } else { Ok(false) }
    }
}

#[test]
fn takes_the_store_away_after_he_got_in() {
    let issuer = issuer();
    let store = Fragile::default();
    let server = start(&verifier(&issuer, issuer.trusted()), Denylist::new(store.clone()));
    let token = issuer.token().mint();
    remember(&server, &token);
    store.0.store(true, Ordering::SeqCst);
    refuses(&server, &token, RevocationUnavailable, "the store is out");
    store.0.store(false, Ordering::SeqCst);
    remember(&server, &token);
}

/// The same token under the other signature that ECDSA has for it: n - s in place of s.
fn bent(token: &str) -> String {
    let (input, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let order = super::signatures::order(Algorithm::ES256);
    let mut borrow = 0_i16;
    for (s, n) in signature[32..].iter_mut().zip(order).rev() {
        let difference = i16::from(n) - i16::from(*s) - borrow;
        borrow = i16::from(difference < 0);
        *s = difference.rem_euclid(256).to_le_bytes()[0];
    }
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn bends_the_signature_of_a_token_to_outlive_its_revocation() {
    let issuer = issuer();
    for (with_id, tries) in [(true, "revoked by its id"), (false, "revoked by its fingerprint")] {
        let store = MemoryStore::builder().with_clock(issuer.clock()).build();
        let verifier = verifier(&issuer, issuer.trusted());
        let rule = Denylist::new(store.clone()).fingerprint_without_jti();
        let server = start(&verifier, rule);
        let token = if with_id { issuer.token() } else { issuer.token().without("jti") }.mint();
        let twin = bent(&token);
        assert_ne!(twin, token);
        // both are signatures by the key
        remember(&server, &token);
        remember(&server, &twin);
        let verified = verifier.verify(&token).unwrap().without_revocation();
        let target = portcullis::Verified::token_target(&verified);
        block_on(store.revoke(Entry::deny(target.as_target()))).unwrap();
        refuses(&server, &token, Revoked, tries);
        refuses(&server, &twin, Revoked, &format!("bent, {tries}"));
        let third = bent(&twin);
        assert_eq!(third, token);
    }
}

#[test]
fn changes_a_token_that_is_remembered() {
    let issuer = issuer();
    let server = start(&verifier(&issuer, issuer.trusted()), NoRevocation);
    let token = issuer.token().claim("sub", "mallory").mint();
    let other = issuer.token().claim("sub", "alice").mint();
    remember(&server, &token);
    remember(&server, &other);
    let parts = |token: &str| -> Vec<String> { token.split('.').map(str::to_owned).collect() };
    let (mine, theirs) = (parts(&token), parts(&other));
    let spaced = {
        let header = URL_SAFE_NO_PAD.decode(&mine[0]).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        let header = serde_json::to_string_pretty(&header).unwrap();
        format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(header), mine[1], mine[2])
    };
    let admin = {
        let claims = URL_SAFE_NO_PAD.decode(&mine[1]).unwrap();
        let mut claims: Value = serde_json::from_slice(&claims).unwrap();
        claims["roles"] = json!(["payer"]);
        format!("{}.{}.{}", mine[0], URL_SAFE_NO_PAD.encode(claims.to_string()), mine[2])
    };
    let last = |to: &str| format!("{}{to}", &token[..token.len() - 1]);
    let flipped = if token.ends_with('A') { last("Q") } else { last("A") };
    for (tries, forged, kind) in [
        (
            "the claims of another under his signature",
            format!("{}.{}.{}", mine[0], theirs[1], mine[2]),
            InvalidSignature,
        ),
        (
            "his claims under the signature of another",
            format!("{}.{}.{}", mine[0], mine[1], theirs[2]),
            InvalidSignature,
        ),
        ("a role added, all else as it is", admin, InvalidSignature),
        ("the header written with other spaces", spaced, InvalidSignature),
        ("the last character another", flipped, InvalidSignature),
        ("a character before it", format!("e{token}"), MalformedToken),
        ("without its first character", token[1..].to_owned(), MalformedToken),
        ("a part after it", format!("{token}.{}", mine[2]), MalformedToken),
        ("a dot after it", format!("{token}."), MalformedToken),
        ("padding after it", format!("{token}=="), MalformedToken),
        ("without its last character", token[..token.len() - 1].to_owned(), MalformedToken),
        ("without its signature", format!("{}.{}.", mine[0], mine[1]), InvalidSignature),
        ("its signature alone", mine[2].clone(), MalformedToken),
        ("in upper case", token.to_uppercase(), MalformedToken),
    ] {
        refuses(&server, &forged, kind, tries);
        remember(&server, &token);
    }
}

#[test]
fn takes_a_token_that_one_service_remembers_to_another() {
    let issuer = issuer();
    let token = issuer.token().without("team").mint();
    let keys = issuer.keys();
    let here = start(&verifier(&issuer, issuer.trusted().keys(keys.clone())), NoRevocation);
    remember(&here, &token);

    let elsewhere = Issuer::new(issuer.name()).audience("elsewhere").keys(keys.clone());
    let there = start(&verifier(&issuer, elsewhere), NoRevocation);
    refuses(&there, &token, WrongAudience, "where it is not for");
    remember(&here, &token);

    // the same issuer, keys and audience, and claims that it does not have
    #[derive(Debug, Deserialize)]
    struct Member {
        #[serde(rename = "team")]
        _team: u64,
    }
    let members: Verifier<Member> = verifier(&issuer, issuer.trusted().keys(keys));
    let who = async |Jwt(_): Jwt<Member>| "in";
    let layer = JwtLayer::new(members).or_source(Source::cookie(Carrier::COOKIE).unwrap());
    let app = Router::new().route("/", any(who)).layer(layer);
    let there = Server::serve(app, Arc::default());
    refuses(&there, &token, InvalidClaims, "where it lacks a claim");
    remember(&here, &token);
}

#[test]
fn takes_a_token_past_the_guard_of_another_layer() {
    let issuer = issuer();
    let verifier = verifier(&issuer, issuer.trusted());
    let token = issuer.token().claim("jti", "t1").roles(&["reader"]).mint();
    let open = start(&verifier, NoRevocation);
    remember(&open, &token);

    let pay = async |payer: Role<Payer, Counted>| payer.0["sub"].to_string();
    let guarded = serve(Router::new().route("/", any(pay)), &verifier, NoRevocation);
    refuses_role(&guarded, &token);
    let payer = issuer.token().roles(&["payer"]).mint();
    remember(&guarded, &payer);
    refuses_role(&guarded, &token);

    // one verifier, one cache, and rules of which only one knows of the denial
    let store = MemoryStore::builder().with_clock(issuer.clock()).build();
    block_on(store.revoke(Entry::deny(Target::token(issuer.name(), "t1")))).unwrap();
    let strict = start(&verifier, Denylist::new(store));
    for _ in 0..3 {
        remember(&open, &token);
        refuses(&strict, &token, Revoked, "that another layer let in");
    }
}

/// The claims were read before; the role is looked at again.
#[track_caller]
fn refuses_role(server: &Server, token: &str) {
    let read = READ.get();
    refuses(server, token, InsufficientScope, "without the role");
    assert_eq!(READ.get(), read, "it is not remembered");
}

#[test]
fn floods_the_cache_with_tokens_that_are_used_once() {
    let issuer = TestIssuer::new(Algorithm::HS256);
    let verifier = verifier::<Counted>(&issuer, issuer.trusted());
    let server = start(&verifier, NoRevocation);
    let token = issuer.token().mint();
    remember(&server, &token);
    let read = READ.get();
    // more than the cache has places, each good
    for n in 0..10_000 {
        let once = issuer.token().claim("jti", format!("once-{n}")).mint();
        assert!(verifier.verify(once).is_ok());
    }
    assert_eq!(READ.get(), read + 10_000);
    accepts(&server, &token, "after the flood");
    // a thread that has nothing at hand of its own finds it as well
    std::thread::scope(|scope| {
        let ask = || (verifier.verify(&token).is_ok(), READ.get());
        assert_eq!(scope.spawn(ask).join().unwrap(), (true, 0));
    });
    assert_eq!(READ.get(), read + 10_000);
}

#[test]
fn floods_the_cache_with_tokens_that_are_refused() {
    let issuer = issuer();
    let server = start(&verifier(&issuer, issuer.trusted()), NoRevocation);
    let token = issuer.token().mint();
    remember(&server, &token);
    // signed well, and refused for their claims: each time anew
    let wrong = issuer.token().claim("aud", "elsewhere").mint();
    let before = READ.get();
    refuses(&server, &wrong, WrongAudience, "again and again");
    assert_eq!(READ.get(), before + 6);
    let forged = issuer.token().sign_with(TestIssuer::stranger(Algorithm::ES256).key());
    for n in 0..50 {
        let forged = forged.clone().claim("jti", format!("junk-{n}")).mint();
        let answer = server.send(&Carrier::Header.request(forged.as_bytes()));
        answer.assert_refused(InvalidSignature, "junk");
    }
    assert_eq!(READ.get(), before + 6);
    remember(&server, &token);
}

#[test]
fn carries_a_remembered_token_by_another_way() {
    let issuer = issuer();
    let server = start(&verifier(&issuer, issuer.trusted()), NoRevocation);
    let token = issuer.token().mint();
    remember(&server, &token);
    let (cookie, bearer) =
        (Carrier::Cookie.header(token.as_bytes()), Carrier::Header.header(token.as_bytes()));
    let (cookie, bearer) = ((cookie.0, &*cookie.1), (bearer.0, &*bearer.1));
    let cross = ("sec-fetch-site", &b"cross-site"[..]);
    for _ in 0..3 {
        // what a browser adds by itself is looked at for where it comes from, remembered or not
        for headers in [&[cookie][..], &[cookie, cross], &[cookie, ("origin", b"null")]] {
            let answer = server.send(&request("POST", headers));
            answer.assert_refused(CrossOrigin, "from another page");
        }
        let same = ("sec-fetch-site", &b"same-origin"[..]);
        assert_eq!(server.send(&request("POST", &[cookie, same])).status, 200);
        // what a script adds is meant
        assert_eq!(server.send(&request("POST", &[bearer, cross])).status, 200);
        for headers in [&[bearer, cookie][..], &[bearer, bearer], &[cookie, same, bearer]] {
            let answer = server.send(&request("GET", headers));
            answer.assert_refused(MultipleCredentials, "in two places");
        }
    }
}
