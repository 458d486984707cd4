//! JWK and JWK Set (RFC 7517), read entry by entry.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::material::{Material, Public};
use super::{KeySet, VerificationKey};
use crate::Algorithm;
use crate::algorithm::{Curve, KeyKind};
use crate::error::{KeyError, quoted};
use crate::json::NoRepeats;

#[derive(Deserialize)]
struct Set<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

/// Reads a JWK Set. What can't be used is skipped.
pub(super) fn read_set(json: &[u8]) -> Result<KeySet, KeyError> {
    Ok(read_entries(&Set::parse(json)?, |_| Ok(())))
}

/// Reads a JWK Set that somebody else publishes: of a limited length, and without secrets.
pub(super) fn read_published_set(json: &[u8], max_keys: usize) -> Result<KeySet, KeyError> {
    let set = Set::parse(json)?;
    if set.keys.len() > max_keys {
        return Err(KeyError::new(format!(
            "the set has {} entries, more than {max_keys}",
            set.keys.len()
        )));
    }
    Ok(read_entries(&set, |key| {
        if key.algorithm().is_symmetric() {
            return Err(KeyError::new("a secret (`oct`) that is published is none"));
        }
        Ok(())
    }))
}

fn read_entries(set: &Set<'_>, check: impl Fn(&VerificationKey) -> Result<(), KeyError>) -> KeySet {
    let mut keys = KeySet::default();
    for (at, entry) in set.keys.iter().enumerate() {
        let read = read(entry.get().as_bytes(), None).and_then(|key| check(&key).map(|()| key));
        match read {
            Ok(key) => keys.push(key),
            Err(reason) => keys.skip(format!("key {at}"), reason),
        }
    }
    keys
}

impl<'a> Set<'a> {
    fn parse(json: &'a [u8]) -> Result<Self, KeyError> {
        serde_json::from_slice(json).map_err(|error| {
            // the text is not repeated: a set may hold secrets
            KeyError::new(format!(
                "this is no JWK Set, a JSON object with an array `keys` (RFC 7517 §5): line {} column {}",
                error.line(),
                error.column()
            ))
        })
    }
}

/// Reads one JWK, for this algorithm if it does not name one itself.
pub(super) fn read(json: &[u8], wanted: Option<Algorithm>) -> Result<VerificationKey, KeyError> {
    let jwk = Jwk::parse(json)?;
    let key = jwk.key(wanted).map_err(|error| match jwk.text("kid") {
        Ok(Some(kid)) => error.about(format_args!("kid {}", quoted(kid))),
        _ => error,
    })?;
    let key = match jwk.text("kid")? {
        Some(kid) => key.with_key_id(kid),
        None => key,
    };
    Ok(match jwk.issuer() {
        Some(issuer) => key.with_issuer(issuer),
        None => key,
    })
}

struct Jwk(Map<String, Value>);

impl Jwk {
    fn parse(json: &[u8]) -> Result<Self, KeyError> {
        let no_object = || KeyError::new("a JWK is a JSON object without repeated members");
        serde_json::from_slice::<NoRepeats>(json).map_err(|_| no_object())?;
        serde_json::from_slice(json).map(Self).map_err(|_| no_object())
    }

    fn text(&self, name: &str) -> Result<Option<&str>, KeyError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(KeyError::new(format!("`{name}` must be a string"))),
        }
    }

    /// The member `issuer`, which RFC 7517 does not have. One that is no string spoils no key, since to most the
    /// member means nothing (§4 there), and is the name of nobody to those who look at it.
    fn issuer(&self) -> Option<String> {
        self.0.get("issuer").map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }

    fn required(&self, name: &str) -> Result<&str, KeyError> {
        self.text(name)?.ok_or_else(|| KeyError::new(format!("`{name}` is missing")))
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, KeyError> {
        URL_SAFE_NO_PAD
            .decode(self.required(name)?)
            .map_err(|_| KeyError::new(format!("`{name}` must be base64url without padding")))
    }

    fn key(&self, wanted: Option<Algorithm>) -> Result<VerificationKey, KeyError> {
        self.check_purpose()?;
        let kty = self.required("kty")?;
        let algorithm = self.algorithm(kty, wanted)?;
        let material = match kty {
            "oct" => {
                let secret = Zeroizing::new(self.bytes("k")?);
                Material::secret(algorithm, &secret)?
            }
            "RSA" => {
                Material::public(algorithm, Public::rsa(&self.bytes("n")?, &self.bytes("e")?)?)?
            }
            "EC" => {
                let curve = self.curve()?;
                let public = Public::ec(curve, &self.bytes("x")?, &self.bytes("y")?)?;
                Material::public(algorithm, public)?
            }
            // `algorithm` let no other through
            _ => Material::public(algorithm, Public::ed25519(&self.bytes("x")?)?)?,
        };
        let key = VerificationKey::bind(algorithm, material);
        let said = wanted.is_some() || self.0.contains_key("alg");
        Ok(if said { key } else { key.inferred() })
    }

    /// `use` and `key_ops` (RFC 7517 §4.2, §4.3): a key for anything else is not taken.
    fn check_purpose(&self) -> Result<(), KeyError> {
        if let Some(purpose) = self.text("use")?.filter(|purpose| *purpose != "sig") {
            return Err(KeyError::new(format!("its `use` is {}, not \"sig\"", quoted(purpose))));
        }
        let Some(operations) = self.0.get("key_ops") else { return Ok(()) };
        let wrong = || KeyError::new("`key_ops` must be an array of strings");
        let operations = operations.as_array().ok_or_else(wrong)?;
        if operations.iter().any(|operation| !operation.is_string()) {
            return Err(wrong());
        }
        if operations.iter().any(|operation| operation == "verify") {
            return Ok(());
        }
        Err(KeyError::new("its `key_ops` do not include \"verify\""))
    }

    /// The one algorithm of the key: by `alg`, else as wanted, else as its type and curve tell.
    fn algorithm(&self, kty: &str, wanted: Option<Algorithm>) -> Result<Algorithm, KeyError> {
        let named = match self.text("alg")? {
            None => None,
            Some(name) => Some(Algorithm::from_name(name).ok_or_else(|| {
                KeyError::new(format!(
                    "its `alg` is {}, which is no signature that is known",
                    quoted(name)
                ))
            })?),
        };
        if let (Some(named), Some(wanted)) = (named, wanted)
            && named != wanted
        {
            return Err(KeyError::new(format!("its `alg` is {named}, not {wanted}")));
        }
        let (kind, default) = match kty {
            "oct" => (KeyKind::Secret, None),
            // RFC 7518 §3.1: the one that every verifier has
            "RSA" => (KeyKind::Rsa, Some(Algorithm::RS256)),
            "EC" => {
                let curve = self.curve()?;
                (KeyKind::Ec(curve), Some(curve.algorithm()))
            }
            "OKP" => match self.required("crv")? {
                "Ed25519" => (KeyKind::Ed25519, Some(Algorithm::EdDSA)),
                other => {
                    return Err(KeyError::new(format!(
                        "its curve is {}, not Ed25519",
                        quoted(other)
                    )));
                }
            },
            other => {
                return Err(KeyError::new(format!(
                    "its `kty` is {}, which is not known",
                    quoted(other)
                )));
            }
        };
        let algorithm = named.or(wanted).or(default).ok_or_else(|| {
            KeyError::new("a secret (`oct`) must say what it is for: add `\"alg\":\"HS256\"`")
        })?;
        if algorithm.key_kind() != kind {
            return Err(KeyError::new(format!("its type and curve do not fit {algorithm}")));
        }
        Ok(algorithm)
    }

    fn curve(&self) -> Result<Curve, KeyError> {
        let name = self.required("crv")?;
        Curve::ALL
            .into_iter()
            .find(|curve| curve.name() == name)
            .ok_or_else(|| KeyError::new(format!("its curve {} is not known", quoted(name))))
    }
}
