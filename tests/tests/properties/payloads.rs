//! Any claims, signed by an issuer that is trusted: what passes is right by a second look that knows
//! nothing of ours.

use std::sync::LazyLock;

use portcullis::{Algorithm, Verifier};
use portcullis_testing::TestIssuer;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::config;

const NOW: i64 = TestIssuer::NOW;

fn issuer() -> TestIssuer {
    TestIssuer::new(Algorithm::HS256)
}

fn verifier() -> Verifier<Value> {
    static ONE: LazyLock<Verifier<Value>> = LazyLock::new(|| {
        Verifier::builder().trust(issuer().trusted()).clock(issuer().clock()).build().unwrap()
    });
    ONE.clone()
}

/// JSON of every form, with the values among it that matter.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_map(|f| serde_json::Number::from_f64(f).map_or(Value::Null, Value::Number)),
        (NOW - 200..NOW + 200).prop_map(Value::from),
        "\\PC{0,10}".prop_map(Value::from),
        prop::sample::select(vec!["https://issuer.test", "api", "alice"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{0,3}", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Good claims with some of them changed or left out.
fn claims() -> impl Strategy<Value = Map<String, Value>> {
    let names = vec![
        "iss",
        "aud",
        "sub",
        "exp",
        "nbf",
        "iat",
        "jti",
        "sid",
        "azp",
        "client_id",
        "auth_time",
        "cnf",
        "events",
        "nonce",
        "x",
    ];
    let change = (prop::sample::select(names), prop::option::of(value()));
    prop::collection::vec(change, 0..4).prop_map(|changes| {
        let good = json!({
            "iss": "https://issuer.test", "aud": "api", "sub": "alice", "iat": NOW, "exp": NOW + 600,
        });
        let Value::Object(mut claims) = good else { unreachable!("it is an object") };
        for (name, value) in changes {
            match value {
                Some(value) => claims.insert(name.to_owned(), value),
                None => claims.remove(name),
            };
        }
        claims
    })
}

/// The rules once more, written from the RFC and as simply as can be.
fn is_right(claims: &Map<String, Value>) -> bool {
    let time = |name: &str| claims.get(name).map(|value| value.as_f64().unwrap_or(f64::NAN));
    let now = NOW as f64;
    let text = |name: &str| claims.get(name).is_none_or(Value::is_string);
    let named = match &claims.get("aud") {
        Some(Value::Array(all)) => all.iter().all(Value::is_string) && all.contains(&json!("api")),
        Some(one) => **one == "api",
        None => false,
    };
    claims.get("iss") == Some(&json!("https://issuer.test"))
        && named
        && time("exp").is_some_and(|exp| now < exp + 60.0)
        && time("nbf").is_none_or(|nbf| nbf <= now + 60.0)
        && time("iat").is_none_or(|iat| iat <= now + 60.0)
        && time("auth_time").is_none_or(f64::is_finite)
        && ["sub", "jti", "sid", "azp", "client_id"].into_iter().all(text)
        && !claims.contains_key("cnf")
        && !claims.contains_key("events")
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn what_passes_is_right_and_what_is_right_passes(claims in claims()) {
        let payload = Value::Object(claims.clone()).to_string();
        let result = verifier().verify(issuer().token().raw_payload(&*payload).mint());
        match result {
            Ok(verified) => {
                prop_assert!(is_right(&claims), "{claims:?}");
                // serde_json is not exact in the last digit of a float
                prop_assert_eq!(&*verified, &serde_json::from_str::<Value>(&payload).unwrap());
            }
            Err(refused) => {
                prop_assert!(refused.kind().status() == 401, "{refused}");
                // seconds beyond 64 bits are refused, which a float can't tell from the largest
                let huge = claims.values().any(|v| v.as_f64().is_some_and(|f| f.abs() > 9e18));
                prop_assert!(huge || !is_right(&claims), "{refused}: {claims:?}");
            }
        }
    }

    #[test]
    fn any_bytes_for_claims_are_refused_for_a_reason(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let refused = verifier().verify(issuer().token().raw_payload(payload).mint());
        let refused = refused.expect_err("these are no claims");
        prop_assert!(refused.kind().status() == 401, "{refused}");
    }

    #[test]
    fn any_bytes_for_a_header_are_refused_for_a_reason(header in prop::collection::vec(any::<u8>(), 0..200)) {
        let refused = verifier().verify(issuer().token().raw_header(header).mint());
        let refused = refused.expect_err("this is no header");
        prop_assert!(refused.kind().status() == 401, "{refused}");
    }
}
