//! Each rule at its boundary.

use std::time::Duration;

use portcullis::RejectionKind::*;
use portcullis::{Issuer, RejectionKind, Timestamp, Verifier};
use serde_json::{Value, json};

use crate::{AUDIENCE, ISSUER, NOW, good, issuer, outcome, outcome_at, sign, token, with, words};

fn check(issuer: Issuer, changes: &[(&str, Value)], expected: Option<RejectionKind>) {
    assert_eq!(outcome(issuer, &token(&with(changes))), expected, "{changes:?}");
}

fn no_leeway() -> Issuer {
    issuer().leeway(Duration::ZERO)
}

#[test]
fn exp_is_the_first_moment_at_which_a_token_is_expired() {
    // RFC 7519 §4.1.4: "on or after"
    for (exp, expected) in [
        (json!(NOW + 1), None),
        (json!(NOW), Some(Expired)),
        (json!(NOW - 1), Some(Expired)),
        (json!(NOW as f64 + 0.001), None),
        (json!(NOW as f64 - 0.001), Some(Expired)),
        (json!(i64::MAX), None),
        (json!(0), Some(Expired)),
        (json!(i64::MIN), Some(Expired)),
    ] {
        check(no_leeway(), &[("exp", exp)], expected);
    }
    // the usual leeway is 60 seconds, and it has the same boundary
    check(issuer(), &[("exp", json!(NOW - 59))], None);
    check(issuer(), &[("exp", json!(NOW - 60))], Some(Expired));
    check(issuer(), &[("-exp", json!(null))], Some(MissingClaim));
    check(issuer().danger_accept_tokens_without_exp(), &[("-exp", json!(null))], None);
    check(issuer().danger_accept_tokens_without_exp(), &[("exp", json!(NOW - 60))], Some(Expired));
}

#[test]
fn a_clock_between_two_seconds_is_not_rounded() {
    let at = |millis: i64| Timestamp::from_millis(NOW * 1000 + millis);
    let expiring = token(&with(&[("exp", json!(NOW as f64 + 0.5))]));
    assert_eq!(outcome_at(no_leeway(), &expiring, at(499)), None);
    assert_eq!(outcome_at(no_leeway(), &expiring, at(500)), Some(Expired));
    let later = token(&with(&[("nbf", json!(NOW as f64 + 0.5))]));
    assert_eq!(outcome_at(no_leeway(), &later, at(499)), Some(NotYetValid));
    assert_eq!(outcome_at(no_leeway(), &later, at(500)), None);
}

#[test]
fn nbf_and_iat_may_not_lie_in_the_future() {
    for (name, kind) in [("nbf", NotYetValid), ("iat", IssuedInFuture)] {
        check(no_leeway(), &[(name, json!(NOW))], None);
        check(no_leeway(), &[(name, json!(NOW + 1))], Some(kind));
        check(no_leeway(), &[(name, json!(NOW as f64 + 0.001))], Some(kind));
        check(issuer(), &[(name, json!(NOW + 60))], None);
        check(issuer(), &[(name, json!(NOW + 61))], Some(kind));
        check(issuer(), &[(name, json!(i64::MAX))], Some(kind));
        check(issuer(), &[(name, json!(i64::MIN))], None);
        check(issuer(), &[(&format!("-{name}"), json!(null))], None);
    }
}

#[test]
fn clocks_at_the_ends_of_time_overflow_nothing() {
    for now in [Timestamp::MIN, Timestamp::MAX, Timestamp::from_secs(-1)] {
        for time in [i64::MIN, -1, 0, i64::MAX] {
            let claims = with(&[("exp", json!(time)), ("nbf", json!(time)), ("iat", json!(time))]);
            let issuer = issuer()
                .leeway(Duration::from_secs(300))
                .max_age(Duration::MAX)
                .max_lifetime(Duration::from_secs(u64::MAX));
            let _ = outcome_at(issuer, &token(&claims), now);
        }
    }
    // before 1970 a token that has just been issued works as ever
    let claims = with(&[("exp", json!(-100)), ("iat", json!(-200)), ("nbf", json!(-200))]);
    assert_eq!(outcome_at(no_leeway(), &token(&claims), Timestamp::from_secs(-150)), None);
}

#[test]
fn age_and_lifetime_are_bounded_where_they_are_set() {
    let aged = || no_leeway().max_age(Duration::from_secs(100));
    check(aged(), &[("iat", json!(NOW - 100))], None);
    check(aged(), &[("iat", json!(NOW - 101))], Some(TooOld));
    check(aged(), &[("iat", json!(NOW as f64 - 100.001))], Some(TooOld));
    check(aged(), &[("-iat", json!(null))], Some(MissingClaim));
    check(issuer().max_age(Duration::from_secs(100)), &[("iat", json!(NOW - 160))], None);
    check(issuer().max_age(Duration::from_secs(100)), &[("iat", json!(NOW - 161))], Some(TooOld));

    let lived = || issuer().max_lifetime(Duration::from_secs(600));
    check(lived(), &[], None);
    check(lived(), &[("exp", json!(NOW + 601))], Some(LifetimeTooLong));
    check(lived(), &[("iat", json!(NOW as f64 - 0.001))], Some(LifetimeTooLong));
    check(lived(), &[("-iat", json!(null))], Some(MissingClaim));
}

#[test]
fn the_issuer_is_compared_code_point_by_code_point() {
    for wrong in [
        "https://idp.example.com/",
        "https://IDP.example.com",
        "http://idp.example.com",
        "https://idp.example.co",
        "https://idp.example.com.evil.example",
        " https://idp.example.com",
        "",
    ] {
        check(issuer(), &[("iss", json!(wrong))], Some(UntrustedIssuer));
    }
    check(issuer(), &[("-iss", json!(null))], Some(MissingClaim));
    check(issuer().also_known_as("idp"), &[("iss", json!("idp"))], None);
    for (found, hint) in [
        ("https://idp.example.com/", "a trailing slash"),
        ("https://IDP.example.com", "upper and lower case"),
        ("http://idp.example.com", "http and https"),
    ] {
        let words = words(issuer(), &with(&[("iss", json!(found))]));
        assert!(words.contains(hint), "{words}");
    }
}

#[test]
fn the_audience_must_name_us() {
    let either = || issuer().audience("hr");
    for (aud, expected) in [
        (json!(AUDIENCE), None),
        (json!("hr"), None),
        (json!([AUDIENCE]), None),
        (json!(["x", "hr"]), None),
        (json!([]), Some(WrongAudience)),
        (json!(["x"]), Some(WrongAudience)),
        (json!("Payroll"), Some(WrongAudience)),
        (json!("payroll/"), Some(WrongAudience)),
        (json!("payrol"), Some(WrongAudience)),
        (json!(""), Some(WrongAudience)),
        (json!("payroll hr"), Some(WrongAudience)),
    ] {
        check(either(), &[("aud", aud)], expected);
    }
    check(issuer(), &[("-aud", json!(null))], Some(MissingClaim));
    check(issuer().audience_less(), &[("-aud", json!(null))], None);
    // RFC 7519 §4.1.3: who is not named rejects
    check(issuer().audience_less(), &[], Some(WrongAudience));
    check(issuer().audience_less(), &[("aud", json!([]))], Some(WrongAudience));
    check(issuer().danger_accept_any_audience(), &[("aud", json!("x"))], None);
    check(issuer().danger_accept_any_audience(), &[("-aud", json!(null))], None);

    let slash = words(issuer(), &with(&[("aud", json!("payroll/"))]));
    assert!(slash.contains("trailing slash"), "{slash}");
    let id = words(issuer(), &with(&[("aud", json!("app")), ("nonce", json!("n"))]));
    assert!(id.contains("ID token"), "{id}");
    assert!(!words(issuer(), &with(&[("aud", json!("app"))])).contains("ID token"));
}

#[test]
fn the_type_is_one_that_is_accepted() {
    let typed = |issuer: Issuer, header: &str| {
        outcome(issuer, &sign(header.as_bytes(), good().to_string().as_bytes()))
    };
    for (header, expected) in [
        (r#"{"alg":"HS256"}"#, None),
        (r#"{"alg":"HS256","typ":"JWT"}"#, None),
        (r#"{"alg":"HS256","typ":"jwt"}"#, None),
        (r#"{"alg":"HS256","typ":"application/jwt"}"#, None),
        (r#"{"alg":"HS256","typ":"at+jwt"}"#, None),
        (r#"{"alg":"HS256","typ":"Application/AT+JWT"}"#, None),
        (r#"{"alg":"HS256","typ":"application/at+jwt/x"}"#, Some(WrongType)),
        (r#"{"alg":"HS256","typ":"applicationsat+jwt"}"#, Some(WrongType)),
        (r#"{"alg":"HS256","typ":"logout+jwt"}"#, Some(WrongType)),
        (r#"{"alg":"HS256","typ":"dpop+jwt"}"#, Some(WrongType)),
        (r#"{"alg":"HS256","typ":"secevent+jwt"}"#, Some(WrongType)),
        (r#"{"alg":"HS256","typ":"JOSE"}"#, Some(WrongType)),
        (r#"{"alg":"HS256","typ":""}"#, Some(WrongType)),
        (r#"{"alg":"HS256","cty":"JWT"}"#, Some(WrongType)),
        (r#"{"alg":"HS256","cty":"application/jwt"}"#, Some(WrongType)),
        (r#"{"alg":"HS256","cty":"json"}"#, None),
    ] {
        assert_eq!(typed(issuer(), header), expected, "{header}");
    }
    let only = || issuer().accept_types(["application/AT+jwt"]);
    assert_eq!(typed(only(), r#"{"alg":"HS256","typ":"at+jwt"}"#), None);
    assert_eq!(typed(only(), r#"{"alg":"HS256","typ":"JWT"}"#), Some(WrongType));
    assert_eq!(typed(only(), r#"{"alg":"HS256"}"#), Some(WrongType));
    assert_eq!(typed(only().accept_untyped(), r#"{"alg":"HS256"}"#), None);
}

#[test]
fn an_access_token_of_rfc_9068_has_all_that_it_must() {
    let profile = |changes: &[(&str, Value)], header: &str| {
        let mut claims = with(&[("client_id", json!("app"))]);
        for (name, _) in changes {
            claims.as_object_mut().unwrap().remove(*name);
        }
        let token = sign(header.as_bytes(), claims.to_string().as_bytes());
        outcome(issuer().access_token_profile(), &token)
    };
    let header = r#"{"alg":"HS256","typ":"at+jwt"}"#;
    assert_eq!(profile(&[], header), None);
    assert_eq!(profile(&[], r#"{"alg":"HS256","typ":"JWT"}"#), Some(WrongType));
    assert_eq!(profile(&[], r#"{"alg":"HS256"}"#), Some(WrongType));
    for name in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
        assert_eq!(profile(&[(name, json!(null))], header), Some(MissingClaim), "{name}");
    }
}

#[test]
fn required_claims_must_be_there_and_not_null() {
    let needs = || issuer().require_claim("tenant").require_claim("sub");
    check(needs(), &[], Some(MissingClaim));
    check(needs(), &[("tenant", json!(null))], Some(MissingClaim));
    for value in [json!("x"), json!(""), json!(0), json!(false), json!([]), json!({})] {
        check(needs(), &[("tenant", value)], None);
    }
    check(needs(), &[("tenant", json!(1)), ("-sub", json!(null))], Some(MissingClaim));
    let words = words(needs(), &with(&[("tenant", json!(1)), ("-sub", json!(null))]));
    assert!(words.contains("`sub`"), "{words}");
}

#[test]
fn a_bound_token_does_not_pass_as_a_bearer_token() {
    for cnf in [json!({"jkt": "x"}), json!({}), json!(null), json!("x")] {
        check(issuer(), &[("cnf", cnf.clone())], Some(BoundToken));
        check(issuer().danger_ignore_cnf(), &[("cnf", cnf)], None);
    }
}

#[test]
fn an_event_is_no_token() {
    let logout = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    check(issuer(), &[("events", logout)], Some(WrongType));
}

#[test]
fn a_token_of_another_type_is_told_for_what_it_is() {
    let told = |header: &str| {
        let verifier = crate::verifier_at(issuer().accept_types(["x"]), Timestamp::from_secs(NOW));
        let token = sign(header.as_bytes(), good().to_string().as_bytes());
        let refused = verifier.verify(token).unwrap_err();
        assert_eq!(refused.kind(), WrongType);
        assert_eq!(refused.diagnosis().expected_value(), Some("`typ` to be \"x\""));
        refused.diagnosis().hint_text().map(str::to_owned)
    };
    for (typ, word) in [
        ("dpop+jwt", "DPoP"),
        ("application/DPoP+jwt", "DPoP"),
        ("logout+jwt", "logout"),
        ("secevent+jwt", "event"),
        ("JWT", "ID token"),
    ] {
        let hint = told(&format!(r#"{{"alg":"HS256","typ":"{typ}"}}"#)).unwrap();
        assert!(hint.contains(word), "{typ}: {hint}");
    }
    assert!(told(r#"{"alg":"HS256"}"#).unwrap().contains("ID token"));
    assert_eq!(told(r#"{"alg":"HS256","typ":"y"}"#), None);
}

#[test]
fn a_rejection_tells_by_how_much_the_clock_missed() {
    let verifier = crate::verifier_at(issuer(), Timestamp::from_secs(NOW));
    let refused = verifier.verify(token(&with(&[("exp", json!(NOW - 75))]))).unwrap_err();
    assert_eq!(refused.diagnosis().clock_delta(), Some(Duration::from_secs(15)));
    assert_eq!(refused.diagnosis().found_value(), Some((NOW - 75).to_string().as_str()));
    assert_eq!(refused.diagnosis().key_tried(), None);
    let text = refused.to_string();
    assert_eq!(
        text,
        format!(
            "the token is expired: expected `exp` after {NOW} (leeway 60s), found {}, off by 15s",
            NOW - 75
        )
    );
    assert!(words(issuer(), &with(&[("iss", json!("a\nb"))])).contains(r#""a\nb""#));
    assert_eq!(
        words(issuer(), &with(&[("iss", json!("other"))])),
        format!("the issuer is not trusted: expected \"{ISSUER}\", found \"other\"")
    );
}

/// A clock whose recent time is a tick behind, as that of the machine is.
#[derive(Clone, Default)]
struct Ticking(std::sync::Arc<std::sync::atomic::AtomicI64>);

impl portcullis::Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(std::sync::atomic::Ordering::Relaxed))
    }

    fn recent(&self) -> Timestamp {
        self.now().saturating_sub(Duration::from_millis(10))
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn a_recent_time_decides_nothing_near_a_bound() {
    let clock = Ticking::default();
    let trusted = issuer().leeway(Duration::ZERO);
    let verifier = Verifier::builder().trust(trusted).clock(clock.clone());
    let verifier = verifier.build::<Value>().unwrap();
    let token = token(&with(&[("iat", json!(NOW)), ("nbf", json!(NOW)), ("exp", json!(NOW + 60))]));
    let at = |offset: i64| {
        clock.0.store(NOW * 1_000 + offset, std::sync::atomic::Ordering::Relaxed);
        verifier.verify(&token).map(drop).map_err(|rejection| rejection.kind())
    };
    // Never seen, seen once, and remembered: the very moment it was issued, and the last one before its end.
    for _ in 0..3 {
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(59_999), Ok(()));
        assert_eq!(at(30_000), Ok(()));
    }
    assert_eq!(at(-1), Err(NotYetValid));
    assert_eq!(at(60_000), Err(Expired));
    assert_eq!(at(60_005), Err(Expired));
}
