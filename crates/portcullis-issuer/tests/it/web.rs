//! The documents that an issuer publishes: what caches and clients get.

use std::convert::Infallible;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use portcullis::Algorithm;
use portcullis_issuer::web::{Body, JwksService, ServerMetadata};
use portcullis_issuer::{SigningKey, SigningKeys};
use portcullis_testing::block_on;
use serde_json::{Value, json};
use tower_service::Service;

fn call<S>(service: &S, method: Method, known: Option<&str>) -> Response<Body>
where
    S: Service<Request<()>, Response = Response<Body>, Error = Infallible> + Clone,
{
    let mut request = Request::builder().method(method).uri("/anything");
    if let Some(known) = known {
        request = request.header("if-none-match", known);
    }
    block_on(service.clone().call(request.body(()).unwrap())).unwrap()
}

fn text(response: Response<Body>) -> String {
    let bytes = block_on(response.into_body().collect()).unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What every published document does.
fn check_document<S>(service: &S, content_type: &str, max_age: u64) -> String
where
    S: Service<Request<()>, Response = Response<Body>, Error = Infallible> + Clone,
{
    let got = call(service, Method::GET, None);
    let header = |name: &str| got.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(got.status(), StatusCode::OK);
    assert_eq!(header("content-type"), content_type);
    assert_eq!(header("cache-control"), format!("public, max-age={max_age}"));
    let (tag, length) = (header("etag"), header("content-length"));
    // what a server frames the answer by
    assert!(!got.body().is_end_stream());
    assert_eq!(got.body().size_hint().exact().map(|exact| exact.to_string()), Some(length.clone()));
    let body = text(got);
    assert_eq!(length, body.len().to_string());

    let head = call(service, Method::HEAD, None);
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.headers()["content-length"], length);
    assert!(head.body().is_end_stream());
    assert_eq!(text(head), "");

    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let same = call(service, Method::GET, Some(&known));
        assert_eq!(same.status(), StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!(same.headers()["etag"], tag);
        assert_eq!(text(same), "");
    }
    assert_eq!(call(service, Method::GET, Some("\"x\"")).status(), StatusCode::OK);
    let posted = call(service, Method::POST, None);
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(posted.headers()["allow"], "GET, HEAD");
    body
}

#[test]
fn the_key_set_follows_the_ring_and_holds_no_secret() {
    let keys = SigningKeys::builder()
        .publish_before(Duration::from_secs(600))
        .key(SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("one"))
        .build()
        .unwrap();
    let service = JwksService::new(keys.clone());
    let first = check_document(&service, "application/jwk-set+json", 300);
    let tag = call(&service, Method::GET, None).headers()["etag"].clone();
    keys.schedule(SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("two")).unwrap();
    let changed = call(&service, Method::GET, Some(tag.to_str().unwrap()));
    assert_eq!(changed.status(), StatusCode::OK, "it has changed");
    let second = text(changed);
    assert!(!first.contains("two") && second.contains("two"));
    assert!(!second.contains("\"d\":"), "{second}");

    keys.rotate_and_revoke(SigningKey::generate(Algorithm::HS256).unwrap()).unwrap();
    assert_eq!(check_document(&service, "application/jwk-set+json", 300), r#"{"keys":[]}"#);
}

#[test]
fn caches_never_keep_keys_for_longer_than_they_are_published_early() {
    let keys = SigningKeys::builder()
        .publish_before(Duration::from_secs(600))
        .key(SigningKey::generate(Algorithm::ES256).unwrap())
        .build()
        .unwrap();
    for (wanted, given) in [(60, 60), (300, 300), (3_600, 300)] {
        let service = JwksService::new(keys.clone()).with_max_age(Duration::from_secs(wanted));
        check_document(&service, "application/jwk-set+json", given);
    }
}

#[test]
fn metadata_say_what_was_set() {
    let metadata = ServerMetadata::new("https://id.example.com/a/b")
        .jwks_uri("https://id.example.com/a/b/jwks")
        .token_endpoint("https://id.example.com/a/b/token")
        .scopes(["read"])
        .member("service_documentation", "https://id.example.com/docs")
        .max_age(Duration::from_secs(60));
    assert_eq!(metadata.oauth_path(), "/.well-known/oauth-authorization-server/a/b");
    assert_eq!(metadata.openid_path(), "/a/b/.well-known/openid-configuration");
    let service = metadata.into_service().unwrap();
    let read: Value =
        serde_json::from_str(&check_document(&service, "application/json", 60)).unwrap();
    assert_eq!(read["issuer"], "https://id.example.com/a/b");
    assert_eq!(read["jwks_uri"], "https://id.example.com/a/b/jwks");
    assert_eq!(read["scopes_supported"], json!(["read"]));
    assert_eq!(read["response_types_supported"], json!([]));
    assert_eq!(read["service_documentation"], "https://id.example.com/docs");
    let bare = ServerMetadata::new("https://id.example.com");
    assert_eq!(bare.oauth_path(), "/.well-known/oauth-authorization-server");
    assert_eq!(bare.openid_path(), "/.well-known/openid-configuration");
}

#[test]
fn metadata_that_no_client_would_accept_are_refused() {
    let good = "https://id.example.com/jwks";
    for (issuer, jwks_uri, because) in [
        ("http://id.example.com", good, "https"),
        ("id.example.com", good, "https"),
        ("", good, "https"),
        ("https://id.example.com?tenant=1", good, "query"),
        ("https://id.example.com#a", good, "fragment"),
        ("https://id.example.com", "http://id.example.com/jwks", "jwks_uri"),
        ("https://id.example.com", "/jwks", "jwks_uri"),
        ("http://localhost.evil.example", good, "https"),
    ] {
        let error = ServerMetadata::new(issuer).jwks_uri(jwks_uri).into_service().unwrap_err();
        assert!(error.to_string().contains(because), "{issuer} {jwks_uri}: {error}");
    }
    assert!(ServerMetadata::new("https://id.example.com").into_service().is_err());
    let metadata = ServerMetadata::new("https://id.example.com").jwks_uri(good);
    let error = metadata.token_endpoint("http://id.example.com/token").into_service().unwrap_err();
    assert!(error.to_string().contains("token_endpoint"), "{error}");
    let local = ServerMetadata::new("http://127.0.0.1:8080").jwks_uri("http://localhost:8080/jwks");
    assert!(local.into_service().is_ok());
}
