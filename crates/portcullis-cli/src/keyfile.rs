//! Keys out of files of every form: PEM, DER, a JWK, a JWK Set; private or public.

use std::path::Path;

use portcullis::Algorithm;
use portcullis::keys::VerificationKey;
use portcullis_issuer::SigningKey;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::exit::Failure;
use crate::input;

/// A key of either half.
pub(crate) enum AnyKey {
    Private(SigningKey),
    Public(VerificationKey),
}

impl AnyKey {
    /// The half that may be published, with its `kid`: the key's own, else the thumbprint.
    pub(crate) fn public(self) -> VerificationKey {
        match self {
            Self::Private(key) => key.verification_key(),
            Self::Public(key) if key.key_id().is_none() => {
                let thumbprint = key.thumbprint().to_owned();
                key.with_key_id(thumbprint)
            }
            Self::Public(key) => key,
        }
    }

    fn bound_to(self, algorithm: Option<Algorithm>) -> Result<Self, String> {
        let Some(algorithm) = algorithm else { return Ok(self) };
        match self {
            Self::Private(key) => key.with_algorithm(algorithm).map(Self::Private).map_err(text),
            Self::Public(key) => key.with_algorithm(algorithm).map(Self::Public).map_err(text),
        }
    }
}

/// The keys in a file, for this algorithm instead of their own where one is given.
pub(crate) fn read(path: &Path, algorithm: Option<Algorithm>) -> Result<Vec<AnyKey>, Failure> {
    let bytes = input::file(path)?;
    let about = |what: String| Failure::usage(format_args!("{}: {what}", path.display()));
    if bytes.trim_ascii().is_empty() {
        return Err(about("it is empty".to_owned()));
    }
    let keys = read_any(&bytes).map_err(about)?;
    keys.into_iter().map(|key| key.bound_to(algorithm).map_err(about)).collect()
}

/// The one private key in a file.
pub(crate) fn read_private(
    path: &Path,
    algorithm: Option<Algorithm>,
) -> Result<SigningKey, Failure> {
    let about = |what: &str| Failure::usage(format_args!("{}: {what}", path.display()));
    let mut private = read(path, algorithm)?.into_iter().filter_map(|key| match key {
        AnyKey::Private(key) => Some(key),
        AnyKey::Public(_) => None,
    });
    match (private.next(), private.next()) {
        (Some(key), None) => Ok(key),
        (None, _) => Err(about("this is a public key; signing takes the private one")),
        (Some(_), Some(_)) => Err(about("there is more than one private key; which is meant?")),
    }
}

fn read_any(bytes: &[u8]) -> Result<Vec<AnyKey>, String> {
    let text = std::str::from_utf8(bytes).unwrap_or_default().trim_start();
    if text.starts_with('{') {
        return read_json(text);
    }
    if text.contains("-----BEGIN ") {
        let key = if text.contains("PRIVATE KEY-----") {
            SigningKey::from_pem(bytes).map(AnyKey::Private).map_err(self::text)?
        } else {
            VerificationKey::from_pem(bytes).map(AnyKey::Public).map_err(self::text)?
        };
        return Ok(vec![key]);
    }
    // DER starts with a SEQUENCE
    if bytes.first() == Some(&0x30) {
        if let Ok(key) = SigningKey::from_der(bytes) {
            return Ok(vec![AnyKey::Private(key)]);
        }
        return VerificationKey::from_der(bytes)
            .map(|key| vec![AnyKey::Public(key)])
            .map_err(self::text);
    }
    Err("this is no key: PEM, DER, a JWK and a JWK Set are read. A shared secret goes by \
         --secret-file where one is taken"
        .to_owned())
}

#[derive(serde::Deserialize)]
struct Set<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

fn read_json(json: &str) -> Result<Vec<AnyKey>, String> {
    let value: Value = serde_json::from_str(json)
        .map_err(|error| format!("no JSON: line {} column {}", error.line(), error.column()))?;
    if value.get("keys").is_none() {
        return Ok(vec![read_jwk(json, &value)?]);
    }
    let set: Set<'_> =
        serde_json::from_str(json).map_err(|_| "`keys` is no array of keys".to_owned())?;
    let keys = set.keys.iter().enumerate().map(|(at, jwk)| {
        let parsed: Value = serde_json::from_str(jwk.get()).unwrap_or_default();
        read_jwk(jwk.get(), &parsed).map_err(|error| format!("keys[{at}]: {error}"))
    });
    keys.collect()
}

fn read_jwk(json: &str, value: &Value) -> Result<AnyKey, String> {
    let private = value.get("d").is_some() || value.get("kty").is_some_and(|kty| kty == "oct");
    if private {
        SigningKey::from_jwk(json).map(AnyKey::Private).map_err(text)
    } else {
        VerificationKey::from_jwk(json).map(AnyKey::Public).map_err(text)
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
