//! The token endpoint: who gets a token, and the exact error of who gets none.

mod setup;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fs;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use http_body::Frame;
use http_body_util::Full;
use portcullis::{Algorithm, BoxError, Issuer, Timestamp, Verified, Verifier};
use portcullis_core::{AccessClaims, CutoffStore, Target};
use portcullis_issuer::token_endpoint::{
    ClientDirectory, MemoryReplayStore, ReplayStore, TokenEndpoint, TokenEndpointBuilder,
};
use portcullis_issuer::{SigningKey, TokenIssuer};
use serde_json::{Value, json};
use tower_service::Service as _;

use crate::log::Log;
use setup::{API, Answer, CLIENT_ASSERTION, ISSUER, JWT_BEARER, NOW, Setup, request};

#[tokio::test]
async fn a_client_that_proves_itself_gets_a_token_by_either_grant() {
    let setup = Setup::new();
    let issuer = Issuer::new(ISSUER)
        .audience(API)
        .keys(setup.keys.verification_keys())
        .access_token_profile();
    let verifier = Verifier::builder()
        .trust(issuer)
        .clock(setup.clock.clone())
        .build::<AccessClaims>()
        .unwrap();
    for answer in [
        setup.authenticate(&setup.assertion(json!({}))).await,
        setup.authenticate(&setup.typed("client-authentication+jwt", json!({}))).await,
        setup.authenticate(&setup.assertion(json!({ "aud": [ISSUER] }))).await,
        setup.grant(&setup.assertion(json!({}))).await,
    ] {
        let token = verifier.verify(answer.expect_token()).unwrap().without_revocation();
        assert_eq!(Verified::subject(&token), Some("nightly"));
        assert_eq!(Verified::client(&token), Some("nightly"));
        assert_eq!(Verified::expires_at(&token), Some(Timestamp::from_secs(NOW + 3600)));
        assert_eq!(token.scopes(), ["read", "write"]);
        assert_eq!(answer.value()["scope"], "read write");
    }
}

#[tokio::test]
async fn an_assertion_works_once_for_as_long_as_it_is_good() {
    let setup = Setup::new();
    let assertion = setup.assertion(json!({}));
    setup.authenticate(&assertion).await.expect_token();
    setup.authenticate(&assertion).await.expect(401, "invalid_client", "used before");
    setup.grant(&assertion).await.expect(400, "invalid_grant", "used before");
    // to the last moment of the leeway
    setup.clock.advance(Duration::from_millis(359_999));
    setup.authenticate(&assertion).await.expect(401, "invalid_client", "used before");
    setup.clock.advance(Duration::from_millis(1));
    setup.authenticate(&assertion).await.expect(401, "invalid_client", "expired");
}

#[tokio::test]
async fn what_one_client_has_used_up_another_may_use() {
    let setup = Setup::new();
    fs::copy(setup.clients.path().join("nightly.pem"), setup.clients.path().join("other.pem"))
        .unwrap();
    for client in ["nightly", "other"] {
        let assertion = setup.assertion(json!({ "iss": client, "sub": client, "jti": "one" }));
        setup.authenticate(&assertion).await.expect_token();
        setup.authenticate(&assertion).await.expect(401, "invalid_client", "used before");
    }
}

#[tokio::test]
async fn algorithms_and_clocks_are_those_that_were_set() {
    let key = SigningKey::generate(Algorithm::ES512).unwrap();
    let pem = key.public_pem().unwrap();
    let setup = Setup { key: key.clone(), ..Setup::new() };
    fs::write(setup.clients.path().join("nightly.pem"), &pem).unwrap();
    // who registered such a key has made a mistake, and not the client
    let answer = setup.authenticate(&setup.assertion(json!({}))).await;
    answer.expect(503, "temporarily_unavailable", "again");
    let builder = Setup::with(|builder| {
        builder.algorithms([Algorithm::ES512]).leeway(Duration::from_secs(5))
    });
    let setup = Setup { key, ..builder };
    fs::write(setup.clients.path().join("nightly.pem"), pem).unwrap();
    setup.authenticate(&setup.assertion(json!({ "exp": NOW - 4 }))).await.expect_token();
    setup.refused(json!({ "exp": NOW - 5 }), "expired").await;
    setup.refused(json!({ "exp": NOW + 306 }), "lives too long").await;
}

#[tokio::test]
async fn an_assertion_that_was_refused_is_not_used_up() {
    let setup = Setup::new();
    let good = setup.assertion(json!({ "jti": "one" }));
    setup.refused(json!({ "jti": "one", "aud": "https://elsewhere.example" }), "audience").await;
    setup.authenticate(&good).await.expect_token();
}

#[tokio::test]
async fn each_rule_of_an_assertion_has_its_refusal() {
    let setup = Setup::new();
    // five minutes, and one of leeway
    setup.authenticate(&setup.assertion(json!({ "exp": NOW + 360 }))).await.expect_token();
    setup.refused(json!({ "exp": NOW + 361 }), "lives too long").await;
    setup.refused(json!({ "exp": NOW - 60 }), "expired").await;
    setup.refused(json!({ "exp": null }), "missing").await;
    setup.refused(json!({ "nbf": NOW + 61 }), "not valid yet").await;
    setup.refused(json!({ "jti": null }), "missing").await;
    setup.refused(json!({ "jti": "" }), "jti").await;
    setup.refused(json!({ "jti": "x".repeat(257) }), "jti").await;
    setup.authenticate(&setup.assertion(json!({ "jti": "x".repeat(256) }))).await.expect_token();
    setup.refused(json!({ "sub": null }), "").await;
    setup.refused(json!({ "aud": null }), "").await;
    setup.refused(json!({ "aud": "https://elsewhere.example" }), "audience").await;
    setup.refused(json!({ "aud": [] }), "").await;
    // the URL of the endpoint is not its name, and nobody else may be named beside it
    setup.refused(json!({ "aud": "https://id.example/token" }), "audience").await;
    setup.refused(json!({ "aud": [ISSUER, "https://elsewhere.example"] }), "alone").await;
    setup.refused(json!({ "aud": [ISSUER, ISSUER] }), "alone").await;
    setup.refused(json!({ "iss": "stranger", "sub": "stranger" }), "not known").await;
    setup.refused(json!({ "iss": "../nightly", "sub": "../nightly" }), "not known").await;
    setup.refused(json!({ "iss": null }), "iss").await;
    setup.refused(json!({ "iss": 7 }), "iss").await;

    let access_token = setup.typed("at+jwt", json!({}));
    setup.authenticate(&access_token).await.expect(401, "invalid_client", "type");
    // an assertion that says who one is does not ask for a token
    let authentication = setup.typed("client-authentication+jwt", json!({}));
    setup.grant(&authentication).await.expect(400, "invalid_grant", "type");
    setup.grant(&setup.typed("at+jwt", json!({}))).await.expect(400, "invalid_grant", "type");
    setup.authenticate(&setup.untyped(json!({}))).await.expect_token();
    for malformed in ["x", "a.b.c", "..", "e30.e30.e30"] {
        setup.authenticate(malformed).await.expect(401, "invalid_client", "");
    }
}

#[tokio::test]
async fn only_the_key_of_the_client_signs_for_it() {
    let setup = Setup::new();
    let other = SigningKey::generate(Algorithm::ES256).unwrap();
    fs::write(setup.clients.path().join("other.pem"), other.public_pem().unwrap()).unwrap();
    let forged = Setup { key: other, ..Setup::new() }.assertion(json!({}));
    setup.authenticate(&forged).await.expect(401, "invalid_client", "signature");
    let none = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJuaWdodGx5In0.";
    setup.authenticate(none).await.expect(401, "invalid_client", "algorithm");
}

#[tokio::test]
async fn a_client_acts_for_itself_unless_it_may_act_for_others() {
    let setup = Setup::new();
    let for_bob = json!({ "sub": "bob" });
    let assertion = setup.assertion(for_bob.clone());
    setup.authenticate(&assertion).await.expect(401, "invalid_client", "a value");
    setup.grant(&assertion).await.expect(400, "invalid_grant", "act for");

    let setup = Setup::with(|b| b.acts_for(|client, sub| (client, sub) == ("nightly", "bob")));
    let token = setup.grant(&setup.assertion(for_bob)).await.expect_token();
    let read = portcullis::jws::verify(&token, &setup.keys.verification_keys()).unwrap();
    let claims: Value = serde_json::from_slice(read.payload()).unwrap();
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("bob"), &json!("nightly")));
    let itself = setup.assertion(json!({}));
    setup.grant(&itself).await.expect(400, "invalid_grant", "act for");
}

#[tokio::test]
async fn a_client_that_authenticates_beside_its_grant_is_the_one_that_signed_it() {
    let setup = Setup::new();
    let other = Setup::new();
    fs::write(setup.clients.path().join("other.pem"), other.key.public_pem().unwrap()).unwrap();
    let send = async |authentication: &str, grant: &str| {
        setup
            .post(&[
                ("grant_type", JWT_BEARER),
                ("assertion", grant),
                ("client_assertion_type", CLIENT_ASSERTION),
                ("client_assertion", authentication),
            ])
            .await
    };
    let mine = || setup.assertion(json!({}));
    send(&mine(), &mine()).await.expect_token();
    let theirs = other.assertion(json!({ "iss": "other", "sub": "other" }));
    send(&theirs, &mine()).await.expect(400, "invalid_grant", "another client");
    send("x", &mine()).await.expect(401, "invalid_client", "");

    // or names itself
    let named = async |client: &str| {
        let grant = ("grant_type", JWT_BEARER);
        setup.post(&[grant, ("assertion", &mine()), ("client_id", client)]).await
    };
    named("nightly").await.expect_token();
    named("other").await.expect(400, "invalid_grant", "client_id names another");
}

/// Cutoffs that can't be asked, and one that is further ahead than anybody waits.
struct Cutoffs(Option<i64>);

impl CutoffStore for Cutoffs {
    type Error = std::io::Error;

    async fn cutoff(&self, _: &Target<'_>) -> Result<Option<Timestamp>, std::io::Error> {
        let ahead = self.0.ok_or_else(|| std::io::Error::other("down"))?;
        Ok(Some(Timestamp::from_secs(ahead)))
    }
}

#[tokio::test]
async fn cutoffs_that_keep_tokens_from_being_minted_are_an_outage() {
    for cutoffs in [Cutoffs(None), Cutoffs(Some(NOW + 3600))] {
        let setup = Setup::new();
        let issuer = TokenIssuer::builder(ISSUER, setup.keys.clone())
            .audience(API)
            .clock(setup.clock.clone())
            .cutoffs(cutoffs)
            .build()
            .unwrap();
        let clients = ClientDirectory::new(setup.clients.path());
        let setup =
            Setup { endpoint: TokenEndpoint::builder(issuer, clients).build().unwrap(), ..setup };
        let answer = setup.authenticate(&setup.assertion(json!({}))).await;
        answer.expect(503, "temporarily_unavailable", "again");
    }
}

#[tokio::test]
async fn a_refusal_is_logged_with_its_reason_and_without_the_assertion() {
    let log = Log::default();
    let setup = Setup::new();
    let assertion = setup.assertion(json!({ "jti": "" }));
    let logging = tracing::subscriber::set_default(log.subscriber());
    setup.authenticate(&assertion).await.expect(401, "invalid_client", "jti");
    drop(logging);
    let text = log.text();
    for part in ["no token", "status=401", "invalid_client", "the jti of the assertion is empty"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains(&assertion), "{text}");
}

#[tokio::test]
async fn scopes_are_granted_as_asked_or_not_at_all() {
    let setup = Setup::new();
    let ask = async |scope: &str| {
        let assertion = setup.assertion(json!({}));
        setup.post(&[("grant_type", JWT_BEARER), ("assertion", &assertion), ("scope", scope)]).await
    };
    assert_eq!(ask("write").await.value()["scope"], "write");
    assert_eq!(ask("").await.value()["scope"], "read write");
    for bad in ["admin", "read admin", "read  write", " read", "READ"] {
        ask(bad).await.expect(400, "invalid_scope", "scope");
    }
}

#[tokio::test]
async fn a_request_that_is_none_is_told_why() {
    let setup = Setup::new();
    let post = async |parameters: &[(&str, &str)]| setup.post(parameters).await;
    post(&[]).await.expect(400, "invalid_request", "grant_type");
    post(&[("grant_type", "")]).await.expect(400, "invalid_request", "grant_type");
    for other in ["password", "authorization_code", "CLIENT_CREDENTIALS"] {
        post(&[("grant_type", other)]).await.expect(400, "unsupported_grant_type", "grants are");
    }
    let credentials = ("grant_type", "client_credentials");
    post(&[credentials, credentials]).await.expect(400, "invalid_request", "twice");
    post(&[credentials]).await.expect(401, "invalid_client", "client_assertion is missing");
    post(&[("grant_type", JWT_BEARER)]).await.expect(
        400,
        "invalid_request",
        "assertion is missing",
    );
    let assertion = setup.assertion(json!({}));
    let by = ("client_assertion", &*assertion);
    post(&[credentials, by]).await.expect(400, "invalid_request", "go together");
    let typed = ("client_assertion_type", CLIENT_ASSERTION);
    post(&[credentials, typed]).await.expect(400, "invalid_request", "go together");
    let saml =
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer");
    post(&[credentials, by, saml]).await.expect(401, "invalid_client", "not supported");
    let secret = ("client_secret", "x");
    post(&[credentials, by, typed, secret]).await.expect(401, "invalid_client", "secrets");
    let other = ("client_id", "other");
    post(&[credentials, by, typed, other]).await.expect(401, "invalid_client", "another client");
}

/// A body that comes in several frames.
struct Parts(VecDeque<Vec<u8>>);

impl http_body::Body for Parts {
    type Data = bytes::Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<bytes::Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|part| Ok(Frame::data(part.into()))))
    }
}

#[tokio::test]
async fn what_is_no_form_is_not_read() {
    let setup = Setup::new();
    let empty = || Full::from("");
    let get = Request::get("/token").body(empty()).unwrap();
    let answer = setup.send(get).await;
    answer.expect(405, "invalid_request", "POST");
    assert_eq!(answer.0.headers()["allow"], "POST");
    let json = Request::post("/token").header("content-type", "application/json");
    setup.send(json.body(empty()).unwrap()).await.expect(400, "invalid_request", "form");
    let twice = request().header("content-type", "application/json").body(empty()).unwrap();
    setup.send(twice).await.expect(400, "invalid_request", "form");
    let type_and_more = "Application/X-WWW-Form-Urlencoded; charset=UTF-8";
    let form = Request::post("/token").header("content-type", type_and_more);
    setup.send(form.body(empty()).unwrap()).await.expect(400, "invalid_request", "grant_type");
    let large = request().body(Full::from("x".repeat(32 * 1024 + 1))).unwrap();
    setup.send(large).await.expect(413, "invalid_request", "too large");
    let at_most = request().body(Full::from("x".repeat(32 * 1024))).unwrap();
    setup.send(at_most).await.expect(400, "invalid_request", "grant_type");
    // in parts that are short, each for itself
    let parts = [vec![b'x'; 20 * 1024], vec![b'x'; 20 * 1024]];
    let mut endpoint = setup.endpoint.clone();
    let answer = endpoint.call(request().body(Parts(parts.into())).unwrap()).await.unwrap();
    Answer(answer).expect(413, "invalid_request", "too large");
    // RFC 6749 §5.2: the scheme that the client used
    for (scheme, challenge) in [("Basic eDp5", "Basic"), ("Bearer x", "private_key_jwt")] {
        let basic = request().header("authorization", scheme).body(empty()).unwrap();
        let answer = setup.send(basic).await;
        answer.expect(401, "invalid_client", "header");
        assert_eq!(answer.0.headers()["www-authenticate"], challenge);
    }
}

#[tokio::test]
async fn clients_come_and_go_with_their_files() {
    let setup = Setup::new();
    let file = setup.clients.path().join("nightly.pem");
    let aside = setup.clients.path().join("nightly.pem.revoked");
    fs::rename(&file, &aside).unwrap();
    setup.refused(json!({}), "not known").await;
    fs::rename(&aside, &file).unwrap();
    setup.authenticate(&setup.assertion(json!({}))).await.expect_token();
    // a file elsewhere makes nobody a client
    fs::create_dir(setup.clients.path().join("old")).unwrap();
    fs::copy(&file, setup.clients.path().join("old/nightly.pem")).unwrap();
    setup.refused(json!({ "iss": "old/nightly", "sub": "old/nightly" }), "not known").await;
    // another key in its place
    let next = SigningKey::generate(Algorithm::RS256).unwrap();
    fs::write(&file, next.public_pem().unwrap()).unwrap();
    setup.refused(json!({}), "").await;
    // and both, as a JWK beside it, or as a set, which may be long
    let jwk = setup.key.public_jwk().unwrap();
    let single = setup.clients.path().join("nightly.jwk");
    fs::write(&single, &jwk).unwrap();
    setup.authenticate(&setup.assertion(json!({}))).await.expect_token();
    fs::remove_file(single).unwrap();
    let set = format!(r#"{{"keys":[{jwk}]}}"#);
    let padded = |length| set.clone() + &" ".repeat(length - set.len());
    let several = setup.clients.path().join("nightly.jwks");
    fs::write(&several, padded(64 * 1024 + 1)).unwrap();
    let answer = setup.authenticate(&setup.assertion(json!({}))).await;
    answer.expect(503, "temporarily_unavailable", "again");
    fs::write(several, padded(64 * 1024)).unwrap();
    setup.authenticate(&setup.assertion(json!({}))).await.expect_token();
    let setup = Setup { key: next, ..setup };
    setup.authenticate(&setup.assertion(json!({}))).await.expect_token();
}

#[tokio::test]
async fn a_registry_that_cannot_answer_is_an_outage_and_no_refusal() {
    let setup = Setup::new();
    let file = setup.clients.path().join("nightly.pem");
    let private = setup.key.to_pem().unwrap();
    let private: &[u8] = private.as_ref();
    for bad in [b"no key", private, b"", &vec![b' '; 64 * 1024 + 1]] {
        fs::write(&file, bad).unwrap();
        let answer = setup.authenticate(&setup.assertion(json!({}))).await;
        answer.expect(503, "temporarily_unavailable", "again");
    }
    // with a secret, whoever reads the directory could be the client
    fs::write(&file, setup.key.public_pem().unwrap()).unwrap();
    let secret = setup.clients.path().join("nightly.jwk");
    fs::write(&secret, format!(r#"{{"kty":"oct","alg":"HS256","k":"{}Zm9v"}}"#, "AbCd".repeat(10)))
        .unwrap();
    let answer = setup.authenticate(&setup.assertion(json!({}))).await;
    answer.expect(503, "temporarily_unavailable", "again");
    fs::remove_file(secret).unwrap();
    setup.authenticate(&setup.assertion(json!({}))).await.expect_token();
    let gone = setup.clients.path().to_owned();
    fs::remove_dir_all(&gone).unwrap();
    let answer = setup.grant(&setup.assertion(json!({}))).await;
    answer.expect(503, "temporarily_unavailable", "again");
}

#[tokio::test]
async fn an_audience_that_was_accepted_by_name_works_alone() {
    let url = "https://id.example/token";
    let setup = Setup::with(|builder| builder.accept_audience(url));
    setup.authenticate(&setup.assertion(json!({ "aud": url }))).await.expect_token();
    setup.refused(json!({ "aud": [url, ISSUER] }), "alone").await;
}

#[tokio::test]
async fn the_store_of_used_assertions_forgets_nothing_that_is_still_good() {
    let store = MemoryReplayStore::with_capacity(2);
    let (now, until) = (Timestamp::from_secs(NOW), Timestamp::from_secs(NOW + 10));
    let first = async |client: &str, jti: &str, now| -> Result<bool, BoxError> {
        store.first_use(client, jti, until, now).await
    };
    assert!(first("a", "bc", now).await.unwrap());
    assert!(first("ab", "c", now).await.unwrap());
    assert!(!first("a", "bc", now).await.unwrap());
    // full: neither a yes nor a no
    assert!(first("a", "d", now).await.is_err());
    let later = Timestamp::from_secs(NOW + 11);
    assert!(first("a", "d", later).await.unwrap());
}

#[test]
fn settings_that_make_no_sense_fail_at_build() {
    let build = |set: fn(
        TokenEndpointBuilder<ClientDirectory>,
    ) -> TokenEndpointBuilder<ClientDirectory>| {
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let issuer = TokenIssuer::builder(ISSUER, key).audience(API).build().unwrap();
        let builder = TokenEndpoint::builder(issuer, ClientDirectory::new("clients"));
        set(builder).build().unwrap_err().to_string()
    };
    assert!(build(|b| b.algorithms([])).contains("algorithms"));
    assert!(build(|b| b.algorithms([Algorithm::HS256])).contains("algorithms"));
    assert!(build(|b| b.accept_audience("")).contains("accept_audience"));
    assert!(build(|b| b.max_lifetime(Duration::ZERO)).contains("max_lifetime"));
    assert!(build(|b| b.max_lifetime(Duration::from_secs(3601))).contains("max_lifetime"));
    drop(Setup::with(|builder| builder.max_lifetime(Duration::from_secs(3600))));
}
