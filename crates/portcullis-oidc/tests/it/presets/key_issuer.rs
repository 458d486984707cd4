//! Keys of Entra that name the tenant they are for: the key set as Microsoft's documentation shows it, with keys made
//! here.

use portcullis::keys::{KeySet, VerificationKey};
use portcullis::{AccessClaims, Algorithm, Keys, RejectionKind, Rule, RuleOutcome, Verifier};
use portcullis_oidc::presets::{self, Preset};
use portcullis_testing::TestIssuer;
use serde_json::{Value, json};

use super::cases::TENANT;

/// The tenant of personal accounts.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const API: &str = "1d2c3b4a-0000-4000-8000-000000000001";

fn v1(tenant: &str) -> String {
    format!("https://sts.windows.net/{tenant}/")
}

fn v2(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0")
}

/// The signer's key as it stands in the common key set, with this member `issuer`.
fn published(signer: &TestIssuer, issuer: Option<Value>) -> KeySet {
    let jwk = signer.key().verification_key().public_jwk().unwrap();
    let mut jwk: Value = serde_json::from_str(&jwk).unwrap();
    let jwk = jwk.as_object_mut().unwrap();
    jwk.remove("alg");
    jwk.insert("x5t".to_owned(), jwk["kid"].clone());
    jwk.insert("x5c".to_owned(), json!(["MIID..."]));
    jwk.extend(issuer.map(|issuer| ("issuer".to_owned(), issuer)));
    KeySet::from_published_jwk_set(json!({ "keys": [jwk] }).to_string(), 10).unwrap()
}

fn verifier(preset: Preset, signer: &TestIssuer, keys: &Keys) -> Verifier<AccessClaims> {
    let issuer = preset.audience(API).issuer_with(keys.clone()).unwrap();
    Verifier::builder().trust(issuer).clock(signer.clock()).build().unwrap()
}

/// A token of this tenant, in version 2.0 or 1.0.
fn token(signer: &TestIssuer, tenant: &str, is_v2: bool) -> String {
    let (iss, ver, client) =
        if is_v2 { (v2(tenant), "2.0", "azp") } else { (v1(tenant), "1.0", "appid") };
    let token = signer.token().claim("aud", API).claim("iss", iss).claim("tid", tenant);
    token.claim("ver", ver).claim(client, "2e3d4c5b-0000-4000-8000-000000000009").mint()
}

#[test]
fn a_key_verifies_tokens_of_the_issuer_that_it_names_and_of_no_other() {
    let signer = TestIssuer::new(Algorithm::RS256);
    let ours = [TENANT, CONSUMERS];
    for is_v2 in [true, false] {
        let preset = || if is_v2 { presets::entra() } else { presets::entra_v1() };
        let presets: [(&str, Preset); 3] = [
            ("one", preset().tenant(TENANT)),
            ("two", preset().tenants(ours)),
            ("any", preset().any_tenant()),
        ];
        for (issuer, for_tenant, for_consumers) in [
            (None, true, true),
            (Some(json!(v2("{tenantid}"))), true, true),
            (Some(json!(v1("{tenantid}"))), true, true),
            (Some(json!(v2(TENANT))), true, false),
            (Some(json!(v1(TENANT))), true, false),
            (Some(json!(v2(CONSUMERS))), false, true),
            (Some(json!(v2("00000000-0000-4000-8000-000000000002"))), false, false),
            (Some(json!("https://login.microsoftonline.us/{tenantid}/v2.0")), false, false),
            (Some(json!("{tenantid}")), false, false),
            (Some(json!("")), false, false),
            (Some(json!(null)), false, false),
            (Some(json!([v2(TENANT)])), false, false),
        ] {
            let keys = Keys::from(published(&signer, issuer.clone()));
            for (name, preset) in &presets {
                let verifier = verifier(preset.clone(), &signer, &keys);
                for (tenant, passes) in [(TENANT, for_tenant), (CONSUMERS, for_consumers)] {
                    if *name == "one" && tenant == CONSUMERS {
                        continue;
                    }
                    let told = format!("{name} {is_v2} {issuer:?} {tenant}");
                    let token = token(&signer, tenant, is_v2);
                    let found = verifier.verify(&token);
                    let explained = verifier.explain(&token);
                    assert_eq!(explained.is_accepted(), passes, "{told}");
                    assert_eq!(found.is_ok(), passes, "{told}: {:?}", found.err());
                    let Err(refused) = found else { continue };
                    assert_eq!(refused.kind(), RejectionKind::UnknownKey, "{told}");
                    let broken =
                        explained.rules().iter().filter(|r| r.outcome() == RuleOutcome::Broken);
                    let broken: Vec<_> = broken.map(|report| report.rule()).collect();
                    assert_eq!(broken, [Rule::KeyIssuer], "{told}");
                }
            }
        }
    }
}

#[test]
fn a_key_of_another_tenant_is_told_as_one() {
    let signer = TestIssuer::new(Algorithm::RS256);
    let keys = Keys::from(published(&signer, Some(json!(v2(CONSUMERS)))));
    let verifier = verifier(presets::entra().tenant(TENANT), &signer, &keys);
    let refused = verifier.verify(token(&signer, TENANT, true)).unwrap_err().to_string();
    for part in [&v2(TENANT), "which its issuer keeps for", &v2(CONSUMERS), "forgery"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
}

#[test]
fn a_key_that_is_given_to_one_tenant_later_stops_working_for_the_others_at_once() {
    let signer = TestIssuer::new(Algorithm::RS256);
    let keys = Keys::from(published(&signer, Some(json!(v2("{tenantid}")))));
    let verifier = verifier(presets::entra().tenants([TENANT, CONSUMERS]), &signer, &keys);
    let (ours, theirs) = (token(&signer, TENANT, true), token(&signer, CONSUMERS, true));
    // often enough to be remembered
    for _ in 0..3 {
        verifier.verify(&ours).unwrap();
        verifier.verify(&theirs).unwrap();
    }
    let narrowed = published(&signer, Some(json!(v2(CONSUMERS))));
    assert!(!narrowed.has_same_keys(&keys.snapshot()));
    keys.replace(narrowed);
    assert_eq!(verifier.verify(&ours).unwrap_err().kind(), RejectionKind::UnknownKey);
    verifier.verify(&theirs).unwrap();
}

#[test]
fn elsewhere_the_member_means_nothing() {
    let signer = TestIssuer::new(Algorithm::RS256);
    let named = published(&signer, Some(json!("https://somebody.example")));
    let issuer = named.keys().next().and_then(VerificationKey::issuer);
    assert_eq!(issuer, Some("https://somebody.example"));
    let preset = presets::openid("https://idp.example.com");
    let verifier = verifier(preset, &signer, &Keys::from(named));
    let token = signer.token().claim("aud", API).claim("iss", "https://idp.example.com").mint();
    verifier.verify(token).unwrap();
}
