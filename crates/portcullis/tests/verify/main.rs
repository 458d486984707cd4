//! The verifier at the library: each rule at its boundary, claims in every wrong form, several issuers.
//!
//! Tokens are signed here by HS256 in three lines, so that no code of ours makes what it then checks.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod build;
mod carriers;
mod changing;
mod claims;
mod explain;
mod issuers;
mod remembered;
mod rules;
mod source;
mod third_party;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::{Algorithm, Clock, Issuer, Keys, RejectionKind, Timestamp, Verifier};
use serde_json::{Value, json};

pub(crate) const SECRET: &str = "thirty-two bytes or more of secret";
pub(crate) const ISSUER: &str = "https://idp.example.com";
pub(crate) const AUDIENCE: &str = "payroll";
pub(crate) const NOW: i64 = 1_700_000_000;

/// A clock that stands still.
pub(crate) struct At(pub(crate) Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

pub(crate) fn sign(header: &[u8], payload: &[u8]) -> String {
    sign_with(SECRET, header, payload)
}

pub(crate) fn sign_with(secret: &str, header: &[u8], payload: &[u8]) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// Claims that pass.
pub(crate) fn good() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "bob", "iat": NOW, "exp": NOW + 600, "jti": "7f"})
}

/// The claims with some of them set, or taken out where the value is [`Value::Null`] under a name that
/// starts with `-`.
pub(crate) fn with(changes: &[(&str, Value)]) -> Value {
    let mut claims = good();
    for (name, value) in changes {
        match name.strip_prefix('-') {
            Some(name) => {
                claims.as_object_mut().unwrap().remove(name);
            }
            None => claims[*name] = value.clone(),
        }
    }
    claims
}

pub(crate) fn token(claims: &Value) -> String {
    sign(br#"{"alg":"HS256"}"#, claims.to_string().as_bytes())
}

pub(crate) fn issuer() -> Issuer {
    Issuer::new(ISSUER)
        .audience(AUDIENCE)
        .keys(Keys::from_secret(Algorithm::HS256, SECRET).unwrap())
}

pub(crate) fn verifier_at(issuer: Issuer, now: Timestamp) -> Verifier<Value> {
    Verifier::builder().trust(issuer).clock(At(now)).build().unwrap()
}

/// What becomes of a token: `None` if it passes.
pub(crate) fn outcome(issuer: Issuer, token: &str) -> Option<RejectionKind> {
    outcome_at(issuer, token, Timestamp::from_secs(NOW))
}

pub(crate) fn outcome_at(issuer: Issuer, token: &str, now: Timestamp) -> Option<RejectionKind> {
    verifier_at(issuer, now).verify(token).err().map(|r| r.kind())
}

/// The rejection of these claims, in words.
pub(crate) fn words(issuer: Issuer, claims: &Value) -> String {
    let verifier = verifier_at(issuer, Timestamp::from_secs(NOW));
    verifier.verify(token(claims)).unwrap_err().to_string()
}

#[test]
fn the_good_token_passes_and_its_parts_can_be_read() {
    let claims = with(&[
        ("sid", json!("s1")),
        ("azp", json!("app")),
        ("auth_time", json!(NOW - 5)),
        ("nbf", json!(NOW)),
        ("gen", json!(3)),
        ("aud", json!(["other", AUDIENCE])),
    ]);
    let verifier = verifier_at(issuer().generation_claim("gen"), Timestamp::from_secs(NOW));
    let verified = verifier.verify(token(&claims)).unwrap().without_revocation();
    assert_eq!(*verified, claims);
    use portcullis::{Target, TargetKind, Verified};
    assert_eq!(Verified::issuer(&verified), ISSUER);
    assert_eq!(Verified::subject(&verified), Some("bob"));
    assert_eq!(Verified::token_id(&verified), Some("7f"));
    assert_eq!(Verified::session(&verified), Some("s1"));
    assert_eq!(Verified::client(&verified), Some("app"));
    assert_eq!(Verified::audience(&verified).collect::<Vec<_>>(), ["other", AUDIENCE]);
    assert_eq!(Verified::expires_at(&verified), Some(Timestamp::from_secs(NOW + 600)));
    assert_eq!(Verified::not_before(&verified), Some(Timestamp::from_secs(NOW)));
    assert_eq!(Verified::issued_at(&verified), Some(Timestamp::from_secs(NOW)));
    assert_eq!(Verified::auth_time(&verified), Some(Timestamp::from_secs(NOW - 5)));
    assert_eq!(Verified::generation(&verified), Some(3));
    let target = Verified::token_target(&verified);
    assert_eq!(target.as_target(), Target::token(ISSUER, "7f"));
    let key = Verified::target(&verified, TargetKind::Key).unwrap();
    assert_eq!(key.id(), Verified::key_thumbprint(&verified));
    // no claim in Debug
    assert!(!format!("{verified:?}").contains("bob"));
}

#[test]
fn a_token_without_jti_is_known_by_its_signing_input() {
    use portcullis::{TargetKind, Verified};
    let verifier = Arc::new(verifier_at(issuer(), Timestamp::from_secs(NOW)));
    let target = |claims: &Value| {
        Verified::token_target(&verifier.verify(token(claims)).unwrap().without_revocation())
    };
    let (a, b) = (with(&[("-jti", json!(null))]), with(&[("-jti", json!(null)), ("n", json!(1))]));
    assert_eq!(target(&a).as_target().kind(), TargetKind::Fingerprint);
    assert_eq!(target(&a), target(&a));
    assert_ne!(target(&a), target(&b));
    // worked out by Python's hashlib over the same header and payload
    assert_eq!(target(&a).as_target().id(), "junIOdlMENsAiNngViQLmirMR6QmAvwPWY3Vbndn9Fs");
}
