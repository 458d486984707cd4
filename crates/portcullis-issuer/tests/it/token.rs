//! Minting: what the issuer sets, and what it refuses.

use std::collections::HashSet;
use std::time::Duration;

use portcullis::{AccessClaims, Algorithm, Issuer, Timestamp, Verified, Verifier, jws};
use portcullis_issuer::{IssuerErrorKind, SigningKeys, TokenIssuer, TokenIssuerBuilder};
use portcullis_testing::{TestClock, TestIssuer};
use serde::Serialize;
use serde_json::{Value, json};

use crate::log::Log;

const NAME: &str = "https://payroll.example.com";

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    roles: &'a [&'a str],
}

const BOB: Claims<'_> = Claims { sub: "bob", roles: &["reader"] };

fn builder(clock: &TestClock) -> TokenIssuerBuilder {
    let key = TestIssuer::new(Algorithm::ES256).key().clone();
    let keys = SigningKeys::builder().clock(clock.clone()).key(key).build().unwrap();
    TokenIssuer::builder(NAME, keys).audience("payroll").plain_jwt()
}

fn read(issuer: &TokenIssuer, token: &str) -> (Option<String>, Value) {
    let jws = jws::verify(token, &issuer.keys().verification_keys()).unwrap();
    let claims = serde_json::from_slice(jws.payload()).unwrap();
    (jws.header().typ().map(str::to_owned), claims)
}

#[test]
fn the_issuer_sets_the_registered_claims() {
    let clock = TestClock::new(Timestamp::from_millis(1_700_000_000_999));
    let issuer = builder(&clock).build().unwrap();
    let minted = issuer.mint(&BOB).unwrap();
    let (typ, claims) = read(&issuer, minted.token());
    assert_eq!(typ.as_deref(), Some("JWT"));
    let expected = json!({
        "iss": NAME, "aud": "payroll", "sub": "bob", "roles": ["reader"],
        "iat": 1_700_000_000, "exp": 1_700_000_900, "jti": minted.id(),
    });
    assert_eq!(claims, expected);
    assert_eq!(minted.issued_at(), Timestamp::from_secs(1_700_000_000));
    assert_eq!(minted.expires_at(), Timestamp::from_secs(1_700_000_900));
    assert_eq!(minted.expires_in(), 900);
}

#[test]
fn a_verifier_that_follows_the_keys_takes_the_token() {
    let clock = TestClock::at(1_700_000_000);
    let issuer = builder(&clock).access_token_profile().generation_claim("g").build().unwrap();
    let claims = json!({"client_id": "web", "roles": ["reader"]});
    let minted = issuer.token(&claims).subject("bob").session("s1").generation(7).mint().unwrap();
    let keys = issuer.keys().verification_keys();
    let trusted = Issuer::new(NAME).audience("payroll").keys(keys).generation_claim("g");
    let verifier = Verifier::builder()
        .trust(trusted.access_token_profile())
        .clock(clock)
        .build::<AccessClaims>()
        .unwrap();
    let verified = verifier.verify(minted.token()).unwrap().without_revocation();
    assert_eq!(Verified::subject(&verified), Some("bob"));
    assert_eq!(Verified::session(&verified), Some("s1"));
    assert_eq!(Verified::client(&verified), Some("web"));
    assert_eq!(Verified::generation(&verified), Some(7));
    assert_eq!(Verified::token_id(&verified), Some(minted.id()));
    assert_eq!(Verified::issued_at(&verified), Some(minted.issued_at()));
    assert_eq!(Verified::expires_at(&verified), Some(minted.expires_at()));
}

#[test]
fn no_two_tokens_have_one_id() {
    let issuer = builder(&TestClock::at(1)).build().unwrap();
    let ids: HashSet<_> = (0..1000).map(|_| issuer.mint(&BOB).unwrap().id().to_owned()).collect();
    assert_eq!(ids.len(), 1000);
    // 128 bits in base64url
    assert!(ids.iter().all(|id| id.len() == 22), "{ids:?}");
}

#[test]
fn the_time_of_issue_is_never_later_than_now() {
    for millis in [0, 1, 999, 1_000, 1_700_000_000_001, 1_700_000_000_123, 1_700_000_000_999] {
        let now = Timestamp::from_millis(millis).saturating_add(Duration::from_nanos(999_999));
        let clock = TestClock::new(now);
        let whole = builder(&clock).build().unwrap().mint(&BOB).unwrap();
        assert_eq!(whole.issued_at(), Timestamp::from_secs(now.as_secs()));
        let issuer = builder(&clock).fractional_iat().build().unwrap();
        let fractional = issuer.mint(&BOB).unwrap();
        assert_eq!(fractional.issued_at(), Timestamp::from_millis(millis));
        let (_, claims) = read(&issuer, fractional.token());
        let read: Timestamp = serde_json::from_value(claims["iat"].clone()).unwrap();
        assert!(read <= now, "{read} {now}");
        // a double has seven digits after the point to spare here
        assert!(now.saturating_since(read) <= Duration::from_millis(2), "{read} {now}");
        assert!(claims["exp"].is_i64());
    }
}

#[test]
fn what_differs_from_token_to_token_can_be_said() {
    let clock = TestClock::at(1_000);
    let issuer = builder(&clock).audience("ledger").typ("x+jwt").build().unwrap();
    let minted = issuer
        .token(&json!({}))
        .lifetime(Duration::from_millis(61_999))
        .not_before(Timestamp::from_secs(1_010))
        .generation(u64::MAX)
        .mint()
        .unwrap();
    let (typ, claims) = read(&issuer, minted.token());
    assert_eq!(typ.as_deref(), Some("x+jwt"));
    assert_eq!(claims["aud"], json!(["payroll", "ledger"]));
    assert_eq!(claims["exp"], 1_061);
    assert_eq!(claims["nbf"], 1_010);
    assert_eq!(claims["gen"], u64::MAX);
    assert_eq!(minted.expires_in(), 61);
}

#[test]
fn a_claim_that_the_issuer_sets_is_refused() {
    let issuer = builder(&TestClock::at(1)).build().unwrap();
    for name in ["iss", "aud", "iat", "exp", "jti"] {
        let error = issuer.mint(&json!({ name: "mine" })).unwrap_err();
        assert_eq!(error.kind(), IssuerErrorKind::InvalidClaims, "{name}");
        assert!(error.to_string().contains(name), "{error}");
    }
    // what only some tokens have collides only there
    for name in ["sub", "sid", "nbf", "gen"] {
        let claims = json!({ name: "1" });
        assert!(issuer.mint(&claims).is_ok(), "{name}");
        let token = issuer.token(&claims).subject("a").session("b").generation(1);
        assert!(token.not_before(Timestamp::MAX).mint().is_err(), "{name}");
    }
    for bad in [json!(null), json!([1]), json!("a"), json!({"sub": 1})] {
        let error = issuer.mint(&bad).unwrap_err();
        assert_eq!(error.kind(), IssuerErrorKind::InvalidClaims, "{bad}");
    }
}

#[test]
fn an_access_token_needs_a_subject_and_a_client() {
    let issuer = builder(&TestClock::at(1)).access_token_profile().build().unwrap();
    for (claims, missing) in [
        (json!({"sub": "bob"}), Some("client_id")),
        (json!({"client_id": "web"}), Some("sub")),
        (json!({"client_id": "web", "sub": "bob"}), None),
    ] {
        let error = issuer.mint(&claims).err().map(|error| error.to_string());
        assert_eq!(error.is_some(), missing.is_some(), "{claims}");
        assert!(error.unwrap_or_default().contains(missing.unwrap_or_default()), "{claims}");
    }
}

#[test]
fn settings_that_make_no_sense_fail_early() {
    let clock = TestClock::at(1);
    let check = |builder: TokenIssuerBuilder, names: &str| {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), IssuerErrorKind::InvalidSetting, "{names}");
        assert!(error.to_string().contains(names), "{error}");
    };
    let keys = || builder(&clock).build().unwrap().keys().clone();
    check(TokenIssuer::builder("", keys()).audience("a"), "iss");
    check(TokenIssuer::builder("me", keys()), "audience");
    check(builder(&clock).audience(""), "audience");
    check(builder(&clock).typ(""), "typ");
    check(builder(&clock).generation_claim("exp"), "generation_claim");
    check(builder(&clock).lifetime(Duration::from_millis(999)), "lifetime");
    check(builder(&clock).lifetime(Duration::MAX), "overlap");
    let issuer = builder(&clock).build().unwrap();
    assert!(issuer.token(&BOB).lifetime(Duration::ZERO).mint().is_err());
    assert!(issuer.token(&BOB).lifetime(Duration::from_secs(25 * 3600)).mint().is_ok());
    assert!(issuer.token(&BOB).lifetime(Duration::from_secs(25 * 3600 + 1)).mint().is_err());
}

#[test]
fn the_token_is_not_shown() {
    let issuer = builder(&TestClock::at(1)).build().unwrap();
    let minted = issuer.mint(&BOB).unwrap();
    let signature = minted.token().rsplit('.').next().unwrap();
    assert!(!format!("{minted:?} {issuer:?}").contains(signature));
}

#[test]
fn tokens_are_access_tokens_unless_another_kind_is_chosen() {
    let clock = TestClock::at(1);
    let keys = || builder(&clock).build().unwrap().keys().clone();
    let issuer = TokenIssuer::builder(NAME, keys()).audience("payroll").build().unwrap();
    assert!(issuer.mint(&BOB).unwrap_err().to_string().contains("client_id"));
    let minted = issuer.token(&BOB).client_id("web").mint().unwrap();
    let (typ, claims) = read(&issuer, minted.token());
    assert_eq!((typ.as_deref(), &claims["client_id"]), (Some("at+jwt"), &json!("web")));

    let own = TokenIssuer::builder(NAME, keys()).audience("payroll").client_id("me");
    let own = own.build().unwrap();
    let (typ, claims) = read(&own, own.mint(&BOB).unwrap().token());
    assert_eq!((typ.as_deref(), &claims["client_id"]), (Some("at+jwt"), &json!("me")));

    for plain in [builder(&clock), builder(&clock).typ("x+jwt")] {
        assert!(plain.build().unwrap().mint(&json!({})).is_ok());
    }
}

#[test]
fn one_token_may_be_for_others_and_remember_when_its_subject_signed_in() {
    let issuer = builder(&TestClock::at(1_000)).build().unwrap();
    let time = Timestamp::from_millis(900_999);
    let minted = issuer.token(&BOB).audience("a").audience("b").authenticated_at(time).mint();
    let (_, claims) = read(&issuer, minted.unwrap().token());
    assert_eq!((&claims["aud"], &claims["auth_time"]), (&json!(["a", "b"]), &json!(900)));
    let (_, claims) = read(&issuer, issuer.token(&BOB).audience("a").mint().unwrap().token());
    assert_eq!(claims["aud"], "a");
    assert_eq!(issuer.audiences().collect::<Vec<_>>(), ["payroll"]);
}

#[test]
fn a_payload_with_an_obvious_secret_is_refused() {
    let clock = TestClock::at(1);
    let claims = json!({"profile": [{"password": "hunter2"}]});
    let error = builder(&clock).build().unwrap().mint(&claims).unwrap_err();
    assert_eq!(error.kind(), IssuerErrorKind::InvalidClaims);
    assert!(error.to_string().contains("password"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    assert!(builder(&clock).allow_claim("password").build().unwrap().mint(&claims).is_ok());
}

#[test]
fn a_token_that_is_too_large_for_a_cookie_is_logged() {
    let log = Log::default();
    let issuer = builder(&TestClock::at(1)).build().unwrap();
    let mint = |bytes| {
        let claims = json!({"sub": "bob", "text": "x".repeat(bytes)});
        tracing::subscriber::with_default(log.subscriber(), || issuer.mint(&claims).unwrap())
    };
    assert!(mint(2_000).token().len() <= 4_096);
    assert_eq!(log.text(), "");
    let large = mint(4_000);
    let text = log.text();
    assert!(text.contains("4096 bytes") && text.contains(large.id()), "{text}");
    assert!(!text.contains("xxxx"), "{text}");
}
