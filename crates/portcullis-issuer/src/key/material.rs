//! The private material of a key, parsed for the cryptography once.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RsaEncoding, RsaKeyPair,
};
use portcullis::Algorithm;

use crate::SecretBytes;
use crate::error::IssuerError;

/// What the cryptography signs with.
pub(super) enum Material {
    Secret { key: Box<hmac::Key>, secret: SecretBytes },
    Rsa(RsaKeyPair),
    Ec(Curve, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A curve for ECDSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
    Secp256k1,
}

impl Curve {
    pub(super) const ALL: [Self; 4] = [Self::P256, Self::P384, Self::P521, Self::Secp256k1];

    /// The `crv` of a JWK (RFC 7518 §6.2.1.1, RFC 8812 §3.1).
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::Secp256k1 => "secp256k1",
        }
    }

    /// The length of a coordinate, and of a private key, in octets.
    pub(super) const fn len(self) -> usize {
        match self {
            Self::P256 | Self::Secp256k1 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    pub(super) const fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::ES256,
            Self::P384 => Algorithm::ES384,
            Self::P521 => Algorithm::ES512,
            Self::Secp256k1 => Algorithm::ES256K,
        }
    }

    fn of(algorithm: Algorithm) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.algorithm() == algorithm)
    }

    /// ECDSA whose signatures are the fixed-length pair of RFC 7518 §3.4, never DER.
    pub(super) const fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            Self::P521 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
            Self::Secp256k1 => &signature::ECDSA_P256K1_SHA256_FIXED_SIGNING,
        }
    }
}

fn hmac_of(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    match algorithm {
        Algorithm::HS256 => Some(hmac::HMAC_SHA256),
        Algorithm::HS384 => Some(hmac::HMAC_SHA384),
        Algorithm::HS512 => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

fn rsa_of(algorithm: Algorithm) -> Option<&'static dyn RsaEncoding> {
    Some(match algorithm {
        Algorithm::RS256 => &signature::RSA_PKCS1_SHA256,
        Algorithm::RS384 => &signature::RSA_PKCS1_SHA384,
        Algorithm::RS512 => &signature::RSA_PKCS1_SHA512,
        Algorithm::PS256 => &signature::RSA_PSS_SHA256,
        Algorithm::PS384 => &signature::RSA_PSS_SHA384,
        Algorithm::PS512 => &signature::RSA_PSS_SHA512,
        _ => return None,
    })
}

impl Material {
    pub(super) fn generate(algorithm: Algorithm) -> Result<Self, IssuerError> {
        let failed = |_| IssuerError::crypto("no key could be generated");
        if let Some(hmac) = hmac_of(algorithm) {
            let mut secret = vec![0; hmac.tag_len()];
            rand::fill(&mut secret).map_err(failed)?;
            return Self::secret(algorithm, &SecretBytes::new(secret));
        }
        if let Some(curve) = Curve::of(algorithm) {
            return Ok(Self::Ec(curve, EcdsaKeyPair::generate(curve.signing()).map_err(failed)?));
        }
        match algorithm {
            Algorithm::EdDSA => Ok(Self::Ed25519(Ed25519KeyPair::generate().map_err(failed)?)),
            _ => Self::generate_rsa(2048),
        }
    }

    pub(super) fn generate_rsa(bits: usize) -> Result<Self, IssuerError> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            _ => {
                return Err(IssuerError::key(format!(
                    "an RSA key is generated with 2048, 3072, 4096 or 8192 bits, not {bits}"
                )));
            }
        };
        let pair = RsaKeyPair::generate(size);
        pair.map(Self::Rsa).map_err(|_| IssuerError::crypto("no key could be generated"))
    }

    pub(super) fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, IssuerError> {
        let hmac = hmac_of(algorithm).ok_or_else(|| {
            IssuerError::key(format!(
                "{algorithm} takes a private key; a secret is for HS256, HS384 or HS512"
            ))
        })?;
        Ok(Self::Secret {
            key: Box::new(hmac::Key::new(hmac, secret)),
            secret: SecretBytes::new(secret),
        })
    }

    /// The algorithm that the key is for where nothing else is said: RS256 for RSA, as for a
    /// verification key. A secret says it itself.
    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Secret { key, .. } => match key.algorithm().tag_len() {
                32 => Algorithm::HS256,
                48 => Algorithm::HS384,
                _ => Algorithm::HS512,
            },
            Self::Rsa(_) => Algorithm::RS256,
            Self::Ec(curve, _) => curve.algorithm(),
            Self::Ed25519(_) => Algorithm::EdDSA,
        }
    }

    pub(super) fn sign(
        &self,
        algorithm: Algorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, IssuerError> {
        let failed = |_| IssuerError::crypto("the key could not sign");
        match self {
            Self::Secret { key, .. } => Ok(hmac::sign(key, message).as_ref().to_vec()),
            Self::Rsa(pair) => {
                let encoding = rsa_of(algorithm).ok_or_else(|| {
                    IssuerError::key(format!("an RSA key can't sign {algorithm}"))
                })?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
            Self::Ec(_, pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Self::Ed25519(pair) => Ok(pair.try_sign(message).map_err(failed)?.as_ref().to_vec()),
        }
    }
}
