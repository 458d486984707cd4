//! Several issuers: each with its own keys and settings, and none with another's.

use portcullis::RejectionKind::*;
use portcullis::{
    AccessClaims, Algorithm, Issuer, Keys, RejectionKind, Timestamp, Verified, Verifier, roles,
};
use serde_json::{Value, json};

use crate::{At, NOW, sign_with, with};

const ONE: &str = "the secret of the first issuer, long enough";
const TWO: &str = "the secret of the second issuer, long enough";

roles! {
    Admin = "admin";
    Reader = "reader";
}

fn keys(secret: &str) -> Keys {
    Keys::from_secret(Algorithm::HS256, secret).unwrap()
}

fn two() -> Verifier<AccessClaims> {
    Verifier::builder()
        .trust(Issuer::new("https://one").audience("a").keys(keys(ONE)).may_assert_anything())
        .trust(
            Issuer::new("https://two")
                .audience("b")
                .keys(keys(TWO))
                .may_assert_roles(["reader"])
                .require_claim("tenant"),
        )
        .clock(At(Timestamp::from_secs(NOW)))
        .build()
        .unwrap()
}

fn token(secret: &str, iss: Value, aud: &str) -> String {
    let claims = with(&[
        ("iss", iss),
        ("aud", json!(aud)),
        ("tenant", json!(1)),
        ("roles", json!(["admin", "reader"])),
    ]);
    sign_with(secret, br#"{"alg":"HS256"}"#, claims.to_string().as_bytes())
}

fn outcome(token: &str) -> Option<RejectionKind> {
    two().verify(token).err().map(|r| r.kind())
}

#[test]
fn a_token_is_checked_by_its_own_issuer_and_by_no_other() {
    assert_eq!(outcome(&token(ONE, json!("https://one"), "a")), None);
    assert_eq!(outcome(&token(TWO, json!("https://two"), "b")), None);
    // the key of one under the name of the other
    assert_eq!(outcome(&token(TWO, json!("https://one"), "a")), Some(InvalidSignature));
    assert_eq!(outcome(&token(ONE, json!("https://two"), "b")), Some(InvalidSignature));
    // the audience of one at the other
    assert_eq!(outcome(&token(ONE, json!("https://one"), "b")), Some(WrongAudience));
    // nobody's
    assert_eq!(outcome(&token(ONE, json!("https://three"), "a")), Some(UntrustedIssuer));
    assert_eq!(outcome(&token(ONE, json!("https://one/"), "a")), Some(UntrustedIssuer));
    for odd in [json!(null), json!(["https://one"]), json!({"https://one": 1}), json!(1)] {
        assert_eq!(outcome(&token(ONE, odd, "a")), Some(UntrustedIssuer));
    }
    let near = two().verify(token(ONE, json!("https://one/"), "a")).unwrap_err().to_string();
    assert!(near.contains("a trailing slash"), "{near}");
}

#[test]
fn two_names_in_one_token_choose_nothing() {
    // which of two `iss` selects the keys must not matter, since the second pass refuses both
    for (first, second) in [("https://one", "https://two"), ("https://two", "https://one")] {
        for secret in [ONE, TWO] {
            let payload = format!(
                r#"{{"iss":"{first}","aud":["a","b"],"exp":{},"tenant":1,"iss":"{second}"}}"#,
                NOW + 60
            );
            let token = sign_with(secret, br#"{"alg":"HS256"}"#, payload.as_bytes());
            let kind = outcome(&token);
            assert!(matches!(kind, Some(DuplicateClaim | InvalidSignature)), "{kind:?}");
        }
    }
}

#[test]
fn the_settings_of_one_do_not_leak_to_another() {
    let without_tenant = |secret, iss: &str, aud: &str| {
        let claims = with(&[("iss", json!(iss)), ("aud", json!(aud))]);
        sign_with(secret, br#"{"alg":"HS256"}"#, claims.to_string().as_bytes())
    };
    assert_eq!(outcome(&without_tenant(ONE, "https://one", "a")), None);
    assert_eq!(outcome(&without_tenant(TWO, "https://two", "b")), Some(MissingClaim));
}

#[test]
fn an_issuer_asserts_only_what_it_may() {
    let verified = |secret, iss: &str, aud: &str| {
        two().verify(token(secret, json!(iss), aud)).unwrap().without_revocation()
    };
    let one = verified(ONE, "https://one", "a");
    assert!(Verified::require::<Admin>(&one).is_ok() && Verified::require::<Reader>(&one).is_ok());
    let two = verified(TWO, "https://two", "b");
    assert!(Verified::require::<Reader>(&two).is_ok());
    assert_eq!(two.roles(), ["reader"], "the ready-made claims hold no more than counts");
    assert_eq!(Verified::require::<Admin>(&two).unwrap_err().kind(), InsufficientScope);
}

#[test]
fn a_guard_on_claims_of_ones_own_counts_only_what_may_be_asserted() {
    #[derive(serde::Deserialize)]
    struct Own {
        roles: Vec<String>,
    }
    impl portcullis::HasRoles for Own {
        fn has_role(&self, role: &str) -> bool {
            self.roles.iter().any(|r| r == role)
        }
    }
    let verifier: Verifier<Own> = Verifier::builder()
        .trust(
            Issuer::new("https://two").audience("b").keys(keys(TWO)).may_assert_roles(["reader"]),
        )
        .clock(At(Timestamp::from_secs(NOW)))
        .build()
        .unwrap();
    let verified =
        verifier.verify(token(TWO, json!("https://two"), "b")).unwrap().without_revocation();
    assert!(Verified::require::<Reader>(&verified).is_ok());
    let refused = Verified::require::<Admin>(&verified).unwrap_err();
    assert!(refused.to_string().contains("may not assert it"), "{refused}");
}

#[test]
fn a_foreign_token_is_told_from_a_forged_one_in_the_log() {
    let alone: Verifier<()> = Verifier::builder()
        .trust(Issuer::new("https://one").audience("a").keys(keys(ONE)))
        .clock(At(Timestamp::from_secs(NOW)))
        .build()
        .unwrap();
    let refused = alone.verify(token(TWO, json!("https://two"), "b")).unwrap_err();
    assert_eq!(refused.kind(), InvalidSignature);
    assert!(refused.to_string().contains(r#"from "https://two""#), "{refused}");
    let forged = alone.verify(token(TWO, json!("https://one"), "a")).unwrap_err();
    assert!(!forged.to_string().contains("not trusted"), "{forged}");
}
