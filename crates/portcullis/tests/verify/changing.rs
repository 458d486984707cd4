//! Issuers that come and go, and thousands of them.

use allocation_counter::measure;
use portcullis::RejectionKind::*;
use portcullis::{Algorithm, Issuer, Issuers, Keys, RejectionKind, Source, Timestamp, Verifier};
use serde_json::{Value, json};

use crate::{AUDIENCE, At, ISSUER, NOW, SECRET, good, issuer, sign_with, token, with};

const OTHER: &str = "another secret that is shared, of 32 bytes";

fn of(name: &str, secret: &str) -> Issuer {
    let keys = Keys::from_secret(Algorithm::HS256, secret).unwrap();
    Issuer::new(name).audience(AUDIENCE).keys(keys).may_assert_nothing()
}

fn tenant(n: usize) -> Issuer {
    of(&format!("https://tenant-{n}.example"), SECRET)
}

fn verifier(issuers: &Issuers) -> Verifier<Value> {
    let clock = At(Timestamp::from_secs(NOW));
    Verifier::builder().trust_changing(issuers.clone()).clock(clock).build().unwrap()
}

fn signed(name: &str, secret: &str) -> String {
    let claims = with(&[("iss", json!(name))]).to_string();
    sign_with(secret, br#"{"alg":"HS256"}"#, claims.as_bytes())
}

fn kind(verifier: &Verifier<Value>, token: &str) -> Option<RejectionKind> {
    verifier.verify(token).err().map(|rejection| rejection.kind())
}

#[test]
fn an_issuer_is_trusted_from_when_it_is_added_until_it_is_removed() {
    let issuers = Issuers::new();
    let verifier = verifier(&issuers);
    let bob = token(&good());
    assert_eq!(kind(&verifier, &bob), Some(UntrustedIssuer));
    issuers.add(of(ISSUER, SECRET).also_known_as("idp")).unwrap();
    assert_eq!((issuers.len(), issuers.contains("idp")), (1, true));
    // often enough to be in every cache
    for _ in 0..4 {
        assert_eq!(kind(&verifier, &bob), None);
    }
    assert!(issuers.remove("idp"));
    assert_eq!(kind(&verifier, &bob), Some(UntrustedIssuer));
    assert!(!issuers.remove(ISSUER) && issuers.is_empty() && !issuers.contains(ISSUER));
    // and again: what was remembered of its first time does not count, and may again
    issuers.add(of(ISSUER, SECRET)).unwrap();
    for _ in 0..4 {
        assert_eq!(kind(&verifier, &bob), None);
    }
    let near = verifier.verify(signed("http://idp.example.com", SECRET)).unwrap_err().to_string();
    assert!(near.contains("http and https") && near.contains("one of 1 trusted"), "{near}");
}

#[test]
fn settings_that_are_replaced_hold_at_once() {
    let issuers = Issuers::new();
    let verifier = verifier(&issuers);
    issuers.add(of(ISSUER, SECRET).also_known_as("idp")).unwrap();
    issuers.add(of("https://two", SECRET)).unwrap();
    let bob = token(&good());
    for _ in 0..4 {
        assert_eq!(kind(&verifier, &bob), None);
    }
    issuers.replace(of(ISSUER, SECRET).require_claim("tenant")).unwrap();
    assert_eq!(kind(&verifier, &bob), Some(MissingClaim));
    assert!(!issuers.contains("idp"), "a name that it has no longer");
    issuers.replace(of(ISSUER, OTHER)).unwrap();
    assert_eq!(kind(&verifier, &bob), Some(InvalidSignature));
    assert_eq!(kind(&verifier, &signed(ISSUER, OTHER)), None);
    issuers.replace(of("https://three", SECRET)).unwrap();
    assert_eq!(issuers.len(), 3);
    let error = issuers.replace(of(ISSUER, OTHER).also_known_as("https://two")).unwrap_err();
    assert!(error.to_string().contains("belongs to another"), "{error}");
    assert_eq!(kind(&verifier, &signed("https://two", SECRET)), None);
}

#[test]
fn tenants_that_are_replaced_are_trusted_no_longer() {
    const TEMPLATE: &str = "https://t.example/{tid}";
    let of = |tenants: &[&str]| {
        let keys = Keys::from_secret(Algorithm::HS256, SECRET).unwrap();
        let issuer = Issuer::per_tenant(TEMPLATE).tenants(tenants);
        issuer.audience(AUDIENCE).keys(keys).may_assert_nothing()
    };
    let token = |tenant: &str| {
        let iss = json!(format!("https://t.example/{tenant}"));
        let claims = with(&[("iss", iss), ("tid", json!(tenant))]).to_string();
        sign_with(SECRET, br#"{"alg":"HS256"}"#, claims.as_bytes())
    };
    let issuers = Issuers::new();
    let verifier = verifier(&issuers);
    issuers.add(of(&["a"])).unwrap();
    issuers.add(of(&["b"])).unwrap();
    for tenant in ["a", "b"].repeat(4) {
        assert_eq!(kind(&verifier, &token(tenant)), None, "{tenant}");
    }
    // none of the new names is one of the old
    issuers.replace(of(&["c"])).unwrap();
    for (tenant, outcome) in
        [("a", Some(UntrustedIssuer)), ("b", Some(UntrustedIssuer)), ("c", None)]
    {
        assert_eq!(kind(&verifier, &token(tenant)), outcome, "{tenant}");
    }
    assert_eq!(issuers.len(), 1);
    issuers.replace(of(&["a", "c"]).require_claim("more")).unwrap();
    for tenant in ["a", "c"] {
        assert_eq!(kind(&verifier, &token(tenant)), Some(MissingClaim), "{tenant}");
    }
    assert!(issuers.remove("https://t.example/c") && issuers.is_empty());
}

#[test]
fn what_makes_no_sense_is_not_added() {
    let issuers = Issuers::new();
    issuers.add(of(ISSUER, SECRET)).unwrap();
    let fails = |issuer: Issuer, says: &str| {
        let error = issuers.add(issuer).unwrap_err().to_string();
        assert!(error.contains(says), "{says}: {error}");
    };
    fails(of(ISSUER, SECRET), "there already");
    fails(of("https://two", SECRET).also_known_as(ISSUER), "there already");
    fails(Issuer::new("https://two"), "keys");
    // there may be others, so it has to be said
    fails(issuer().also_known_as("x"), "may_assert_roles");
    let bound = of("https://two", SECRET).taken_from(Source::header("x-proxy").unwrap());
    fails(bound, "VerifierBuilder::trust");
    let keys = Keys::from_secret(Algorithm::HS256, SECRET).unwrap();
    let any = Issuer::per_tenant("https://t/{tid}").audience("a").keys(keys).may_assert_nothing();
    fails(any.clone().danger_accept_any_tenant(), "VerifierBuilder::trust");
    assert_eq!(issuers.len(), 1);
    issuers.add(any.tenants(["a", "b"])).unwrap();
    assert!(issuers.contains("https://t/a") && issuers.contains("https://t/b"));
    assert!(!issuers.contains("https://t/{tid}"));
    assert!(issuers.remove("https://t/a") && !issuers.contains("https://t/b"));
}

#[test]
fn an_issuer_that_was_named_goes_before_one_that_comes() {
    let issuers = Issuers::new();
    let builder = Verifier::builder().trust(of(ISSUER, SECRET)).trust_changing(issuers.clone());
    let verifier = builder.clock(At(Timestamp::from_secs(NOW))).build::<Value>().unwrap();
    issuers.add(of(ISSUER, OTHER)).unwrap();
    issuers.add(of("https://two", OTHER)).unwrap();
    assert_eq!(kind(&verifier, &token(&good())), None);
    assert_eq!(kind(&verifier, &signed(ISSUER, OTHER)), Some(InvalidSignature));
    assert_eq!(kind(&verifier, &signed("https://two", OTHER)), None);
}

/// What one of many costs, trusted and not: the same work as among two.
#[test]
fn ten_thousand_issuers_cost_no_more_than_two() {
    let name = |n: usize| format!("https://tenant-{n}.example");
    let costs = |verifier: &Verifier<Value>| {
        let tokens = [signed(&name(1), SECRET), signed("https://stranger.example", SECRET)];
        tokens.map(|token| {
            // the first time a thread needs its buffers
            let _ = verifier.verify(&token);
            let counted = measure(|| drop(verifier.verify(&token)));
            counted.count_total
        })
    };
    let fixed = |n: usize| -> Verifier<Value> {
        Verifier::builder()
            .trust_all((0..n).map(tenant))
            .cache(portcullis::Cache::off())
            .clock(At(Timestamp::from_secs(NOW)))
            .build()
            .unwrap()
    };
    let changing = |n: usize| -> Verifier<Value> {
        let issuers = Issuers::new();
        (0..n).for_each(|n| issuers.add(tenant(n)).unwrap());
        Verifier::builder()
            .trust_changing(issuers)
            .cache(portcullis::Cache::off())
            .clock(At(Timestamp::from_secs(NOW)))
            .build()
            .unwrap()
    };
    let few = costs(&fixed(2));
    assert_eq!(costs(&fixed(10_000)), few);
    let few = costs(&changing(2));
    assert_eq!(costs(&changing(10_000)), few);
    let all = changing(10_000);
    for n in (0..10_000).step_by(997) {
        assert_eq!(kind(&all, &signed(&name(n), SECRET)), None);
        assert_eq!(kind(&all, &signed(&name(n), OTHER)), Some(InvalidSignature));
    }
}
