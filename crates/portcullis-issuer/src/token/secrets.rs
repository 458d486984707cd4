//! What must not be in a payload, which everybody can read: passwords, secrets and private keys.

use serde_json::{Map, Value};

use crate::error::IssuerError;
use crate::header::quoted;

/// Last words of a name that say that the value is a secret.
const SECRET: [&str; 9] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "secrets",
    "passwords",
    "pin",
];

/// Pairs of last words that do, written together.
const PAIRS: [&str; 6] =
    ["apikey", "privatekey", "secretkey", "signingkey", "refreshtoken", "cardnumber"];

/// Words behind a secret that leave it one: the hash of a password can be guessed against.
const FORMS: [&str; 6] = ["hash", "salt", "value", "text", "plain", "key"];

/// An error if a name in the payload, at any depth, or a value in it is an obvious secret. `allowed`
/// are names that are let be.
pub(super) fn refuse(payload: &str, allowed: &[String]) -> Result<(), IssuerError> {
    // it was written as JSON a moment ago
    let payload: Value = serde_json::from_str(payload)
        .map_err(|_| IssuerError::claims("the claims are nested too deeply"))?;
    walk(&payload, allowed)
}

fn walk(value: &Value, allowed: &[String]) -> Result<(), IssuerError> {
    match value {
        Value::Object(members) => {
            if is_private_jwk(members) {
                return Err(readable("a private JWK"));
            }
            for (name, value) in members {
                if allowed.contains(name) {
                    continue;
                }
                if holds_something(value) && is_secret(name) {
                    return Err(readable(&format!("the claim {}", quoted(name))));
                }
                walk(value, allowed)?;
            }
            Ok(())
        }
        Value::Array(values) => values.iter().try_for_each(|value| walk(value, allowed)),
        Value::String(text) if text.contains("PRIVATE KEY-----") => {
            Err(readable("a private key in PEM"))
        }
        _ => Ok(()),
    }
}

fn readable(what: &str) -> IssuerError {
    IssuerError::claims(format!(
        "{what} looks like a secret, and everybody who sees the token can read it; leave it out, or \
         allow it by name with `allow_claim`"
    ))
}

/// `"password": true` says that there is one, and no more.
fn holds_something(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(_))
}

fn is_secret(name: &str) -> bool {
    let words = words(name);
    let end = |words: &[String]| match words {
        [.., before, last] if PAIRS.contains(&&*format!("{before}{last}")) => true,
        [.., last] => SECRET.contains(&&**last) || PAIRS.contains(&&**last),
        [] => false,
    };
    match words.as_slice() {
        [before @ .., form] if FORMS.contains(&&**form) => end(before) || end(&words),
        words => end(words),
    }
}

/// The words of a name in snake, kebab or camel case, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// RFC 7518 §6: `d` is the private part of every asymmetric key, `k` a shared secret.
fn is_private_jwk(members: &Map<String, Value>) -> bool {
    members.contains_key("kty") && ["d", "k"].iter().any(|part| members.contains_key(*part))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(claims: Value, refused: bool) {
        assert_eq!(refuse(&claims.to_string(), &[]).is_err(), refused, "{claims}");
    }

    #[test]
    fn names_that_say_secret_are_refused_at_any_depth() {
        for name in [
            "password",
            "Password",
            "PASSWORD",
            "user_password",
            "userPassword",
            "passwd",
            "pwd",
            "password_hash",
            "passwordHash",
            "client_secret",
            "clientSecret",
            "secret",
            "totp-secret",
            "api_key",
            "apiKey",
            "apikey",
            "private_key",
            "secret_key",
            "refresh_token",
            "pin",
            "https://example.com/claims/password",
        ] {
            check(json!({ name: "x" }), true);
            check(json!({"a": [{"b": { name: 1234 }}]}), true);
            // that there is one is no secret
            check(json!({ name: true }), false);
            check(json!({ name: null }), false);
        }
    }

    #[test]
    fn names_that_only_begin_so_are_no_secrets() {
        for name in [
            "sub",
            "roles",
            "password_changed_at",
            "pwd_exp",
            "secretary",
            "passwordless",
            "opinion",
            "shipping",
            "key",
            "token_use",
            "hash",
            "at_hash",
            "compass",
            "mapping",
            "pinned",
            "",
            "_",
        ] {
            check(json!({ name: "x" }), false);
        }
    }

    #[test]
    fn private_keys_are_refused_and_public_ones_are_not() {
        check(json!({"cnf": {"jwk": {"kty": "EC", "x": "a", "y": "b"}}}), false);
        check(json!({"cnf": {"jwk": {"kty": "EC", "x": "a", "y": "b", "d": "c"}}}), true);
        check(json!({"x": {"kty": "oct", "k": "a"}}), true);
        check(json!({"x": "-----BEGIN PUBLIC KEY-----"}), false);
        check(json!({"x": ["-----BEGIN RSA PRIVATE KEY-----"]}), true);
    }

    #[test]
    fn what_is_allowed_by_name_is_let_be() {
        let claims = json!({"pin": {"secret": 1}}).to_string();
        assert!(refuse(&claims, &["pin".to_owned()]).is_ok());
        assert!(refuse(&claims, &["secret".to_owned()]).is_err());
    }

    #[test]
    fn the_value_is_not_in_the_error() {
        let error = refuse(r#"{"password":"hunter2"}"#, &[]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        assert!(error.to_string().contains("password"), "{error}");
    }
}
