//! A key that signs: parsed once, bound to one algorithm, with the public half beside it.

mod export;
mod jwk;
mod material;
mod private_jwk;
mod read;

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::Algorithm;
use portcullis::keys::VerificationKey;

use self::material::Material;
use crate::JwsHeader;
use crate::error::{IssuerError, checked};

/// A key that signs with one algorithm.
///
/// It is held to what a verifier asks of keys: an HMAC secret shorter than its hash or an RSA modulus
/// below 2048 bits is refused when it is loaded. Its `kid` is the thumbprint of [RFC 7638] until
/// [set](Self::with_key_id). Clones share the key. `Debug` shows nothing of its material.
///
/// # Example
///
/// ```
/// use portcullis::{Algorithm, Keys, jws};
/// use portcullis_issuer::{JwsHeader, SigningKey};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = SigningKey::generate(Algorithm::EdDSA)?;
/// let signed = key.sign(&JwsHeader::new(), b"paid")?;
///
/// let keys = Keys::from(key.verification_key());
/// assert_eq!(jws::verify(signed, &keys)?.payload(), b"paid");
/// # Ok(())
/// # }
/// ```
///
/// [RFC 7638]: https://www.rfc-editor.org/rfc/rfc7638
#[derive(Clone)]
pub struct SigningKey {
    material: Arc<Material>,
    // always has a `kid`
    verification: VerificationKey,
}

impl SigningKey {
    /// A new random key. RSA keys have 2048 bits; see [`generate_rsa`](Self::generate_rsa) for others.
    ///
    /// # Errors
    ///
    /// If the cryptography has no randomness.
    pub fn generate(algorithm: Algorithm) -> Result<Self, IssuerError> {
        Self::bind(algorithm, Material::generate(algorithm)?)
    }

    /// A new random RSA key of 2048, 3072, 4096 or 8192 bits.
    ///
    /// # Errors
    ///
    /// If the algorithm is not RSA, or the size is none of these.
    pub fn generate_rsa(algorithm: Algorithm, bits: usize) -> Result<Self, IssuerError> {
        Self::bind(algorithm, Material::generate_rsa(bits)?)
    }

    /// A shared secret for HS256, HS384 or HS512. Whoever can verify with it can also sign.
    ///
    /// # Errors
    ///
    /// If the algorithm is no HMAC, if the secret is shorter than the hash ([RFC 7518 §3.2]), or if all
    /// its bytes are the same.
    ///
    /// [RFC 7518 §3.2]: https://www.rfc-editor.org/rfc/rfc7518#section-3.2
    pub fn from_secret(
        algorithm: Algorithm,
        secret: impl AsRef<[u8]>,
    ) -> Result<Self, IssuerError> {
        Self::bind(algorithm, Material::secret(algorithm, secret.as_ref())?)
    }

    /// A private key in PEM: `PRIVATE KEY` (PKCS #8), `RSA PRIVATE KEY` (PKCS #1) or `EC PRIVATE KEY`
    /// (SEC 1).
    ///
    /// The algorithm follows from the curve; an RSA key is for RS256 until
    /// [bound](Self::with_algorithm) to another.
    ///
    /// # Errors
    ///
    /// If it can't be read, is encrypted or public, or is weak.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, IssuerError> {
        let material = read::pem(pem.as_ref())?;
        Self::bind(material.algorithm(), material)
    }

    /// A private key in DER: PKCS #8, PKCS #1 or SEC 1. Otherwise as [`from_pem`](Self::from_pem).
    ///
    /// # Errors
    ///
    /// If it can't be read, is encrypted or public, or is weak.
    pub fn from_der(der: impl AsRef<[u8]>) -> Result<Self, IssuerError> {
        let material = read::der(der.as_ref())?;
        Self::bind(material.algorithm(), material)
    }

    /// A private JWK ([RFC 7517]). Its `alg`, `use`, `key_ops`, `crv` and `kid` are obeyed; where there is
    /// no `alg`, the curve says which it is, and an RSA key is for RS256 until
    /// [bound](Self::with_algorithm) to another.
    ///
    /// # Errors
    ///
    /// If it can't be read, lacks a private part, is weak, is not for signing, or is a secret (`oct`)
    /// that does not say what for.
    ///
    /// [RFC 7517]: https://www.rfc-editor.org/rfc/rfc7517
    pub fn from_jwk(json: impl AsRef<[u8]>) -> Result<Self, IssuerError> {
        let (algorithm, material, key_id) = jwk::read(json.as_ref())?;
        let key = Self::bind(algorithm, material)?;
        Ok(match key_id {
            Some(key_id) => key.with_key_id(key_id),
            None => key,
        })
    }

    /// What [`to_private_bytes`](Self::to_private_bytes) gave, for the same algorithm.
    ///
    /// # Errors
    ///
    /// If it can't be read, is weak, or does not fit the algorithm.
    pub fn from_private_bytes(
        algorithm: Algorithm,
        bytes: impl AsRef<[u8]>,
    ) -> Result<Self, IssuerError> {
        if algorithm.is_symmetric() {
            Self::from_secret(algorithm, bytes)
        } else {
            Self::from_der(bytes)?.with_algorithm(algorithm)
        }
    }

    /// The same key for another algorithm of its family: RS384, PS256 and so on instead of RS256.
    ///
    /// # Errors
    ///
    /// If the key can't be used with that algorithm.
    pub fn with_algorithm(self, algorithm: Algorithm) -> Result<Self, IssuerError> {
        let verification = checked(self.verification.with_algorithm(algorithm))?;
        Ok(Self { verification, ..self })
    }

    /// With this `kid`.
    #[must_use]
    pub fn with_key_id(mut self, key_id: impl Into<Box<str>>) -> Self {
        self.verification = self.verification.with_key_id(key_id);
        self
    }

    fn bind(algorithm: Algorithm, material: Material) -> Result<Self, IssuerError> {
        let verification = match &material {
            Material::Secret { secret, .. } => VerificationKey::from_secret(algorithm, secret),
            public => VerificationKey::from_jwk_for(algorithm, public.public_jwk(&[])),
        };
        let verification = checked(verification)?;
        let thumbprint = verification.thumbprint().to_owned();
        let verification = verification.with_key_id(thumbprint);
        Ok(Self { material: Arc::new(material), verification })
    }

    /// `kid`: how the key is named in headers.
    #[must_use]
    pub fn key_id(&self) -> &str {
        // `bind` gave it one
        self.verification.key_id().unwrap_or_default()
    }

    /// The algorithm that the key signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.verification.algorithm()
    }

    /// The thumbprint of [RFC 7638](https://www.rfc-editor.org/rfc/rfc7638); see
    /// [`VerificationKey::thumbprint`].
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        self.verification.thumbprint()
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn verification_key(&self) -> VerificationKey {
        self.verification.clone()
    }

    /// Signs a payload of any kind as a compact JWS ([RFC 7515 §7.1]).
    ///
    /// # Errors
    ///
    /// If the cryptography fails.
    ///
    /// [RFC 7515 §7.1]: https://www.rfc-editor.org/rfc/rfc7515#section-7.1
    pub fn sign(
        &self,
        header: &JwsHeader,
        payload: impl AsRef<[u8]>,
    ) -> Result<String, IssuerError> {
        let header = header.json(self.algorithm().name(), self.key_id());
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.sign_bytes(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// The bare signature over a message, in the form that JWS has for the algorithm: for ECDSA the
    /// fixed-length pair of [RFC 7518 §3.4].
    ///
    /// # Errors
    ///
    /// If the cryptography fails.
    ///
    /// [RFC 7518 §3.4]: https://www.rfc-editor.org/rfc/rfc7518#section-3.4
    pub fn sign_bytes(&self, message: &[u8]) -> Result<Vec<u8>, IssuerError> {
        self.material.sign(self.algorithm(), message)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.key_id())
            .field("algorithm", &self.algorithm())
            .field("thumbprint", &self.thumbprint())
            .finish_non_exhaustive()
    }
}
