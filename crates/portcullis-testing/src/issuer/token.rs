//! A token in the making: good unless told otherwise.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::{Clock, Timestamp};
use portcullis_issuer::SigningKey;
use serde::Serialize;
use serde_json::Value;

use super::{Defect, TestIssuer, forge};

/// A token of a [`TestIssuer`] in the making. What is not set is good: `iss`, `aud`, `sub`, `iat`,
/// `exp` in an hour, a fresh `jti`.
#[derive(Clone, Debug)]
#[must_use = "nothing is minted until `mint`"]
pub struct TestToken {
    pub(super) issuer: TestIssuer,
    pub(super) key: SigningKey,
    // lists and no maps, so that a name can be there twice
    header: Vec<(String, Value)>,
    claims: Vec<(String, Value)>,
    raw_header: Option<Vec<u8>>,
    raw_payload: Option<Vec<u8>>,
}

impl TestToken {
    pub(super) fn new(issuer: &TestIssuer) -> Self {
        let now = issuer.clock().now().as_secs();
        let text = |name: &str, value: &str| (name.to_owned(), Value::from(value));
        Self {
            header: vec![
                text("typ", "JWT"),
                text("alg", issuer.key().algorithm().name()),
                text("kid", issuer.key().key_id()),
            ],
            claims: vec![
                text("iss", issuer.name()),
                text("aud", issuer.audience()),
                text("sub", "alice"),
                ("iat".to_owned(), now.into()),
                ("exp".to_owned(), now.saturating_add(3600).into()),
                text("jti", &fresh_id()),
            ],
            key: issuer.key().clone(),
            issuer: issuer.clone(),
            raw_header: None,
            raw_payload: None,
        }
    }

    /// With this claim, in the place of one of the same name.
    ///
    /// # Panics
    ///
    /// If the value can't be JSON.
    pub fn claim(mut self, name: &str, value: impl Serialize) -> Self {
        set(&mut self.claims, name, json(value));
        self
    }

    /// With these claims, each in the place of one of the same name.
    ///
    /// # Panics
    ///
    /// If they are no JSON object.
    pub fn claims(mut self, claims: impl Serialize) -> Self {
        let Value::Object(claims) = json(claims) else { panic!("claims are an object") };
        for (name, value) in claims {
            set(&mut self.claims, &name, value);
        }
        self
    }

    /// Without this claim.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.retain(|(there, _)| there != name);
        self
    }

    /// With this claim besides one of the same name: a duplicate member.
    ///
    /// # Panics
    ///
    /// If the value can't be JSON.
    pub fn repeat_claim(mut self, name: &str, value: impl Serialize) -> Self {
        self.claims.push((name.to_owned(), json(value)));
        self
    }

    /// With this `sub`.
    pub fn subject(self, subject: &str) -> Self {
        self.claim("sub", subject)
    }

    /// With these `roles`.
    pub fn roles(self, roles: &[&str]) -> Self {
        self.claim("roles", roles)
    }

    /// With this `iat`.
    pub fn issued_at(self, time: Timestamp) -> Self {
        self.claim("iat", time)
    }

    /// With an `exp` that lies so far ahead of the issuer's clock.
    pub fn expires_in(self, time: Duration) -> Self {
        let exp = self.issuer.clock().now().saturating_add(time);
        self.claim("exp", exp)
    }

    /// With this header parameter, in the place of one of the same name.
    ///
    /// # Panics
    ///
    /// If the value can't be JSON.
    pub fn header(mut self, name: &str, value: impl Serialize) -> Self {
        set(&mut self.header, name, json(value));
        self
    }

    /// Without this header parameter.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.retain(|(there, _)| there != name);
        self
    }

    /// With this header parameter besides one of the same name: a duplicate member.
    ///
    /// # Panics
    ///
    /// If the value can't be JSON.
    pub fn repeat_header(mut self, name: &str, value: impl Serialize) -> Self {
        self.header.push((name.to_owned(), json(value)));
        self
    }

    /// With these bytes for a header, whatever they are.
    pub fn raw_header(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.raw_header = Some(bytes.into());
        self
    }

    /// With these bytes for a payload, whatever they are.
    pub fn raw_payload(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.raw_payload = Some(bytes.into());
        self
    }

    /// Signed with this key; the header keeps saying what it said.
    pub fn sign_with(mut self, key: &SigningKey) -> Self {
        self.key = key.clone();
        self
    }

    /// The token, signed.
    #[must_use]
    pub fn mint(&self) -> String {
        let input = self.signing_input();
        let signature = self.signature_over(&input);
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The token with this defect; `None` if its algorithm can't have it.
    #[must_use]
    pub fn forge(&self, defect: Defect) -> Option<String> {
        forge::forge(self, defect)
    }

    /// The token with each defect that its algorithm can have.
    pub fn forgeries(&self) -> impl Iterator<Item = (Defect, String)> + '_ {
        Defect::ALL.iter().filter_map(|&defect| Some((defect, self.forge(defect)?)))
    }

    /// The header as it will be signed.
    pub(super) fn header_bytes(&self) -> Vec<u8> {
        self.raw_header.clone().unwrap_or_else(|| object(&self.header).into_bytes())
    }

    /// The payload as it will be signed.
    pub(super) fn payload_bytes(&self) -> Vec<u8> {
        self.raw_payload.clone().unwrap_or_else(|| object(&self.claims).into_bytes())
    }

    pub(super) fn signing_input(&self) -> String {
        let header = URL_SAFE_NO_PAD.encode(self.header_bytes());
        format!("{header}.{}", URL_SAFE_NO_PAD.encode(self.payload_bytes()))
    }

    pub(super) fn signature_over(&self, input: &str) -> Vec<u8> {
        self.key.sign_bytes(input.as_bytes()).expect("the keys of test issuers can sign")
    }
}

/// A `jti` that no other token of this process has.
fn fresh_id() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};

    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("token-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn json(value: impl Serialize) -> Value {
    serde_json::to_value(value).expect("what a test claims can be written as JSON")
}

fn set(members: &mut Vec<(String, Value)>, name: &str, value: Value) {
    match members.iter_mut().find(|(there, _)| there == name) {
        Some((_, there)) => *there = value,
        None => members.push((name.to_owned(), value)),
    }
}

fn object(members: &[(String, Value)]) -> String {
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
        .collect();
    format!("{{{}}}", members.join(","))
}
