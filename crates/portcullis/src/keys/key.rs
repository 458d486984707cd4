//! One key, parsed once and bound to one algorithm.

use std::fmt;
use std::sync::Arc;

use super::material::{Material, Public};
use super::{encoded, jwk};
use crate::Algorithm;
use crate::algorithm::KeyKind;
use crate::error::KeyError;

/// A key that verifies signatures of one algorithm.
///
/// `Debug` shows its algorithm, `kid` and thumbprint, and nothing of its material.
#[derive(Clone)]
pub struct VerificationKey {
    id: Option<Box<str>>,
    algorithm: Algorithm,
    /// The member `issuer` of the JWK.
    issuer: Option<Box<str>>,
    /// True if nothing but the kind of key said which algorithm it is for.
    inferred: bool,
    material: Material,
    thumbprint: Arc<str>,
}

impl VerificationKey {
    /// A shared secret for HS256, HS384 or HS512.
    ///
    /// # Errors
    ///
    /// If the algorithm is no HMAC, if the secret is shorter than the hash ([RFC 7518 §3.2]: 32, 48 or
    /// 64 bytes), or if all its bytes are the same, as in a buffer that was never filled.
    ///
    /// [RFC 7518 §3.2]: https://www.rfc-editor.org/rfc/rfc7518#section-3.2
    pub fn from_secret(algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let secret = secret.as_ref();
        let material = Material::secret(algorithm, secret)?;
        if secret.windows(2).all(|pair| pair[0] == pair[1]) {
            return Err(KeyError::new(
                "all bytes of the secret are the same; draw a random one, for instance with \
                 `openssl rand -base64 48`",
            ));
        }
        Ok(Self::bind(algorithm, material))
    }

    /// A public key in PEM: `PUBLIC KEY` (SPKI) or `RSA PUBLIC KEY` (PKCS #1).
    ///
    /// The algorithm follows from the curve; an RSA key is for RS256 until
    /// [bound](Self::with_algorithm) to another.
    ///
    /// # Errors
    ///
    /// If it can't be read, is a private key or a certificate, or is weak.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::from_public(encoded::read_pem(pem.as_ref())?)
    }

    /// A public key in DER: SPKI or PKCS #1. Otherwise as [`from_pem`](Self::from_pem).
    ///
    /// # Errors
    ///
    /// If it can't be read, is a private key or a certificate, or is weak.
    pub fn from_der(der: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::from_public(encoded::read_der(der.as_ref())?)
    }

    /// A JWK ([RFC 7517]). Its `alg`, `use`, `key_ops` and `crv` are obeyed; where there is no `alg`, the
    /// curve says which it is, and an RSA key is for RS256 until [bound](Self::with_algorithm) to
    /// another. Private members are passed over.
    ///
    /// # Errors
    ///
    /// If it can't be read, is weak, is not for verifying signatures, or is a secret (`oct`) that does
    /// not say what for: see [`from_jwk_for`](Self::from_jwk_for).
    ///
    /// [RFC 7517]: https://www.rfc-editor.org/rfc/rfc7517
    pub fn from_jwk(json: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        jwk::read(json.as_ref(), None)
    }

    /// A JWK for this algorithm, which a JWK without `alg` leaves open.
    ///
    /// # Errors
    ///
    /// As [`from_jwk`](Self::from_jwk), and if the JWK names another algorithm.
    pub fn from_jwk_for(algorithm: Algorithm, json: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        jwk::read(json.as_ref(), Some(algorithm))
    }

    /// The same key for another algorithm of its family: RS384, PS256 and so on instead of RS256.
    ///
    /// # Errors
    ///
    /// If the key can't be used with that algorithm.
    pub fn with_algorithm(self, algorithm: Algorithm) -> Result<Self, KeyError> {
        if algorithm == self.algorithm {
            return Ok(Self { inferred: false, ..self });
        }
        let material = self.material.rebind(algorithm)?;
        Ok(Self { algorithm, inferred: false, material, ..self })
    }

    /// With this `kid`.
    #[must_use]
    pub fn with_key_id(mut self, kid: impl Into<Box<str>>) -> Self {
        self.id = Some(kid.into());
        self
    }

    pub(super) fn from_public(public: Public) -> Result<Self, KeyError> {
        let algorithm = match public.kind() {
            KeyKind::Ec(curve) => curve.algorithm(),
            KeyKind::Ed25519 => Algorithm::EdDSA,
            KeyKind::Rsa | KeyKind::Secret => Algorithm::RS256,
        };
        Ok(Self::bind(algorithm, Material::public(algorithm, public)?).inferred())
    }

    /// Notes that the algorithm was inferred.
    pub(super) fn inferred(mut self) -> Self {
        self.inferred = true;
        self
    }

    /// The same key for each of these algorithms that it can be used with, if its own was only
    /// inferred; else itself.
    pub(super) fn bound_to_any(&self, algorithms: &[Algorithm]) -> Vec<Self> {
        if !self.inferred {
            return vec![self.clone()];
        }
        let bound = |&algorithm| self.clone().with_algorithm(algorithm).ok();
        algorithms.iter().filter_map(bound).collect()
    }

    pub(super) fn bind(algorithm: Algorithm, material: Material) -> Self {
        let thumbprint = material.thumbprint().into();
        Self { id: None, algorithm, issuer: None, inferred: false, material, thumbprint }
    }

    /// `kid`: how the key is named in headers.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The algorithm that the key is for. It is used with no other
    /// ([RFC 8725 §3.1](https://www.rfc-editor.org/rfc/rfc8725#section-3.1)).
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The issuer whose tokens the key is for, where its JWK names one in the member `issuer`. RFC 7517 has no such
    /// member; Microsoft writes it into the keys that its tenants share, with `{tenantid}` for any tenant. It counts
    /// where [`Issuer::key_issuer`](crate::Issuer::key_issuer) says so.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    pub(super) fn with_issuer(mut self, issuer: impl Into<Box<str>>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// The SHA-256 thumbprint of [RFC 7638](https://www.rfc-editor.org/rfc/rfc7638), in base64url. For a
    /// shared secret, whose thumbprint could be used to guess it (§7 there), it is a value derived with
    /// the secret instead.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The key as a public JWK ([RFC 7517]) with `use`, `alg` and, where it has one, `kid`; `None` for a
    /// shared secret, which has no public half.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis::keys::VerificationKey;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// let key = VerificationKey::from_jwk(jwk)?.with_key_id("2026");
    /// let read = VerificationKey::from_jwk(key.public_jwk().unwrap())?;
    /// assert_eq!((read.key_id(), read.thumbprint()), (Some("2026"), key.thumbprint()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [RFC 7517]: https://www.rfc-editor.org/rfc/rfc7517
    #[must_use]
    pub fn public_jwk(&self) -> Option<String> {
        let mut members = self.material.public_members()?;
        members.push(("use", "sig".to_owned()));
        members.push(("alg", self.algorithm.name().to_owned()));
        members.extend(self.id.as_deref().map(|id| ("kid", id.to_owned())));
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let members: Vec<_> =
            members.iter().map(|(name, value)| format!("\"{name}\":{}", quoted(value))).collect();
        Some(format!("{{{}}}", members.join(",")))
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.thumbprint == other.thumbprint
            && self.algorithm == other.algorithm
            && self.id == other.id
            && self.issuer == other.issuer
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.material.verifies(message, signature)
    }

    /// How the log calls it.
    pub(crate) fn describe(&self) -> String {
        match &self.id {
            Some(id) => format!("kid {}", crate::error::quoted(id)),
            None => format!("thumbprint {}", self.thumbprint),
        }
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationKey")
            .field("kid", &self.id)
            .field("algorithm", &self.algorithm)
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}
