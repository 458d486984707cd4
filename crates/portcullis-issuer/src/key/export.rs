//! What leaves a key: its public half for everybody, its private half for whoever keeps it.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::signature::KeyPair;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::SigningKey;
use super::material::Material;
use crate::SecretBytes;
use crate::error::IssuerError;
use crate::header::quoted;

impl SigningKey {
    /// The public half as a JWK ([RFC 7517]) with `kid`, `alg` and `use`; `None` for a shared secret,
    /// which has none.
    ///
    /// [RFC 7517]: https://www.rfc-editor.org/rfc/rfc7517
    #[must_use]
    pub fn public_jwk(&self) -> Option<String> {
        if self.algorithm().is_symmetric() {
            return None;
        }
        let marks = [("use", "sig"), ("alg", self.algorithm().name()), ("kid", self.key_id())];
        Some(self.material.public_jwk(&marks))
    }

    /// The public half in PEM (`PUBLIC KEY`, SPKI), for verifiers that read no JWK; `None` for a shared
    /// secret.
    #[must_use]
    pub fn public_pem(&self) -> Option<String> {
        self.material.public_pem()
    }

    /// The private key as PKCS #8 in DER ([RFC 5958]), to be kept where only the issuer can read it.
    ///
    /// # Errors
    ///
    /// If this is a shared secret, which has no such form.
    ///
    /// [RFC 5958]: https://www.rfc-editor.org/rfc/rfc5958
    pub fn to_pkcs8_der(&self) -> Result<SecretBytes, IssuerError> {
        self.material.to_pkcs8()
    }

    /// The private key in PEM (`PRIVATE KEY`, PKCS #8), as [`from_pem`](Self::from_pem) and other tools
    /// read it.
    ///
    /// # Errors
    ///
    /// If this is a shared secret, which has no such form.
    pub fn to_pem(&self) -> Result<SecretBytes, IssuerError> {
        let der = self.to_pkcs8_der()?;
        Ok(SecretBytes::new(armour("PRIVATE KEY", &der)))
    }

    /// The private key to be kept where only the issuer can read it: PKCS #8 in DER, or a shared secret
    /// as it is. [`from_private_bytes`](Self::from_private_bytes) reads it back.
    ///
    /// # Errors
    ///
    /// If the cryptography can't write the key down.
    pub fn to_private_bytes(&self) -> Result<SecretBytes, IssuerError> {
        match &*self.material {
            Material::Secret { secret, .. } => Ok(secret.clone()),
            _ => self.to_pkcs8_der(),
        }
    }
}

impl Material {
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
fn armour(label: &str, der: &[u8]) -> String {
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
