//! Keys that a program already holds as types of `jsonwebtoken`. Behind the feature `jsonwebtoken`.

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, DecodingKeyKind};

use super::encoded;
use super::material::Public;
use super::{KeySet, VerificationKey};
use crate::Algorithm;
use crate::error::KeyError;

impl VerificationKey {
    /// A key of `jsonwebtoken`, for this algorithm: a `DecodingKey` does not say which it is for.
    ///
    /// # Errors
    ///
    /// If the key can't be used with the algorithm, or is weak.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis::Algorithm;
    /// use portcullis::keys::VerificationKey;
    ///
    /// let theirs = jsonwebtoken::DecodingKey::from_secret(b"a secret of thirty-two or so bytes");
    /// let ours = VerificationKey::from_jsonwebtoken(Algorithm::HS256, &theirs)?;
    /// assert_eq!(ours.algorithm(), Algorithm::HS256);
    /// # Ok::<(), portcullis::KeyError>(())
    /// ```
    pub fn from_jsonwebtoken(algorithm: Algorithm, key: &DecodingKey) -> Result<Self, KeyError> {
        let public = match (key.family(), key.kind()) {
            (AlgorithmFamily::Hmac, DecodingKeyKind::SecretOrDer(secret)) => {
                return Self::from_secret(algorithm, secret);
            }
            (_, DecodingKeyKind::RsaModulusExponent { n, e }) => Public::rsa(n, e)?,
            (AlgorithmFamily::Rsa, DecodingKeyKind::SecretOrDer(der)) => encoded::rsa_key(der)?,
            (AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point)) => encoded::ec_key(point)?,
            (AlgorithmFamily::Ed, DecodingKeyKind::SecretOrDer(point)) => Public::ed25519(point)?,
        };
        Self::from_public(public)?.with_algorithm(algorithm)
    }

    /// A JWK of `jsonwebtoken`, read as [`from_jwk`](Self::from_jwk) reads its text.
    ///
    /// # Errors
    ///
    /// As [`from_jwk`](Self::from_jwk).
    pub fn from_jsonwebtoken_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        Self::from_jwk(text(jwk)?)
    }
}

impl KeySet {
    /// A JWK Set of `jsonwebtoken`, read as [`from_jwk_set`](Self::from_jwk_set) reads its text.
    ///
    /// # Errors
    ///
    /// As [`from_jwk_set`](Self::from_jwk_set).
    pub fn from_jsonwebtoken_jwk_set(set: &JwkSet) -> Result<Self, KeyError> {
        Self::from_jwk_set(text(set)?)
    }
}

fn text<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, KeyError> {
    serde_json::to_vec(value).map_err(|_| KeyError::new("the JWK can't be written as JSON"))
}
