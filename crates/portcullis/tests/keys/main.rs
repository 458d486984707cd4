//! Keys in every form: the same key reads the same, weak and foreign ones are refused with advice, and
//! one bad entry spoils no set.
//!
//! `good.jsonl` holds public keys with a thumbprint and tokens that another implementation (Python's
//! jwcrypto) made; `bad.jsonl` holds keys to refuse and a word that the refusal must have.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, in its helpers too")]

mod published;
mod sets;
mod single;

use portcullis::keys::VerificationKey;
use serde_json::Value;

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn good() -> Vec<Value> {
    rows(include_str!("good.jsonl"))
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap()
}

fn good_key(name: &str) -> Value {
    good().into_iter().find(|row| row["name"] == name).unwrap()
}

/// `jwk` with this change.
fn changed(jwk: &Value, name: &str, value: Value) -> String {
    let mut jwk = jwk.clone();
    jwk[name] = value;
    jwk.to_string()
}

fn refused(jwk: &str, says: &str) {
    let error = VerificationKey::from_jwk(jwk).unwrap_err().to_string();
    assert!(error.contains(says), "{jwk}: {error}");
}
