//! A token whose key is not known: the request waits for the source of the keys, and no other does.

use std::sync::{Arc, Mutex};

use portcullis::keys::{KeySet, KeySource, KeyWait, Seek, VerificationKey, WantedKey};
use portcullis::{
    Algorithm, BoxError, DenialReason, Issuer, JwtLayer, Keys, RejectionKind, Verifier,
};
use portcullis_testing::TestIssuer;
use tokio::sync::oneshot;
use tower::{Layer, Service, ServiceExt};

use crate::support::{Answer, Payroll, ask, bearer, is_pending, who_service};

/// Looks for a key until the test says what came of it.
struct Source(Mutex<Option<oneshot::Receiver<Result<(), &'static str>>>>);

impl KeySource for Source {
    fn check(&self) -> Result<(), BoxError> {
        Ok(())
    }

    fn seek(&self, _: &WantedKey<'_>) -> Seek {
        let answer = self.0.lock().unwrap().take().expect("sought once");
        Seek::Wait(KeyWait::new(async move { Ok(answer.await.expect("the test answers")?) }))
    }
}

struct Setup {
    issuer: TestIssuer,
    /// The set, without its source.
    keys: Keys,
    layer: JwtLayer<Payroll>,
    answer: oneshot::Sender<Result<(), &'static str>>,
}

fn setup() -> Setup {
    let issuer = TestIssuer::new(Algorithm::ES256);
    let keys = Keys::from(KeySet::default());
    let (answer, waiting) = oneshot::channel();
    let source = Arc::new(Source(Mutex::new(Some(waiting))));
    let trusted = Issuer::new(issuer.name())
        .audience(issuer.audience())
        .keys(keys.clone().with_source(source));
    let verifier = Verifier::builder().trust(trusted).clock(issuer.clock()).build().unwrap();
    Setup { issuer, keys, layer: JwtLayer::new(verifier), answer }
}

impl Setup {
    fn token(&self) -> String {
        self.issuer.token().subject("bob").roles(&[]).mint()
    }

    fn publish(&self) {
        self.keys.replace(KeySet::new([self.issuer.key().verification_key()]));
    }
}

#[tokio::test]
async fn a_request_waits_for_a_key_that_is_not_known() {
    let setup = setup();
    let mut service = setup.layer.layer(who_service());
    let mut waiting = Box::pin(service.ready().await.unwrap().call(bearer(&setup.token())));
    assert!(is_pending(&mut waiting).await);
    assert!(is_pending(&mut waiting).await);
    // requests that need no key are served meanwhile
    ask(&setup.layer, bearer("a.b.c")).await.assert_refused(RejectionKind::MalformedToken);

    setup.publish();
    setup.answer.send(Ok(())).unwrap();
    Answer::read(waiting.await.unwrap()).await.assert_from("bob");
}

#[tokio::test]
async fn a_key_that_does_not_turn_up_is_401_and_an_outage_503() {
    for (found, expected) in
        [(Ok(()), RejectionKind::UnknownKey), (Err("no answer"), RejectionKind::KeysUnavailable)]
    {
        let setup = setup();
        let request = bearer(&setup.token());
        setup.answer.send(found).unwrap();
        let answer = ask(&setup.layer, request).await;
        answer.assert_refused(expected);
        let is_outage = found.is_err();
        assert_eq!(answer.header("retry-after").is_some(), is_outage);
        assert_eq!(answer.header("www-authenticate").is_some(), !is_outage);
    }
}

#[tokio::test]
async fn what_is_no_credential_waits_for_no_key() {
    for (behind, expected) in [
        ("!", RejectionKind::MalformedCredential),
        (",", RejectionKind::MalformedCredential),
        (", Bearer a.b.c", RejectionKind::MultipleCredentials),
    ] {
        let setup = setup();
        let request = bearer(&format!("{}{behind}", setup.token()));
        // what whoever waited would be told
        setup.answer.send(Err("no answer")).unwrap();
        ask(&setup.layer, request).await.assert_refused(expected);
    }
}

#[tokio::test]
async fn a_token_whose_key_came_late_can_be_revoked_all_the_same() {
    let setup = setup();
    let request = bearer(&setup.token());
    let (slow, verdict) = crate::revocation::Slow::new();
    let layer = setup.layer.clone().with_revocation(slow.clone());
    let mut service = layer.layer(who_service());
    let mut waiting = Box::pin(service.ready().await.unwrap().call(request));
    assert!(is_pending(&mut waiting).await);
    assert_eq!(slow.asked(), 0);
    setup.publish();
    setup.answer.send(Ok(())).unwrap();
    verdict.send(DenialReason::Denylisted.into()).unwrap();
    Answer::read(waiting.await.unwrap()).await.assert_refused(RejectionKind::Revoked);
    assert_eq!(slow.asked(), 1);
}

/// Has the key as soon as it is asked for it, and then says that there is nothing to fetch: what a request meets
/// when another one's fetch ends at the wrong moment.
struct Came(Keys, VerificationKey);

impl KeySource for Came {
    fn check(&self) -> Result<(), BoxError> {
        Ok(())
    }

    fn seek(&self, _: &WantedKey<'_>) -> Seek {
        self.0.replace(KeySet::new([self.1.clone()]));
        Seek::NotThere
    }
}

#[tokio::test]
async fn a_key_that_comes_while_its_token_is_looked_at_is_not_missed() {
    let issuer = TestIssuer::new(Algorithm::ES256);
    let keys = Keys::from(KeySet::default());
    let source = Arc::new(Came(keys.clone(), issuer.key().verification_key()));
    let trusted =
        Issuer::new(issuer.name()).audience(issuer.audience()).keys(keys.with_source(source));
    let verifier = Verifier::builder().trust(trusted).clock(issuer.clock()).build().unwrap();
    let request = bearer(&issuer.token().subject("bob").roles(&[]).mint());
    ask(&JwtLayer::<Payroll>::new(verifier), request).await.assert_from("bob");
}
