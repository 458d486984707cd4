//! Claims in every form: wrong types, repeats, odd numbers, and the user's own type beside the
//! registered ones.

use std::collections::BTreeMap;

use portcullis::RejectionKind::*;
use portcullis::{AccessClaims, RejectionKind, Timestamp, Verifier};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::{At, NOW, good, issuer, outcome, sign, token, with, words};

fn raw(payload: &[u8]) -> Option<RejectionKind> {
    outcome(issuer(), &sign(br#"{"alg":"HS256"}"#, payload))
}

fn check(changes: &[(&str, Value)], expected: Option<RejectionKind>) {
    assert_eq!(outcome(issuer(), &token(&with(changes))), expected, "{changes:?}");
}

#[test]
fn a_registered_claim_of_the_wrong_type_is_named() {
    let times = ["exp", "nbf", "iat", "auth_time"];
    for name in times {
        for value in [json!("1"), json!(null), json!(true), json!([1]), json!({}), json!("")] {
            check(&[(name, value)], Some(InvalidClaim));
        }
        check(&[(name, json!(u64::MAX))], Some(InvalidClaim));
        check(&[(name, json!(1e300))], Some(InvalidClaim));
        check(&[(name, json!(-1e300))], Some(InvalidClaim));
        assert!(words(issuer(), &with(&[(name, json!("1"))])).contains(&format!("`{name}`")));
    }
    for name in ["iss", "sub", "jti", "sid", "client_id", "azp"] {
        for value in [json!(1), json!(null), json!(false), json!(["x"]), json!({"x": 1})] {
            check(&[(name, value)], Some(InvalidClaim));
        }
    }
    for value in
        [json!(1), json!(null), json!({"payroll": 1}), json!(["payroll", 1]), json!([["payroll"]])]
    {
        check(&[("aud", value)], Some(InvalidClaim));
    }
}

#[test]
fn numbers_that_json_allows_and_time_does_not() {
    let with_exp = |exp: &str| {
        let payload = good().to_string().replace(&(NOW + 600).to_string(), exp);
        raw(payload.as_bytes())
    };
    assert_eq!(with_exp("1e400"), Some(MalformedToken));
    assert_eq!(with_exp("-1e400"), Some(MalformedToken));
    assert_eq!(with_exp("9223372036854775807"), None);
    assert_eq!(with_exp("9223372036854775808"), Some(InvalidClaim));
    assert_eq!(with_exp("99999999999999999999999999"), Some(InvalidClaim));
    assert_eq!(with_exp("1.7000006e9"), None);
    assert_eq!(with_exp("0x7fffffff"), Some(MalformedToken));
    assert_eq!(with_exp("NaN"), Some(MalformedToken));
    assert_eq!(with_exp("Infinity"), Some(MalformedToken));
    assert_eq!(with_exp("01700000600"), Some(MalformedToken));
    assert_eq!(with_exp("-0"), Some(Expired));
}

#[test]
fn a_repeated_member_is_refused_whatever_it_holds() {
    let base = good().to_string();
    for (extra, expected) in [
        (r#","exp":9999999999"#, Some(DuplicateClaim)),
        (r#","sub":"bob""#, Some(DuplicateClaim)),
        (r#","\u0073ub":"eve""#, Some(DuplicateClaim)),
        (r#","x":1,"x":1"#, Some(DuplicateClaim)),
        (r#","":1,"":2"#, Some(DuplicateClaim)),
        (r#","Sub":"bob""#, None),
        (r#","x":1,"X":1"#, None),
    ] {
        let payload = format!("{}{extra}}}", &base[..base.len() - 1]);
        assert_eq!(raw(payload.as_bytes()), expected, "{extra}");
    }
    // among many as among few
    let many: String = (0..200).map(|i| format!(",\"c{i}\":0")).collect();
    let payload = format!("{}{many},\"c150\":1}}", &base[..base.len() - 1]);
    assert_eq!(raw(payload.as_bytes()), Some(DuplicateClaim));
}

#[test]
fn what_is_no_object_is_malformed() {
    let arrays = json!([crate::ISSUER, "payroll", NOW + 600]).to_string();
    for payload in [
        "",
        "null",
        "5",
        "\"x\"",
        "true",
        "[]",
        "{",
        "{}x",
        "{\"a\":}",
        "{'a':1}",
        "{\"a\":1,}",
        &arrays,
    ] {
        let kind = raw(payload.as_bytes());
        assert_eq!(kind, Some(MalformedToken), "{payload}");
    }
    assert_eq!(raw(b"{\"a\":\"\xff\"}"), Some(MalformedToken));
    // also where nobody reads: the claims here are `()`
    let mut bytes = good().to_string().into_bytes();
    bytes.splice(1..1, *b"\"x\":\"\xff\",");
    let unread: Verifier<()> =
        Verifier::builder().trust(issuer()).clock(At(Timestamp::from_secs(NOW))).build().unwrap();
    let refused = unread.verify(sign(br#"{"alg":"HS256"}"#, &bytes)).unwrap_err();
    assert_eq!(refused.kind(), MalformedToken);
    assert_eq!(raw(b"{\"a\":\"\n\"}"), Some(MalformedToken));
    assert_eq!(raw("\u{feff}{}".as_bytes()), Some(MalformedToken));
    assert_eq!(raw(br#"{"a":"\ud800"}"#), Some(MalformedToken));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(2000), "]".repeat(2000));
    assert_eq!(raw(deep.as_bytes()), Some(MalformedToken));
}

#[test]
fn a_value_that_nobody_asks_for_is_utf_8_as_well() {
    let payload =
        [good().to_string().trim_end_matches('}').as_bytes(), b",\"x\":\"\xff\"}"].concat();
    let token = sign(br#"{"alg":"HS256"}"#, &payload);
    let verifier = Verifier::builder()
        .trust(issuer())
        .clock(At(Timestamp::from_secs(NOW)))
        .build::<()>()
        .unwrap();
    assert_eq!(verifier.verify(token).unwrap_err().kind(), MalformedToken);
}

#[derive(Debug, Deserialize)]
struct Payroll {
    sub: String,
    exp: u64,
    #[serde(default)]
    roles: Vec<String>,
}

fn read<C>(claims: &Value) -> Result<C, RejectionKind>
where
    C: DeserializeOwned + Clone + Send + Sync + 'static,
{
    let verifier: Verifier<C> =
        Verifier::builder().trust(issuer()).clock(At(Timestamp::from_secs(NOW))).build().unwrap();
    verifier.verify(token(claims)).map(|c| (*c).clone()).map_err(|r| r.kind())
}

#[test]
fn claims_types_of_every_shape_are_filled() {
    #[derive(Clone, Debug, Deserialize, PartialEq)]
    struct Flat {
        sub: String,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }
    #[derive(Clone, Debug, Deserialize, PartialEq)]
    #[serde(tag = "kind", rename_all = "lowercase")]
    enum Tagged {
        Human { sub: String },
        Robot,
    }
    #[derive(Clone, Debug, Deserialize, PartialEq)]
    #[serde(untagged)]
    enum Untagged {
        Robot { model: String },
        Human { sub: String },
    }
    #[derive(Clone, Debug, Deserialize, PartialEq)]
    struct Wrapper(BTreeMap<String, Value>);
    #[derive(Clone, Debug, Deserialize, PartialEq)]
    struct Nothing;

    assert_eq!(read::<Value>(&good()), Ok(good()));
    assert_eq!(read::<()>(&good()), Ok(()));
    assert_eq!(read::<Nothing>(&good()), Ok(Nothing));
    assert_eq!(read::<Option<Value>>(&good()), Ok(Some(good())));
    assert_eq!(read::<Flat>(&good()).unwrap().rest["iss"], crate::ISSUER);
    assert_eq!(read::<Wrapper>(&good()).unwrap().0["sub"], "bob");
    let human = with(&[("kind", json!("human"))]);
    assert_eq!(read::<Tagged>(&human), Ok(Tagged::Human { sub: "bob".into() }));
    assert_eq!(read::<Untagged>(&good()), Ok(Untagged::Human { sub: "bob".into() }));

    // whatever the type looks at, the rules see the registered claims
    for claims in
        [with(&[("exp", json!(1))]), with(&[("-exp", json!(null))]), with(&[("aud", json!(1))])]
    {
        assert!(read::<()>(&claims).is_err() && read::<Nothing>(&claims).is_err());
        assert!(read::<Untagged>(&claims).is_err() && read::<Flat>(&claims).is_err());
        assert!(read::<Option<Value>>(&claims).is_err());
    }
}

#[test]
fn types_that_are_no_object_never_verify() {
    assert_eq!(read::<String>(&good()), Err(InvalidClaims));
    assert_eq!(read::<Vec<Value>>(&good()), Err(InvalidClaims));
    assert_eq!(read::<(String, String)>(&good()), Err(InvalidClaims));
    assert_eq!(read::<u64>(&good()), Err(InvalidClaims));
}

#[test]
fn a_type_that_stops_reading_early_cannot_hide_a_claim() {
    #[derive(Clone, Debug)]
    struct Lazy;
    impl<'de> Deserialize<'de> for Lazy {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Lazy;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("anything")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, _: A) -> Result<Lazy, A::Error> {
                    Ok(Lazy)
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    assert!(read::<Lazy>(&good()).is_err());
}

#[test]
fn what_serde_makes_of_it_is_told_without_values() {
    let verifier: Verifier<Payroll> =
        Verifier::builder().trust(issuer()).clock(At(Timestamp::from_secs(NOW))).build().unwrap();
    let ok = verifier.verify(token(&with(&[("roles", json!(["reader"]))]))).unwrap();
    assert_eq!((ok.sub.as_str(), ok.exp, ok.roles.len()), ("bob", NOW as u64 + 600, 1));

    let refused = verifier.verify(token(&with(&[("-sub", json!(null))]))).unwrap_err();
    assert_eq!(refused.kind(), InvalidClaims);
    assert!(refused.to_string().contains("no `sub`"), "{refused}");
    let private = json!("a private value");
    let refused = verifier.verify(token(&with(&[("roles", private)]))).unwrap_err();
    assert_eq!(refused.kind(), InvalidClaims);
    assert!(!format!("{refused} {refused:?}").contains("private"), "{refused:?}");
    assert!(refused.to_string().contains("Payroll"), "{refused}");
    assert!(refused.to_string().contains("something else than a sequence at line 1"), "{refused}");
}

#[test]
fn access_claims_are_filled_from_where_the_issuer_keeps_them() {
    let issuer = issuer()
        .roles_from(["realm_access", "roles"])
        .roles_from("cognito:groups")
        .scopes_from("permissions")
        .may_assert_roles(["reader", "staff"])
        .may_assert_scopes(["look"]);
    let verifier: Verifier<AccessClaims> =
        Verifier::builder().trust(issuer).clock(At(Timestamp::from_secs(NOW))).build().unwrap();
    let claims = with(&[
        ("roles", json!(["root"])),
        ("scope", json!("everything")),
        ("realm_access", json!({"roles": ["reader", "admin"]})),
        ("cognito:groups", json!("staff")),
        ("permissions", json!(["look", "pay"])),
        ("client_id", json!("app")),
    ]);
    let access = verifier.verify(token(&claims)).unwrap();
    assert_eq!(access.subject(), Some("bob"));
    assert_eq!(access.client(), Some("app"));
    assert_eq!(access.roles(), ["reader", "staff"]);
    assert_eq!(access.scopes(), ["look"]);

    let wrong = with(&[("realm_access", json!({"roles": 5}))]);
    let refused = verifier.verify(token(&wrong)).unwrap_err();
    assert_eq!(refused.kind(), InvalidClaim);
    assert!(refused.to_string().contains("realm_access.roles"), "{refused}");

    // where others keep theirs, anything may stand
    let others = [("roles", json!(null)), ("scope", json!({"a": 1})), ("scp", json!(7))];
    let access = verifier.verify(token(&with(&others))).unwrap();
    assert!(access.roles().is_empty() && access.scopes().is_empty());
}

#[test]
fn the_usual_places_of_roles_and_scopes_hold_strings_where_no_others_are_named() {
    let verifier = |issuer| -> Verifier<AccessClaims> {
        Verifier::builder().trust(issuer).clock(At(Timestamp::from_secs(NOW))).build().unwrap()
    };
    for (issuer, name) in [
        (issuer(), "roles"),
        (issuer(), "scope"),
        (issuer(), "scp"),
        (issuer().roles_from("groups"), "scope"),
        (issuer().scopes_from("perm"), "roles"),
    ] {
        for wrong in [json!(null), json!({"a private": 1}), json!(["a", 1])] {
            let refused =
                verifier(issuer.clone()).verify(token(&with(&[(name, wrong)]))).unwrap_err();
            assert_eq!(refused.kind(), InvalidClaim);
            let text = refused.to_string();
            let expected = format!("a string or an array of strings as `{name}`");
            assert!(text.contains(&expected) && !text.contains("private"), "{text}");
        }
    }
    // what is wrong with the type itself is told as well, without a place
    let refused = verifier(issuer()).verify(token(&with(&[("azp", json!(["a private"]))])));
    let text = refused.unwrap_err().to_string();
    assert!(!text.contains("line 0") && !text.contains("private"), "{text}");
}

#[test]
fn the_identifier_and_generation_may_have_other_names() {
    use portcullis::Verified;
    let verified = |claims: &Value| {
        let issuer = issuer().token_id_claim("uti").generation_claim("gen");
        crate::verifier_at(issuer, Timestamp::from_secs(NOW))
            .verify(token(claims))
            .map(|a| a.without_revocation())
            .map_err(|r| r.kind())
    };
    let ok =
        verified(&with(&[("uti", json!("u1")), ("gen", json!(0)), ("jti", json!(5))])).unwrap();
    assert_eq!(Verified::token_id(&ok), Some("u1"));
    assert_eq!(Verified::generation(&ok), Some(0));
    for (name, value) in
        [("uti", json!(1)), ("gen", json!(-1)), ("gen", json!(1.5)), ("gen", json!("1"))]
    {
        assert_eq!(verified(&with(&[(name, value)])).unwrap_err(), InvalidClaim, "{name}");
    }
}
