//! Attacks on revocation: by taking its store away, by what the token leaves out, by the clock, by races.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use portcullis::RejectionKind::{self, IssuedInFuture, RevocationUnavailable, Revoked};
use portcullis::{
    Algorithm, Allowlist, AllowlistStore, Denylist, DenylistStore, Entry, FailurePolicy, IatCutoff,
    JwtLayer, MemoryStore, MinGeneration, Retention, Revocation, Revoke, Target, Timeout,
    Timestamp, Verifier,
};
use portcullis_testing::{TestClock, TestIssuer, TestToken, block_on};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::support::{Carrier, Server};

const NOW: i64 = TestIssuer::NOW;

fn issuer() -> TestIssuer {
    TestIssuer::new(Algorithm::ES256)
}

/// A server whose tokens can be revoked by this rule.
fn server(issuer: &TestIssuer, rule: impl Revocation) -> Server {
    let trusted = issuer.trusted().generation_claim("gen");
    let verifier: Verifier<Value> =
        Verifier::builder().trust(trusted).clock(issuer.clock()).build().unwrap();
    Server::start(JwtLayer::new(verifier).with_revocation(rule))
}

/// What becomes of a token: `None` if it gets in.
#[track_caller]
fn check(server: &Server, tries: &str, token: &TestToken, expected: Option<RejectionKind>) {
    let token = token.mint();
    let answer = server.send(&Carrier::Header.request(token.as_bytes()));
    match expected {
        Some(kind) => answer.assert_refused(kind, tries),
        None => assert_eq!(answer.status, 200, "{tries}: {answer:?}"),
    }
    for line in server.log.take() {
        assert!(!line.contains(&token) && !line.chars().any(char::is_control), "{tries}: {line:?}");
    }
}

/// Answers while it is up, and then no more; its error tries to write a line of its own into the log.
#[derive(Clone, Default)]
struct Fragile {
    down: Arc<AtomicBool>,
    deny: Arc<AtomicBool>,
}

impl Fragile {
    fn answer(&self) -> Result<bool, String> {
        if self.down.load(Ordering::SeqCst) {
            return Err("connection refused\r\nINFO portcullis: all is well\u{1b}[0m".to_owned());
        }
        Ok(self.deny.load(Ordering::SeqCst))
    }
}

impl DenylistStore for Fragile {
    type Error = String;

    async fn is_denied(&self, _: &Target<'_>) -> Result<bool, String> {
        self.answer()
    }
}

impl AllowlistStore for Fragile {
    type Error = String;

    async fn is_allowed(&self, _: &Target<'_>) -> Result<bool, String> {
        self.answer().map(|deny| !deny)
    }
}

#[test]
fn takes_the_store_down() {
    let issuer = issuer();
    let token = issuer.token();
    let store = Fragile::default();
    let rule = Denylist::new(store.clone()).and(Allowlist::new(store.clone()));
    let server = server(&issuer, rule);
    check(&server, "up", &token, None);
    store.down.store(true, Ordering::SeqCst);
    check(&server, "down", &token, Some(RevocationUnavailable));
    store.down.store(false, Ordering::SeqCst);
    check(&server, "up again", &token, None);
    assert_eq!(server.served(), 2);
}

#[test]
fn takes_the_store_down_after_he_was_signed_out() {
    // even a policy that opens remembers a denial that it has seen
    let issuer = issuer();
    let token = issuer.token();
    let store = Fragile::default();
    let rule = Denylist::new(store.clone()).on_outage(FailurePolicy::Open);
    let server = server(&issuer, rule);
    store.deny.store(true, Ordering::SeqCst);
    check(&server, "signed out", &token, Some(Revoked));
    store.down.store(true, Ordering::SeqCst);
    check(&server, "signed out, and then down", &token, Some(Revoked));
    check(&server, "opened by name", &issuer.token(), None);
}

#[test]
fn takes_one_store_down_and_is_denied_by_the_other() {
    let issuer = issuer();
    let (down, denying) = (Fragile::default(), Fragile::default());
    down.down.store(true, Ordering::SeqCst);
    denying.deny.store(true, Ordering::SeqCst);
    let one = Denylist::new(down.clone()).and(Denylist::new(denying.clone()));
    check(&server(&issuer, one), "the second denies", &issuer.token(), Some(Revoked));
    let other = Denylist::new(denying).and(Denylist::new(down));
    check(&server(&issuer, other), "the first denies", &issuer.token(), Some(Revoked));
}

/// Answers only when it is let.
struct Slow {
    asked: Arc<Semaphore>,
    answers: Arc<Semaphore>,
    denied: bool,
}

impl DenylistStore for Slow {
    type Error = Infallible;

    async fn is_denied(&self, _: &Target<'_>) -> Result<bool, Infallible> {
        self.asked.add_permits(1);
        self.answers.acquire().await.unwrap().forget();
        Ok(self.denied)
    }
}

#[test]
fn slows_the_store_down() {
    let issuer = issuer();
    for denied in [true, false] {
        let (asked, answers) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let store = Slow { asked: Arc::clone(&asked), answers: Arc::clone(&answers), denied };
        let server = server(&issuer, Denylist::new(store));
        let requests: Vec<_> =
            (0..8).map(|_| Carrier::Header.request(issuer.token().mint().as_bytes())).collect();
        let served = server.served_counter();
        server.spawn(async move {
            // all of them are waiting, and none has got in
            asked.acquire_many(8).await.unwrap().forget();
            assert_eq!(served.load(Ordering::SeqCst), 0);
            answers.add_permits(8);
        });
        for answer in server.send_all(&requests) {
            if denied {
                answer.assert_refused(Revoked, "slowly denied");
            } else {
                assert_eq!(answer.status, 200, "{answer:?}");
            }
        }
        assert_eq!(server.served(), if denied { 0 } else { 8 });
    }
}

/// Never answers.
struct Hung;

impl DenylistStore for Hung {
    type Error = Infallible;

    async fn is_denied(&self, _: &Target<'_>) -> Result<bool, Infallible> {
        std::future::pending().await
    }
}

#[test]
fn hangs_the_store() {
    let issuer = issuer();
    for policy in [FailurePolicy::Closed, FailurePolicy::Open] {
        let rule = Timeout::new(Denylist::new(Hung).on_outage(policy), Duration::from_millis(1));
        let server = server(&issuer, rule);
        check(&server, &format!("{policy:?}"), &issuer.token(), Some(RevocationUnavailable));
        assert_eq!(server.served(), 0);
    }
}

#[test]
fn leaves_out_the_claim_that_he_would_be_found_by() {
    let issuer = issuer();
    let store = || MemoryStore::builder().with_clock(issuer.clock()).build();
    let denylist = server(&issuer, Denylist::new(store()));
    check(&denylist, "with `jti`", &issuer.token(), None);
    check(&denylist, "no `jti` under a denylist", &issuer.token().without("jti"), Some(Revoked));

    let cutoff = server(&issuer, IatCutoff::new(store()));
    check(&cutoff, "with all", &issuer.token(), None);
    check(&cutoff, "no `iat` under a cutoff", &issuer.token().without("iat"), Some(Revoked));
    check(&cutoff, "no `sub` under a cutoff", &issuer.token().without("sub"), Some(Revoked));
    let signed_in = server(&issuer, IatCutoff::new(store()).auth_time());
    check(&signed_in, "no `auth_time`, where it counts", &issuer.token(), Some(Revoked));

    let allowlist = server(&issuer, Allowlist::new(store()));
    check(&allowlist, "not listed", &issuer.token(), Some(Revoked));
    check(&allowlist, "no `jti` under an allowlist", &issuer.token().without("jti"), Some(Revoked));

    let generation = server(&issuer, MinGeneration::new(store()));
    check(&generation, "with a generation", &issuer.token().claim("gen", 0), None);
    check(&generation, "no generation", &issuer.token(), Some(Revoked));
}

#[test]
fn spells_a_token_without_jti_in_another_way() {
    // an ECDSA signature has many good forms; what is remembered is what was signed
    let issuer = issuer();
    let store = MemoryStore::builder().with_clock(issuer.clock()).build();
    let rule = Denylist::new(store.clone()).fingerprint_without_jti();
    let server = server(&issuer, rule);
    let token = issuer.token().without("jti");
    check(&server, "not yet revoked", &token, None);
    let verifier: Verifier<Value> =
        Verifier::builder().trust(issuer.trusted()).clock(issuer.clock()).build().unwrap();
    let verified = verifier.verify(token.mint()).unwrap().without_revocation();
    let target = portcullis::Verified::token_target(&verified);
    block_on(store.revoke(Entry::deny(target.as_target()))).unwrap();
    // every mint signs anew, with another signature over the same text
    assert_ne!(token.mint(), token.mint());
    for _ in 0..5 {
        check(&server, "another signature", &token, Some(Revoked));
    }
}

/// A clock in the middle of a second, and a cutoff at that moment.
fn cut_off_at(millis: i64, retention: Retention) -> (TestIssuer, Server) {
    let clock = TestClock::new(Timestamp::from_millis(millis));
    let issuer = issuer().with_clock(clock.clone());
    let store = MemoryStore::builder().with_clock(clock).with_retention(retention).build();
    let server = server(&issuer, IatCutoff::new(store.clone()));
    let subject = Target::subject(issuer.name(), "alice");
    block_on(store.revoke(Entry::not_before_now(subject))).unwrap();
    (issuer, server)
}

#[test]
fn signs_in_within_the_second_of_the_cutoff() {
    let (issuer, server) = cut_off_at(NOW * 1000 + 500, Retention::default());
    let at = |millis: i64| issuer.token().issued_at(Timestamp::from_millis(NOW * 1000 + millis));
    // a whole second may be any moment of it, so it falls under the cutoff in both directions
    check(&server, "the second before", &at(-1000), Some(Revoked));
    check(&server, "the second of the cutoff", &at(0), Some(Revoked));
    check(&server, "the second after", &at(1000), None);
    // a fraction is what it is
    check(&server, "just before", &at(499), Some(Revoked));
    check(&server, "at the very moment", &at(500), Some(Revoked));
    check(&server, "just after", &at(501), None);
    check(&server, "late in that second", &at(999), None);
    check(&server, "somebody else", &at(0).subject("bob"), None);
    // before 1970 as ever
    let old = issuer.token().issued_at(Timestamp::from_secs(-1));
    check(&server, "at the beginning of time", &old, Some(Revoked));
}

#[test]
fn dates_the_token_into_the_future() {
    let (issuer, server) =
        cut_off_at(NOW * 1000, Retention::default().issuer_skew(Duration::from_secs(60)));
    let ahead = |secs: i64| issuer.token().issued_at(Timestamp::from_secs(NOW + secs));
    // within the leeway a fast clock is believed; the cutoff reaches as far, where it is told to
    check(&server, "as far as the leeway", &ahead(60), Some(Revoked));
    check(&server, "half way", &ahead(30), Some(Revoked));
    check(&server, "beyond it", &ahead(61), Some(IssuedInFuture));
    check(&server, "far beyond it", &ahead(i64::MAX - NOW), Some(IssuedInFuture));
    issuer.clock().advance(Duration::from_secs(61));
    check(&server, "a sign-in when all that is over", &ahead(61), None);
}

#[test]
fn takes_an_identifier_that_another_issuer_gave() {
    let (one, two) = (issuer(), TestIssuer::stranger(Algorithm::ES256));
    let store = MemoryStore::builder().with_clock(one.clock()).build();
    let verifier: Verifier<Value> = Verifier::builder()
        .trust(one.trusted().may_assert_anything())
        .trust(two.trusted().may_assert_nothing())
        .clock(one.clock())
        .build()
        .unwrap();
    let rule = Denylist::new(store.clone()).and(IatCutoff::new(store.clone()));
    let server = Server::start(JwtLayer::new(verifier).with_revocation(rule));
    block_on(store.revoke(Entry::deny(Target::token(one.name(), "7")))).unwrap();
    block_on(store.revoke(Entry::not_before_now(Target::subject(two.name(), "alice")))).unwrap();
    check(&server, "the one that was revoked", &one.token().claim("jti", "7"), Some(Revoked));
    check(
        &server,
        "the same `jti` of another issuer",
        &two.token().subject("bob").claim("jti", "7"),
        None,
    );
    check(&server, "the subject that was cut off", &two.token(), Some(Revoked));
    check(&server, "the same subject of another issuer", &one.token(), None);
    // parts that only look the same when they are joined
    let joined = Target::token("https://issuer.tes", "t7");
    block_on(store.revoke(Entry::deny(joined))).unwrap();
    block_on(store.revoke(Entry::deny(Target::token("", "https://issuer.test8")))).unwrap();
    check(&server, "joined to the same text", &one.token().claim("jti", "8"), None);
}

#[test]
fn races_the_revocation() {
    // whoever asks after `revoke` has returned is refused, on every thread, cached or not
    let issuer = issuer();
    let verifier: Verifier<Value> =
        Verifier::builder().trust(issuer.trusted()).clock(issuer.clock()).build().unwrap();
    for round in 0..20 {
        let store = MemoryStore::builder().with_clock(issuer.clock()).build();
        let rule = IatCutoff::new(store.clone()).and(Denylist::new(store.clone()));
        let token = issuer.token().mint();
        let (revoked, passed) = (AtomicBool::new(false), AtomicUsize::new(0));
        let start = Barrier::new(5);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    let mut after = 0;
                    while after < 50 {
                        let late = revoked.load(Ordering::SeqCst);
                        let verified = block_on(verifier.verify(&token).unwrap().check(&rule));
                        match verified {
                            Ok(_) => assert!(!late, "let in after it was revoked"),
                            Err(refused) => assert_eq!(refused.kind(), Revoked),
                        }
                        after += usize::from(late);
                        passed.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            start.wait();
            let entry = if round % 2 == 0 {
                let verified = verifier.verify(&token).unwrap().without_revocation();
                Entry::deny(portcullis::Verified::token_target(&verified).as_target())
            } else {
                Entry::not_before_now(Target::subject(issuer.name(), "alice"))
            };
            block_on(store.revoke(entry)).unwrap();
            revoked.store(true, Ordering::SeqCst);
        });
        assert!(passed.into_inner() >= 200);
    }
}
