//! The answers to the letter: status, challenge (RFC 6750 §3), problem body (RFC 9457), headers.

use std::time::Duration;

use http::StatusCode;
use portcullis::{AllOf, AnyOf, RejectionKind, RequireLayer, Scope, Source};
use serde_json::json;
use tower::Layer;

use crate::support::{
    Admin, Answer, Look, Pay, Payroll, ask, bearer, bob, get, layer, send, token, who_service,
};

fn check(answer: &Answer, kind: RejectionKind, challenge: Option<&str>) {
    answer.assert_refused(kind);
    assert_eq!(answer.header("www-authenticate"), challenge, "{kind:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{kind:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{kind:?}");
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        body,
        json!({
            "type": format!("https://github.com/portcullis-rs/portcullis/blob/main/docs/errors.md#{}", kind.code()),
            "title": kind.title(),
            "status": answer.status.as_u16(),
        })
    );
}

#[tokio::test]
async fn no_credential_is_told_no_error() {
    let answer = ask(&layer(), get(&[])).await;
    check(&answer, RejectionKind::MissingCredential, Some(r#"Bearer realm="api""#));
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.header("retry-after"), None);

    let named = layer().realm("the payroll of Ruritania").unwrap();
    let answer = ask(&named, get(&[("authorization", "Basic YTpi")])).await;
    let challenge = r#"Bearer realm="the payroll of Ruritania""#;
    check(&answer, RejectionKind::MissingCredential, Some(challenge));
}

#[tokio::test]
async fn a_token_that_is_not_good_is_an_invalid_token() {
    let signature_of_another = {
        let (input, _) = bob().rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let (_, signature) = token(json!({"sub": "eve"}))
            .rsplit_once('.')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        format!("{input}.{signature}")
    };
    for (token, kind, title) in [
        ("a.b.c".to_owned(), RejectionKind::MalformedToken, "the token is malformed"),
        ("a".to_owned(), RejectionKind::MalformedToken, "the token is malformed"),
        (token(json!({"exp": 1_700_000_001})), RejectionKind::Expired, "the token is expired"),
        (
            token(json!({"aud": "x"})),
            RejectionKind::WrongAudience,
            "the token is for another audience",
        ),
        (signature_of_another, RejectionKind::InvalidSignature, "the signature is not valid"),
        ("a".repeat(20_000), RejectionKind::TokenTooLarge, "the token is too large"),
    ] {
        let challenge =
            format!(r#"Bearer realm="api", error="invalid_token", error_description="{title}""#);
        let answer = ask(&layer(), bearer(&token)).await;
        check(&answer, kind, Some(&challenge));
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_malformed_request_is_an_invalid_request() {
    let (a, b) = (("authorization", "Bearer a"), ("authorization", "Bearer b"));
    let answer = ask(&layer(), get(&[a, b])).await;
    check(
        &answer,
        RejectionKind::MultipleCredentials,
        Some(
            r#"Bearer realm="api", error="invalid_request", error_description="more than one credential was sent""#,
        ),
    );
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let answer = ask(&layer(), get(&[("authorization", "Bearer")])).await;
    check(
        &answer,
        RejectionKind::MalformedCredential,
        Some(
            r#"Bearer realm="api", error="invalid_request", error_description="the credential is malformed""#,
        ),
    );
}

#[tokio::test]
async fn a_missing_scope_is_named_and_a_missing_role_is_not() {
    const REFUSED: &str = r#"Bearer realm="api", error="insufficient_scope", error_description="the token does not grant this""#;
    type Both = AllOf<(Scope<Look>, Admin, Scope<Pay>)>;
    type Either = AnyOf<(Scope<Pay>, Scope<Look>)>;
    let request = || bearer(&bob());

    let service = layer().layer(RequireLayer::<Both, Payroll>::new().layer(who_service()));
    let answer = send(service, request()).await;
    let scopes = format!(r#"{REFUSED}, scope="payments:read payments:write""#);
    check(&answer, RejectionKind::InsufficientScope, Some(&scopes));
    assert_eq!(answer.status, StatusCode::FORBIDDEN);

    let service = layer().layer(RequireLayer::<Either, Payroll>::new().layer(who_service()));
    let answer = send(service, request()).await;
    let scopes = format!(r#"{REFUSED}, scope="payments:write""#);
    check(&answer, RejectionKind::InsufficientScope, Some(&scopes));

    let service = layer().layer(RequireLayer::<Admin, Payroll>::new().layer(who_service()));
    check(&send(service, request()).await, RejectionKind::InsufficientScope, Some(REFUSED));
}

#[tokio::test]
async fn another_origin_gets_no_challenge() {
    let layer = layer().source(Source::cookie("s").unwrap());
    let request = crate::support::request("POST", "/", &[("cookie", &format!("s={}", bob()))]);
    let answer = ask(&layer, request).await;
    check(&answer, RejectionKind::CrossOrigin, None);
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_outage_says_when_to_come_back() {
    for (time, expected) in [
        (None, "5"),
        (Some(Duration::from_millis(1_001)), "2"),
        (Some(Duration::from_secs(60)), "60"),
        (Some(Duration::ZERO), "0"),
    ] {
        let mut layer = layer().with_revocation(crate::revocation::Fixed::out());
        if let Some(time) = time {
            layer = layer.retry_after(time);
        }
        let answer = ask(&layer, bearer(&bob())).await;
        check(&answer, RejectionKind::RevocationUnavailable, None);
        assert_eq!(answer.header("retry-after"), Some(expected));
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    }
}

#[tokio::test]
async fn a_head_request_is_answered_alike() {
    let answer = ask(&layer(), crate::support::request("HEAD", "/", &[])).await;
    check(&answer, RejectionKind::MissingCredential, Some(r#"Bearer realm="api""#));
}

#[test]
fn settings_that_make_no_sense_are_refused_when_they_are_made() {
    for realm in ["a\"b", "a\\b", "a\r\nb", "ä"] {
        assert!(layer().realm(realm).is_err(), "{realm:?}");
    }
    for path in ["", "healthz", "*", "/a?b", "/a#b", "/a b", "https://x/healthz", "/é\n"] {
        assert!(layer().exempt(path).is_err(), "{path:?}");
    }
    for origin in ["x", "https://x/", "null"] {
        assert!(layer().trusted_origin(origin).is_err(), "{origin:?}");
    }
}
