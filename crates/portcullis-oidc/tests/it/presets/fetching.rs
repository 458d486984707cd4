//! Presets whose keys are fetched: from where they say, and from nowhere that a token says.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use portcullis::{AccessClaims, Algorithm, RejectionKind, Verifier};
use portcullis_oidc::presets;
use portcullis_oidc::{Fetch, FetchErrorKind, Refresher, RemoteKeys};
use portcullis_testing::TestIssuer;

use super::cases::{ARN, cases};
use super::{good, read, signer};
use crate::support::soon;

/// A network in which these documents are at these addresses, and nothing ever answers elsewhere.
#[derive(Default)]
struct Network {
    documents: HashMap<String, String>,
    asked: Mutex<Vec<String>>,
}

impl Network {
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The test holds one as well.
struct Client(Arc<Network>);

impl Fetch for Client {
    type Body = String;
    type Error = Infallible;

    async fn fetch(&self, request: Request<()>) -> Result<Response<String>, Infallible> {
        let url = request.uri().to_string();
        let document = self.0.documents.get(&url).cloned();
        self.0.asked.lock().unwrap().push(url);
        match document {
            Some(document) => Ok(Response::new(document)),
            None => std::future::pending().await,
        }
    }
}

fn network(documents: impl IntoIterator<Item = (String, String)>) -> (Arc<Network>, Refresher) {
    let documents = documents.into_iter().collect();
    let network = Arc::new(Network { documents, ..Network::default() });
    let refresher = Refresher::spawn(Client(Arc::clone(&network)));
    (network, refresher)
}

fn jwk_set(signer: &TestIssuer) -> String {
    format!(r#"{{"keys":[{}]}}"#, signer.key().public_jwk().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hanging_keys_of_one_account_are_nobody_elses() {
    let (a, b) = ("a@p.iam.gserviceaccount.com", "b@p.iam.gserviceaccount.com");
    let signer = TestIssuer::new(Algorithm::RS256);
    let at = |email: &str| {
        format!("https://www.googleapis.com/service_accounts/v1/metadata/jwk/{email}")
    };
    let (network, refresher) = network([(at(a), jwk_set(&signer))]);
    let issuers = presets::google_service_accounts([a, b])
        .audience("https://payroll.example.com/")
        .may_assert_nothing()
        .add_to(&refresher)
        .unwrap();
    let verifier = Verifier::builder().trust_all(issuers).clock(signer.clock());
    let verifier = verifier.build::<AccessClaims>().unwrap();
    let of = |email: &str| {
        let aud = "https://payroll.example.com/";
        signer.token().claim("iss", email).claim("sub", email).claim("aud", aud).mint()
    };
    // its keys are on their way from the start, and until they are there nothing waits for them
    let there = async {
        while let Err(refused) = verifier.verify_async(of(a)).await {
            assert_eq!(refused.kind(), RejectionKind::KeysUnavailable, "{refused}");
            tokio::task::yield_now().await;
        }
    };
    soon(there).await;
    let refused = verifier.verify(of(b)).unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::KeysUnavailable, "{refused}");
    verifier.verify(of(a)).unwrap();
    // an account that is not listed has its keys fetched from nowhere
    let stranger = verifier.verify_async(of("c@p.iam.gserviceaccount.com")).await.unwrap_err();
    assert_eq!(stranger.kind(), RejectionKind::UntrustedIssuer);
    assert!(
        network.asked().iter().all(|url| *url == at(a) || *url == at(b)),
        "{:?}",
        network.asked()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_load_balancer_is_fetched_by_a_uuid_and_by_nothing_else() {
    let case = cases().into_iter().find(|case| case.name == "aws_alb").unwrap();
    let shape = read(&case);
    let kid = "0a1b2c3d-0000-4111-8222-abcdefabcdef";
    let signer = signer(&shape);
    let signer = signer.clone().with_key(signer.key().clone().with_key_id(kid));
    let at = format!("https://public-keys.auth.elb.eu-west-1.amazonaws.com/{kid}");
    let (network, refresher) = network([(at.clone(), signer.key().public_pem().unwrap())]);
    let alb = presets::aws_alb(ARN, "https://idp.example.com", "1example23456789");
    let issuer = alb.add_to(&refresher).unwrap();
    let verifier = Verifier::builder().trust(issuer).clock(signer.clock());
    let verifier = verifier.build::<AccessClaims>().unwrap();
    for kid in ["../evil", "0a1b2c3d-0000-4111-8222-abcdefabcde/", "evil.example/x", ""] {
        let named = signer.clone().with_key(signer.key().clone().with_key_id(kid));
        let token = good(&case, &shape, &named);
        let refused = verifier.verify_async_from(&case.place, token).await.unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::UnknownKey, "{kid}: {refused}");
    }
    assert_eq!(network.asked(), Vec::<String>::new());
    let token = good(&case, &shape, &signer);
    verifier.verify_async_from(&case.place, &token).await.unwrap();
    assert_eq!(network.asked(), [at]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_health_check_sees_the_keys_of_every_preset_that_is_held() {
    let signer = TestIssuer::new(Algorithm::RS256);
    let at = "https://tenant.eu.auth0.com/.well-known/jwks.json".to_owned();
    let (network, refresher) = network([(at.clone(), jwk_set(&signer))]);
    assert!(refresher.remote_keys().is_empty());
    let auth0 = presets::auth0("tenant.eu.auth0.com").audience("a").add_to(&refresher).unwrap();
    let okta = presets::okta("https://d.okta.com/oauth2/x").audience("a");
    let hanging = okta.add_to(&refresher).unwrap();
    let shown = |keys: &RemoteKeys| (keys.status().address().to_owned(), keys.status().is_ready());
    let keys = refresher.remote_keys();
    soon(keys[0].ready()).await.unwrap();
    let okta = "https://d.okta.com/oauth2/x/v1/keys".to_owned();
    assert_eq!(keys.iter().map(shown).collect::<Vec<_>>(), [(at.clone(), true), (okta, false)]);
    drop((keys, hanging));
    held(&refresher, 1).await;
    assert_eq!(refresher.remote_keys().iter().map(shown).collect::<Vec<_>>(), [(at, true)]);
    // those that come and go leave nothing behind
    for n in 0..1_000 {
        let okta = presets::okta(&format!("https://d.okta.com/oauth2/{n}")).audience("a");
        drop(okta.add_to(&refresher).unwrap());
    }
    held(&refresher, 1).await;
    refresher.shutdown();
    let keys = refresher.remote_keys().remove(0);
    let stopped = soon(keys.refresh()).await.unwrap_err();
    assert_eq!(stopped.kind(), FetchErrorKind::Stopped);
    drop((auth0, keys));
    held(&refresher, 0).await;
    assert!(network.asked().len() >= 2);
}

/// The task may hold one for as long as it looks at it.
async fn held(refresher: &Refresher, number: usize) {
    let so_many = async {
        while refresher.remote_keys().len() != number {
            tokio::task::yield_now().await;
        }
    };
    soon(so_many).await;
}

#[test]
fn nobody_is_trusted_by_an_empty_list() {
    let (refresher, _driver) = Refresher::new(Client(Arc::default()));
    let error = presets::google_service_accounts(Vec::<String>::new()).add_to(&refresher);
    assert!(error.unwrap_err().to_string().contains("the list is empty"));
}
