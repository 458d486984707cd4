//! The explanation tells every rule, and never differs from the verdict.

use std::time::Duration;

use portcullis::{
    AccessClaims, Algorithm, Issuer, Rule, RuleOutcome, RuleReport, Timestamp, Verifier,
};
use portcullis_testing::{Defect, TestIssuer};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{At, NOW, good, issuer, sign, sign_with, token, verifier_at, with};

fn verifier() -> Verifier<Value> {
    verifier_at(issuer(), Timestamp::from_secs(NOW))
}

/// The rules with this outcome.
fn rules(token: &str, outcome: RuleOutcome) -> Vec<Rule> {
    let explanation = verifier().explain(token);
    let of = explanation.rules().iter().filter(|report| report.outcome() == outcome);
    of.map(RuleReport::rule).collect()
}

/// The explanation accepts what the verifier accepts, and names what it refuses for.
fn check<C: DeserializeOwned + Send + Sync + 'static>(verifier: &Verifier<C>, token: &str) {
    let explanation = verifier.explain(token);
    let refused = verifier.verify(token).err();
    let of = |rejection: Option<&portcullis::Rejection>| rejection.map(ToString::to_string);
    assert_eq!(of(explanation.rejection()), of(refused.as_ref()), "{token}\n{explanation}");
    assert_eq!(explanation.is_accepted(), refused.is_none());
    let unknown = |report: &&RuleReport| report.outcome() == RuleOutcome::Unknown;
    assert!(refused.is_some() || explanation.rules().iter().find(unknown).is_none());
    // a rule is told about once
    let mut told: Vec<_> = explanation.rules().iter().map(RuleReport::rule).collect();
    told.dedup();
    told.sort_by_key(|rule| rule.name());
    let all = told.len();
    told.dedup();
    assert_eq!(told.len(), all, "{explanation}");
}

#[test]
fn a_good_token_keeps_every_rule() {
    let verifier = verifier();
    let explanation = verifier.explain(token(&good()));
    assert!(explanation.is_accepted(), "{explanation}");
    assert_eq!(explanation.issuer(), Some(crate::ISSUER));
    for report in explanation.rules() {
        assert_eq!(report.outcome(), RuleOutcome::Kept, "{report:?}");
        assert!(!report.expected().is_empty() && !report.found().is_empty(), "{report:?}");
    }
    let told: Vec<_> = explanation.rules().iter().map(|report| report.rule().name()).collect();
    let expected = "form header algorithm key signature type claims issuer required-claims expiry \
                    not-before issued-at audience binding event";
    assert_eq!(told.join(" "), expected);
}

#[test]
fn every_broken_rule_is_told_not_just_the_first() {
    let claims = with(&[
        ("iss", json!("https://idp.example.com/")),
        ("aud", json!("other")),
        ("exp", json!(NOW - 3600)),
        ("cnf", json!({})),
        ("events", json!({})),
    ]);
    let header = br#"{"alg":"HS256","typ":"dpop+jwt"}"#;
    let token =
        sign_with("another secret of thirty-two bytes", header, claims.to_string().as_bytes());
    use Rule::*;
    let broken = [Signature, Type, Issuer, Expiry, Audience, Binding, Event];
    assert_eq!(rules(&token, RuleOutcome::Broken), broken);
    let explanation = verifier().explain(&token);
    let report = |rule| explanation.rules().iter().find(|report| report.rule() == rule).unwrap();
    assert_eq!(report(Expiry).found(), (NOW - 3600).to_string());
    assert!(report(Issuer).hint().unwrap().contains("trailing slash"));
    assert_eq!(report(Audience).expected(), "\"payroll\"");
}

#[test]
fn what_depends_on_a_broken_rule_is_unknown() {
    use Rule::*;
    let unknown = rules("not a token", RuleOutcome::Unknown);
    assert_eq!((unknown[0], unknown.len()), (Header, 14));
    let unknown = rules(
        &sign(br#"{"alg":"HS256","crit":[]}"#, good().to_string().as_bytes()),
        RuleOutcome::Unknown,
    );
    assert_eq!(unknown, [Algorithm, Key, Signature, Type]);
    // a wrong type of `exp` is told once, and hides no other rule
    let claims = with(&[("exp", json!("soon")), ("aud", json!("other"))]);
    assert_eq!(rules(&token(&claims), RuleOutcome::Broken), [Claims, Audience]);
    assert_eq!(rules(&token(&claims), RuleOutcome::Unknown), [Expiry]);
}

#[test]
fn rules_that_are_set_are_told_and_others_are_not() {
    let aged = issuer()
        .max_age(Duration::from_secs(60))
        .max_lifetime(Duration::from_secs(60))
        .require_claim("sub")
        .danger_ignore_cnf();
    let verifier = verifier_at(aged, Timestamp::from_secs(NOW));
    let explanation = verifier.explain(token(&with(&[("cnf", json!({}))])));
    let told = explanation.to_string();
    assert!(told.contains("kept    age"), "{told}");
    assert!(told.contains("broken  lifetime"), "{told}");
    assert!(told.contains("kept    binding: `cnf`"), "{told}");
    assert!(
        !verifier_at(issuer(), Timestamp::from_secs(NOW))
            .explain(token(&good()))
            .to_string()
            .contains("lifetime")
    );
}

/// One of the usual settings, or several issuers.
fn verifiers(issuer: &TestIssuer) -> Vec<Verifier<AccessClaims>> {
    let one = |trusted: Issuer| Verifier::builder().trust(trusted).clock(issuer.clock());
    let other = Issuer::new("https://other.example.com").audience("payroll").keys(issuer.keys());
    vec![
        one(issuer.trusted()).build().unwrap(),
        one(issuer.trusted().access_token_profile()).build().unwrap(),
        one(issuer.trusted().audience_less().max_age(Duration::from_secs(10))).build().unwrap(),
        one(issuer.trusted().may_assert_anything())
            .trust(other.may_assert_nothing())
            .build()
            .unwrap(),
    ]
}

#[test]
fn it_agrees_with_the_verdict_about_everything_that_can_be_wrong() {
    for algorithm in [Algorithm::HS256, Algorithm::ES256, Algorithm::EdDSA] {
        let issuer = TestIssuer::new(algorithm);
        for verifier in verifiers(&issuer) {
            check(&verifier, &issuer.token().mint());
            check(&verifier, &issuer.token().claim("roles", 5).mint());
            for (_, forged) in issuer.token().forgeries() {
                check(&verifier, &forged);
            }
        }
    }
    assert!(Defect::ALL.len() > 50);
}

/// Values that claims may have, good and bad.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        (NOW - 4000..NOW + 4000).prop_map(|at| json!(at)),
        (-2.0..2.0f64).prop_map(|by| json!(NOW as f64 + by)),
        Just(json!("payroll")),
        Just(json!("https://idp.example.com")),
        Just(json!("https://idp.example.com/")),
        Just(json!(["payroll", "other"])),
        Just(json!([])),
        Just(json!({})),
        Just(json!(true)),
    ]
}

proptest! {
    #[test]
    fn it_agrees_with_the_verdict_about_any_claims(
        changes in prop::collection::vec((prop::sample::select(vec![
            "iss", "aud", "exp", "nbf", "iat", "sub", "jti", "cnf", "events", "roles", "scope", "azp",
            "-iss", "-aud", "-exp", "-iat", "-sub",
        ]), value()), 0..4),
        typ in prop::sample::select(vec!["JWT", "at+jwt", "logout+jwt", "APPLICATION/JWT"]),
        settings in 0..4,
        signed in any::<bool>(),
    ) {
        let header = json!({"alg": "HS256", "typ": typ}).to_string();
        let payload = with(&changes).to_string();
        let secret = if signed { crate::SECRET } else { "some other secret of thirty-two bytes" };
        let token = sign_with(secret, header.as_bytes(), payload.as_bytes());
        let settings = match settings {
            0 => issuer(),
            1 => issuer().access_token_profile(),
            2 => issuer().danger_accept_any_audience().danger_accept_tokens_without_exp().danger_ignore_cnf(),
            _ => issuer().max_age(Duration::from_secs(60)).max_lifetime(Duration::from_secs(600)),
        };
        let build = || Verifier::builder().trust(settings.clone()).clock(At(Timestamp::from_secs(NOW)));
        check(&build().build::<AccessClaims>().unwrap(), &token);
        check(&build().build::<()>().unwrap(), &token);
    }

    #[test]
    fn it_agrees_with_the_verdict_about_any_bytes(text in "[a-zA-Z0-9_=. {}-]{0,80}") {
        check(&verifier(), &text);
    }
}
