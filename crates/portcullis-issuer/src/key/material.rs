//! The private material of a key, parsed for the cryptography once.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis::Algorithm;
use zeroize::Zeroizing;

use crate::SecretBytes;
use crate::error::IssuerError;
use crate::header::quoted;

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

    /// The public JWK with these marks; of a secret, nothing but them.
    pub(super) fn public_jwk(&self, marks: &[(&str, &str)]) -> String {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut members: Vec<(&str, String)> = match self {
            Self::Secret { .. } => Vec::new(),
            Self::Rsa(pair) => {
                let public = pair.public_key();
                let n = public.modulus().big_endian_without_leading_zero().to_vec();
                let e = public.exponent().big_endian_without_leading_zero().to_vec();
                vec![("kty", "RSA".to_owned()), ("n", b64(&n)), ("e", b64(&e))]
            }
            Self::Ec(curve, pair) => {
                // 0x04 and two coordinates (SEC 1 §2.3.3)
                let point = pair.public_key().as_ref();
                let (x, y) = point[1..].split_at(curve.len());
                let crv = curve.name().to_owned();
                vec![("kty", "EC".to_owned()), ("crv", crv), ("x", b64(x)), ("y", b64(y))]
            }
            Self::Ed25519(pair) => {
                let (kty, crv) = ("OKP".to_owned(), "Ed25519".to_owned());
                vec![("kty", kty), ("crv", crv), ("x", b64(pair.public_key().as_ref()))]
            }
        };
        members.extend(marks.iter().map(|&(name, value)| (name, value.to_owned())));
        let members: Vec<_> =
            members.iter().map(|(name, value)| format!("\"{name}\":{}", quoted(value))).collect();
        format!("{{{}}}", members.join(","))
    }

    /// The public half as SPKI in PEM (RFC 7468 §13).
    pub(super) fn public_pem(&self) -> Option<String> {
        let spki: Result<PublicKeyX509Der<'_>, _> = match self {
            Self::Secret { .. } => return None,
            Self::Rsa(pair) => pair.public_key().as_der(),
            Self::Ec(_, pair) => pair.public_key().as_der(),
            Self::Ed25519(pair) => pair.public_key().as_der(),
        };
        Some(armour("PUBLIC KEY", spki.ok()?.as_ref()))
    }

    pub(super) fn to_pkcs8(&self) -> Result<SecretBytes, IssuerError> {
        let failed = |_| IssuerError::crypto("the key could not be written down");
        match self {
            Self::Secret { .. } => {
                Err(IssuerError::key("a shared secret has no PKCS #8 form; keep its bytes"))
            }
            Self::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
                Ok(SecretBytes::new(der.as_ref()))
            }
            Self::Ec(_, pair) => Ok(SecretBytes::new(pair.to_pkcs8v1().map_err(failed)?.as_ref())),
            // version 1, which openssl reads
            Self::Ed25519(pair) => {
                Ok(SecretBytes::new(pair.to_pkcs8v1().map_err(failed)?.as_ref()))
            }
        }
    }
}

/// PEM as RFC 7468 §2 wants it written: lines of 64 characters.
pub(super) fn armour(label: &str, der: &[u8]) -> String {
    // of the size that it will have, so that no part of a secret stays behind in an outgrown buffer
    let base64 = Zeroizing::new(STANDARD.encode(der));
    let mut pem = String::with_capacity(base64.len() + base64.len() / 64 + 2 * label.len() + 40);
    pem.push_str(&format!("-----BEGIN {label}-----\n"));
    for (at, c) in base64.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(c);
    }
    pem.push_str(&format!("\n-----END {label}-----\n"));
    pem
}
