//! Waiting out the second of a cutoff, without a moment's sleep.

use std::cell::Cell;
use std::sync::Mutex;
use std::time::Duration;

#[cfg(feature = "tokio")]
use portcullis::Clock;
use portcullis::{CutoffStore, Target, Timestamp};
use portcullis_core::revocation::is_cut_off;
use portcullis_issuer::{IssuerError, IssuerErrorKind, delay_past, wait_past_cutoff_with};
use portcullis_testing::{TestClock, block_on};

/// Answers with these cutoffs one after the other, the last one over and over.
struct Script(Mutex<Vec<Result<Option<i64>, &'static str>>>);

impl Script {
    fn new(answers: &[Result<Option<i64>, &'static str>]) -> Self {
        Self(Mutex::new(answers.iter().rev().copied().collect()))
    }
}

impl CutoffStore for Script {
    type Error = &'static str;

    async fn cutoff(&self, target: &Target<'_>) -> Result<Option<Timestamp>, &'static str> {
        assert_eq!(*target, Target::subject("https://me.example", "bob"));
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop().unwrap() } else { answers[0] };
        answer.map(|millis| millis.map(Timestamp::from_millis))
    }
}

/// What came of waiting from this moment on, and how long was slept.
fn wait(
    now: i64,
    answers: &[Result<Option<i64>, &'static str>],
) -> (Result<(), IssuerError>, Duration) {
    let clock = TestClock::new(Timestamp::from_millis(now));
    let slept = Cell::new(Duration::ZERO);
    let sleep = |time| {
        slept.set(slept.get() + time);
        clock.advance(time);
        std::future::ready(())
    };
    let store = Script::new(answers);
    let waiting = wait_past_cutoff_with(&store, "https://me.example", "bob", &clock, sleep);
    (block_on(waiting), slept.get())
}

#[test]
fn the_delay_is_the_least_that_escapes_the_cutoff() {
    let nano = Duration::from_nanos(1);
    for cutoff in [-1_500, -1, 0, 1, 999, 1_000, 1_001, 7_500] {
        for offset in (-1_100..=1_100).step_by(50) {
            let (cutoff, now) =
                (Timestamp::from_millis(cutoff), Timestamp::from_millis(cutoff + offset));
            let iat = |time: Timestamp| Timestamp::from_secs(time.as_secs());
            let delay = delay_past(cutoff, now);
            assert!(!is_cut_off(iat(now.saturating_add(delay)), cutoff), "{cutoff} {now}");
            if let Some(less) = delay.checked_sub(nano) {
                assert!(is_cut_off(iat(now.saturating_add(less)), cutoff), "{cutoff} {now}");
            }
        }
    }
    assert_eq!(delay_past(Timestamp::MIN, Timestamp::MAX), Duration::ZERO);
    // the end of time is not to be escaped
    assert!(delay_past(Timestamp::MAX, Timestamp::UNIX_EPOCH) > Duration::from_secs(1));
}

#[test]
fn nobody_waits_who_need_not() {
    for answer in [None, Some(0), Some(6_999), Some(-5_000)] {
        let (result, slept) = wait(7_000, &[Ok(answer)]);
        assert!(result.is_ok());
        assert_eq!(slept, Duration::ZERO, "{answer:?}");
    }
}

#[test]
fn a_cutoff_in_this_second_is_waited_out() {
    for (now, cutoff, millis) in
        [(7_000, 7_000, 1_000), (7_400, 7_300, 600), (7_999, 7_000, 1), (7_100, 8_200, 1_900)]
    {
        let (result, slept) = wait(now, &[Ok(Some(cutoff))]);
        assert!(result.is_ok());
        assert_eq!(slept, Duration::from_millis(millis), "{now} {cutoff}");
    }
}

#[test]
fn a_newer_cutoff_that_appears_is_waited_out_too() {
    let (result, slept) = wait(7_400, &[Ok(Some(7_300)), Ok(Some(8_000)), Ok(Some(8_999))]);
    assert!(result.is_ok());
    assert_eq!(slept, Duration::from_millis(1_600));
}

#[test]
fn what_would_take_too_long_is_an_error() {
    // one that lies ahead, and one after the other without end
    let ahead = wait(7_000, &[Ok(Some(60_000))]);
    let endless: Vec<_> = (0..100).map(|at| Ok(Some(7_500 + at * 1_000))).collect();
    let endless = wait(7_000, &endless);
    for (result, slept) in [ahead, endless] {
        assert_eq!(result.unwrap_err().kind(), IssuerErrorKind::CutoffAhead);
        assert!(slept <= Duration::from_secs(5), "{slept:?}");
    }
}

#[test]
fn a_store_that_can_not_be_asked_is_an_outage() {
    for answers in [&[Err("down")][..], &[Ok(Some(7_000)), Err("down")]] {
        let (result, _) = wait(7_000, answers);
        let error = result.unwrap_err();
        assert_eq!(error.kind(), IssuerErrorKind::StoreUnavailable);
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "down");
    }
}

/// Tokio's clock as a time of day.
#[cfg(feature = "tokio")]
struct Paused(tokio::time::Instant);

#[cfg(feature = "tokio")]
impl Clock for Paused {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(7_400).saturating_add(self.elapsed())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn tokio_sleeps_as_long_as_it_takes() {
    let clock = Paused(tokio::time::Instant::now());
    let store = Script::new(&[Ok(Some(7_300))]);
    portcullis_issuer::wait_past_cutoff(&store, "https://me.example", "bob", &clock).await.unwrap();
    assert!(!is_cut_off(
        Timestamp::from_secs(clock.now().as_secs()),
        Timestamp::from_millis(7_300)
    ));
    assert!(clock.elapsed() < Duration::from_millis(610), "{:?}", clock.elapsed());
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn a_token_that_is_minted_after_the_wait_escapes_the_cutoff() {
    use portcullis::Algorithm;
    use portcullis_issuer::{SigningKey, TokenIssuer};

    let key = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let issuer = TokenIssuer::builder("https://me.example", key)
        .audience("api")
        .client_id("web")
        .clock(Paused(tokio::time::Instant::now()))
        .build()
        .unwrap();
    let cutoff = Timestamp::from_millis(7_300);
    let claims = serde_json::json!({"sub": "bob"});
    assert!(is_cut_off(issuer.mint(&claims).unwrap().issued_at(), cutoff));
    issuer.wait_past_cutoff(&Script::new(&[Ok(Some(7_300))]), "bob").await.unwrap();
    assert!(!is_cut_off(issuer.mint(&claims).unwrap().issued_at(), cutoff));
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn issuing_waits_by_itself_and_writes_the_generation_in_force() {
    use portcullis::{Algorithm, Entry, MemoryStore, Revoke, jws};
    use portcullis_issuer::{SigningKey, TokenIssuer};

    for target in [
        Target::subject("https://me.example", "bob"),
        Target::session("https://me.example", "s1"),
        Target::client("https://me.example", "web"),
        Target::issuer_wide("https://me.example"),
        Target::everything(),
    ] {
        let store = MemoryStore::new();
        let cutoff = Timestamp::from_millis(7_300);
        store.revoke(Entry::not_before(target, cutoff)).await.unwrap();
        let bob = Target::subject("https://me.example", "bob");
        store.revoke(Entry::min_generation(bob, 4)).await.unwrap();
        let issuer = TokenIssuer::builder(
            "https://me.example",
            SigningKey::generate(Algorithm::EdDSA).unwrap(),
        )
        .audience("api")
        .client_id("web")
        .cutoffs(store.clone())
        .generations(store.clone())
        .clock(Paused(tokio::time::Instant::now()))
        .build()
        .unwrap();
        // whether the issuer or the claims name the subject
        let claims = serde_json::json!({"sub": "bob", "sid": "s1"});
        let minted = issuer.token(&claims).issue().await.unwrap();
        assert!(!is_cut_off(minted.issued_at(), cutoff), "{target:?}");
        let read = jws::verify(minted.token(), &issuer.keys().verification_keys()).unwrap();
        let read: serde_json::Value = serde_json::from_slice(read.payload()).unwrap();
        assert_eq!(read["gen"], 4);

        // somebody else waits only for what is about everybody
        let started = tokio::time::Instant::now();
        let other = serde_json::json!({"sub": "eve", "sid": "s2", "client_id": "app"});
        let issuer = TokenIssuer::builder("https://me.example", issuer.keys().clone())
            .audience("api")
            .cutoffs(store)
            .clock(Paused(started))
            .build()
            .unwrap();
        issuer.token(&other).issue().await.unwrap();
        let everybody = target.id().is_empty();
        assert_eq!(started.elapsed() > Duration::ZERO, everybody, "{target:?}");
    }
}

#[test]
fn issuing_fails_where_the_cutoffs_can_not_be_asked() {
    use portcullis::Algorithm;
    use portcullis_issuer::{SigningKey, TokenIssuer};

    let issuer =
        TokenIssuer::builder("https://me.example", SigningKey::generate(Algorithm::EdDSA).unwrap())
            .audience("api")
            .client_id("web")
            .cutoffs(Script::new(&[Err("down")]))
            .build()
            .unwrap();
    let claims = serde_json::json!({"sub": "bob"});
    let never = |_| -> std::future::Ready<()> { unreachable!() };
    let error = block_on(issuer.token(&claims).issue_with(never)).unwrap_err();
    assert_eq!(error.kind(), IssuerErrorKind::StoreUnavailable);
    // without a subject there is nobody to ask about
    let claims = serde_json::json!({});
    let error = block_on(issuer.token(&claims).issue_with(never)).unwrap_err();
    assert_eq!(error.kind(), IssuerErrorKind::InvalidClaims);
}
