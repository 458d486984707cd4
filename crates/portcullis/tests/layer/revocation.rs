//! Rules of revocation behind the layer: from memory, awaited, denied, out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use portcullis::{DenialReason, Outage, RejectionKind, Revocation, TokenView, Verdict, Verified};
use tokio::sync::oneshot;
use tower::{Layer, Service, ServiceExt};

use crate::support::{Answer, Payroll, ask, bearer, bob, layer, who_service};

/// Says the same of every token, from memory.
#[derive(Clone, Debug)]
pub(crate) struct Fixed(Verdict);

impl Fixed {
    pub(crate) fn out() -> Self {
        Self(Verdict::Unavailable(Outage::new("denylist", "connection\nrefused")))
    }

    fn denied() -> Self {
        Self(DenialReason::Denylisted.into())
    }
}

impl Revocation for Fixed {
    fn peek(&self, _: &TokenView<'_>) -> Option<Verdict> {
        Some(self.0.clone())
    }

    async fn check(&self, _: &TokenView<'_>) -> Verdict {
        panic!("memory knew the answer");
    }
}

/// Has to be awaited, and answers when the test says so.
#[derive(Clone, Debug)]
pub(crate) struct Slow(Arc<SlowInner>);

#[derive(Debug)]
struct SlowInner {
    answer: Mutex<Option<oneshot::Receiver<Verdict>>>,
    asked: AtomicUsize,
    subject: Mutex<Option<String>>,
}

impl Slow {
    pub(crate) fn new() -> (Self, oneshot::Sender<Verdict>) {
        let (sender, receiver) = oneshot::channel();
        let inner = SlowInner {
            answer: Mutex::new(Some(receiver)),
            asked: AtomicUsize::new(0),
            subject: Mutex::default(),
        };
        (Self(Arc::new(inner)), sender)
    }

    pub(crate) fn asked(&self) -> usize {
        self.0.asked.load(Ordering::Relaxed)
    }
}

impl Revocation for Slow {
    fn peek(&self, _: &TokenView<'_>) -> Option<Verdict> {
        None
    }

    async fn check(&self, token: &TokenView<'_>) -> Verdict {
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        *self.0.subject.lock().unwrap() =
            token.target(portcullis::TargetKind::Subject).map(|t| t.id().to_owned());
        let answer = self.0.answer.lock().unwrap().take().expect("asked once");
        answer.await.expect("the test answers")
    }
}

/// The answer to bob when an awaited rule says this.
async fn awaited(verdict: Verdict) -> Answer {
    let (slow, answer) = Slow::new();
    let mut service = layer().with_revocation(slow.clone()).layer(who_service());
    let mut future = Box::pin(service.ready().await.unwrap().call(bearer(&bob())));
    assert!(crate::support::is_pending(&mut future).await);
    assert!(crate::support::is_pending(&mut future).await);
    answer.send(verdict).unwrap();
    let answer = Answer::read(future.await.unwrap()).await;
    assert_eq!(slow.asked(), 1);
    assert_eq!(slow.0.subject.lock().unwrap().as_deref(), Some("bob"));
    answer
}

#[tokio::test]
async fn a_verdict_from_memory_is_not_awaited() {
    let pass = layer().with_revocation(Fixed(Verdict::Allowed));
    ask(&pass, bearer(&bob())).await.assert_from("bob");
    let denied = layer().with_revocation(Fixed::denied());
    ask(&denied, bearer(&bob())).await.assert_refused(RejectionKind::Revoked);
    let out = layer().with_revocation(Fixed::out());
    ask(&out, bearer(&bob())).await.assert_refused(RejectionKind::RevocationUnavailable);
}

#[tokio::test]
async fn a_store_is_awaited_and_its_verdict_counts() {
    awaited(Verdict::Allowed).await.assert_from("bob");
    let denied = awaited(DenialReason::Denylisted.into()).await;
    denied.assert_refused(RejectionKind::Revoked);
    assert_eq!(
        denied.header("www-authenticate"),
        Some(
            r#"Bearer realm="api", error="invalid_token", error_description="the token was revoked""#
        )
    );
    let out = awaited(Verdict::Unavailable(Outage::new("denylist", "down"))).await;
    out.assert_refused(RejectionKind::RevocationUnavailable);
    assert_eq!(out.header("retry-after"), Some("5"));
    assert_eq!(out.header("www-authenticate"), None);
}

#[tokio::test]
async fn what_was_in_the_request_is_still_there_after_waiting() {
    #[derive(Clone)]
    struct RequestId(u32);

    let (slow, answer) = Slow::new();
    answer.send(Verdict::AllowedUnchecked(Outage::new("denylist", "down"))).unwrap();
    let service = tower::service_fn(|request: http::Request<crate::support::Body>| async move {
        let caller = Verified::<Payroll>::from_extensions(request.extensions()).unwrap();
        assert_eq!(Verified::unchecked(caller).unwrap().rule(), "denylist");
        let RequestId(id) = request.extensions().get().unwrap();
        Ok::<_, std::convert::Infallible>(http::Response::new(crate::support::Body::from(format!(
            "{id} {}",
            request.uri()
        ))))
    });
    let mut request = bearer(&bob());
    request.extensions_mut().insert(RequestId(7));
    let service = layer().with_revocation(slow).layer(service);
    let answer = Answer::read(service.oneshot(request).await.unwrap()).await;
    answer.assert_from("7 /");
}

#[tokio::test]
async fn a_bad_token_is_not_asked_about() {
    let (slow, _answer) = Slow::new();
    let layer = layer().with_revocation(slow.clone());
    ask(&layer, bearer("a.b.c")).await.assert_refused(RejectionKind::MalformedToken);
    assert_eq!(slow.asked(), 0);
}

#[cfg(feature = "tokio")]
#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_an_outage() {
    use std::time::Duration;

    use portcullis::Timeout;

    let (slow, _never) = Slow::new();
    let layer = layer().with_revocation(Timeout::new(slow, Duration::from_secs(2)));
    let answer = ask(&layer, bearer(&bob())).await;
    answer.assert_refused(RejectionKind::RevocationUnavailable);
    let cause = std::error::Error::source(&answer.rejection.unwrap())
        .unwrap()
        .source()
        .unwrap()
        .to_string();
    assert_eq!(cause, "no answer within 2s");

    let (slow, answer) = Slow::new();
    answer.send(Verdict::Allowed).unwrap();
    let layer = crate::support::layer().with_revocation(Timeout::new(slow, Duration::from_secs(2)));
    ask(&layer, bearer(&bob())).await.assert_from("bob");
    let known = Timeout::new(Fixed::denied(), Duration::from_secs(2));
    let layer = crate::support::layer().with_revocation(known);
    ask(&layer, bearer(&bob())).await.assert_refused(RejectionKind::Revoked);
}
