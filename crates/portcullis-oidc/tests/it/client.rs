//! The default client: whose certificates it believes, where it sends a token, and what it does not do.

use std::error::Error as _;

use portcullis::Algorithm;
use portcullis_oidc::FetchErrorKind::Transport;
use portcullis_oidc::{HttpClient, RemoteKeys};
use portcullis_testing::{Fault, IssuerServer, TestClock, TestIssuer, logged};

use crate::support::{KEYS, OK, OUT, SECOND, ask, client, server, soon, verifier};

fn tls() -> (IssuerServer, TestIssuer) {
    let server = IssuerServer::start_tls().unwrap();
    let issuer = TestIssuer::new(Algorithm::ES256).with_name(server.url());
    server.publish([issuer.key()]);
    (server, issuer)
}

fn trusting(server: &IssuerServer) -> HttpClient {
    HttpClient::builder().root_certificates(server.certificate_pem().unwrap()).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_vouched_for_is_believed() {
    let (server, issuer) = tls();
    let keys = RemoteKeys::discover(server.url()).spawn_with(trusting(&server)).unwrap();
    soon(keys.ready()).await.unwrap();
    assert_eq!(ask(&verifier(&issuer, keys.keys()), &issuer.token().mint()).await, OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_vouches_for_is_an_outage() {
    let (server, issuer) = tls();
    let (other, _) = tls();
    for client in [HttpClient::new().unwrap(), trusting(&other)] {
        let keys = RemoteKeys::discover(server.url()).spawn_with(client).unwrap();
        let error = soon(keys.refresh()).await.unwrap_err();
        assert_eq!(error.kind(), Transport, "{error:?}");
        assert_eq!(ask(&verifier(&issuer, keys.keys()), &issuer.token().mint()).await, OUT);
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_may_be_added_to_those_that_are_trusted() {
    let ((one, _), (other, _)) = (tls(), tls());
    let [first, second] = [&one, &other].map(|server| server.certificate_pem().unwrap());
    let alone = HttpClient::builder().more_root_certificates(first);
    let both = HttpClient::builder().root_certificates(second).more_root_certificates(first);
    for (client, trusts_other) in [(alone, false), (both, true)] {
        let client = client.build().unwrap();
        for (server, trusted) in [(&one, true), (&other, trusts_other)] {
            let keys = RemoteKeys::discover(server.url()).spawn_with(client.clone()).unwrap();
            assert_eq!(soon(keys.refresh()).await.is_ok(), trusted);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_is_an_outage() {
    let (server, _) = tls();
    // the certificate is for localhost
    let url = format!("https://127.0.0.1:{}/keys", server.address().port());
    let keys = RemoteKeys::from_jwk_set_url(url).spawn_with(trusting(&server)).unwrap();
    let error = soon(keys.refresh()).await.unwrap_err();
    assert_eq!(error.kind(), Transport, "{error:?}");
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_a_file_is_sent_to_its_origin_only_and_read_anew() {
    let (mine, _) = server();
    let (other, _) = server();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "first\n").unwrap();
    let client = HttpClient::builder().bearer_token_file(mine.url(), &file).build().unwrap();
    assert!(!format!("{client:?}").contains("first"));

    let keys = RemoteKeys::from_jwk_set_url(mine.keys_url()).spawn_with(client.clone()).unwrap();
    soon(keys.ready()).await.unwrap();
    std::fs::write(&file, "second").unwrap();
    soon(keys.refresh()).await.unwrap();
    let sent: Vec<_> = mine.requests();
    let sent: Vec<_> = sent.iter().map(|request| request.header("authorization")).collect();
    assert_eq!(sent, [Some("Bearer first"), Some("Bearer second")]);

    let elsewhere = RemoteKeys::from_jwk_set_url(other.keys_url()).spawn_with(client).unwrap();
    soon(elsewhere.ready()).await.unwrap();
    assert_eq!(other.requests()[0].header("authorization"), None);

    std::fs::remove_file(&file).unwrap();
    let error = soon(keys.refresh()).await.unwrap_err();
    assert_eq!(error.kind(), Transport);
    assert_eq!(mine.count(KEYS), 2, "it does not go without");
    std::fs::write(&file, "two\nlines").unwrap();
    assert!(soon(keys.refresh()).await.is_err());
}

#[test]
fn settings_of_the_client_that_make_no_sense_are_refused() {
    for builder in [
        HttpClient::builder().root_certificates("no certificate"),
        HttpClient::builder().root_certificates(""),
        HttpClient::builder().more_root_certificates("no certificate"),
        HttpClient::builder().more_root_certificates(""),
        HttpClient::builder().bearer_token_file("http://idp.example.com", "token"),
        HttpClient::builder().bearer_token_file("kubernetes.default.svc", "token"),
        HttpClient::builder().proxy("no proxy\n"),
    ] {
        let shown = format!("{builder:?}");
        assert!(builder.build().is_err(), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_used_if_it_is_set() {
    // it answers by itself, as a proxy may for plain http
    let (proxy, issuer) = server();
    let (server, _) = server();
    let target = server.keys_url();
    proxy.document(&target, format!(r#"{{"keys":[{}]}}"#, issuer.key().public_jwk().unwrap()));
    let client = HttpClient::builder().proxy(proxy.url()).build().unwrap();
    let keys = RemoteKeys::from_jwk_set_url(&target).spawn_with(client).unwrap();
    soon(keys.ready()).await.unwrap();
    assert_eq!((proxy.count(&target), server.requests().len()), (1, 0));
}

#[test]
fn the_password_of_a_proxy_is_shown_nowhere() {
    let with = |proxy: &str| HttpClient::builder().proxy(proxy);
    assert!(!format!("{:?}", with("http://bob:hunter2@proxy.example:3128")).contains("hunter2"));
    let client = with("http://bob:hunter2@proxy.example:3128").build().unwrap();
    assert!(!format!("{client:?}").contains("hunter2"));
    // an address that makes no sense
    let error = with("http://bob:hunter2@proxy.example:x/").build().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
}

#[test]
fn a_query_is_sent_and_shown_nowhere() {
    const PATH: &str = "/keys?code=hunter2";
    let (server, issuer) = server();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fetching = async {
        let builder = RemoteKeys::from_jwk_set_url(format!("{}{PATH}", server.url()));
        let mut shown = format!("{builder:?}");
        // a clock that stands still, so that nothing is tried again by itself
        let keys = builder.timeout(SECOND).clock(TestClock::at(0)).spawn_with(client()).unwrap();
        for fault in [Fault::Status(500), Fault::Hang, Fault::Close, Fault::Redirect("/x".into())] {
            server.fail(PATH, fault);
            let error = soon(keys.refresh()).await.unwrap_err();
            assert!(error.address().ends_with("/keys?…"), "{error}");
            let chain = std::iter::successors(error.source(), |&error| error.source());
            shown += &chain.fold(format!("{error} {error:?}"), |all, next| format!("{all} {next}"));
            let refused = verifier(&issuer, keys.keys()).verify(issuer.token().mint());
            shown += &format!("{:?}", refused.unwrap_err());
        }
        server.heal();
        for body in
            ["<html>".to_owned(), format!("{{\"keys\":[{}]}}", issuer.key().public_jwk().unwrap())]
        {
            server.document(PATH, body);
            shown += &format!("{:?} {keys:?} {:?}", soon(keys.refresh()).await, keys.status());
        }
        assert!(keys.status().is_ready());
        shown
    };
    let (shown, lines) = logged(|| runtime.block_on(fetching));
    let all = shown + &lines.join("\n");
    assert!(all.contains("/keys?…") && lines.iter().any(|line| line.contains("/keys?…")), "{all}");
    assert!(!all.contains("hunter2"), "{all}");
    assert_eq!(server.count(PATH), 6);
    // nor where the address makes no sense
    let error = RemoteKeys::from_jwk_set_url("http://idp.example.com/?code=hunter2");
    let error = error.spawn_with(client()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
}
