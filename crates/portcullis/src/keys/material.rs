//! The material of a key, checked for weakness and parsed for the cryptography once.

use std::sync::Arc;

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::ParsedPublicKey;
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Algorithm;
use crate::algorithm::{Curve, KeyKind};
use crate::error::KeyError;

/// The least size of an RSA modulus (RFC 7518 §3.3), and the largest that the cryptography takes.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A public key in parts. Making one checks that it is not weak.
#[derive(Clone)]
pub(super) enum Public {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { curve: Curve, x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: [u8; 32] },
}

impl Public {
    pub(super) fn rsa(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let (n, e) = (without_leading_zeros(n), without_leading_zeros(e));
        let bits = n.first().map_or(0, |top| n.len() * 8 - top.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) {
            return Err(KeyError::new(format!(
                "the RSA modulus has {bits} bits; {} to {} are accepted (RFC 7518 §3.3): make a \
                 larger key, or one on a curve",
                RSA_BITS.start(),
                RSA_BITS.end()
            )));
        }
        let small = e.len() <= 2 || (e.len() == 3 && e < [0x01, 0x00, 0x01].as_slice());
        if small || e.len() > 8 || e.last().is_none_or(|low| low % 2 == 0) {
            return Err(KeyError::new(
                "the RSA exponent must be odd, at least 65537 and at most 64 bits: make a key with \
                 the usual exponent 65537",
            ));
        }
        Ok(Self::Rsa { n: n.to_vec(), e: e.to_vec() })
    }

    /// A point by its coordinates, which must be full size (RFC 7518 §6.2.1.2). Whether it is on the
    /// curve is seen when it is parsed.
    pub(super) fn ec(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        let len = curve.coordinate_len();
        if x.len() != len || y.len() != len {
            return Err(KeyError::new(format!(
                "the coordinates must be {len} octets each on {} (RFC 7518 §6.2.1.2)",
                curve.name()
            )));
        }
        Ok(Self::Ec { curve, x: x.to_vec(), y: y.to_vec() })
    }

    pub(super) fn ed25519(x: &[u8]) -> Result<Self, KeyError> {
        let x: [u8; 32] = x
            .try_into()
            .map_err(|_| KeyError::new("an Ed25519 key has 32 octets (RFC 8032 §5.1.5)"))?;
        if !ed25519::is_canonical(&x) {
            return Err(KeyError::new("this is not the encoding of a point (RFC 8032 §5.1.3)"));
        }
        if ed25519::has_small_order(&x) {
            return Err(KeyError::new(
                "this point has small order: signatures under it prove nothing; make a new key",
            ));
        }
        Ok(Self::Ed25519 { x })
    }

    pub(super) fn kind(&self) -> KeyKind {
        match self {
            Self::Rsa { .. } => KeyKind::Rsa,
            Self::Ec { curve, .. } => KeyKind::Ec(*curve),
            Self::Ed25519 { .. } => KeyKind::Ed25519,
        }
    }

    fn parse(&self, algorithm: Algorithm) -> Result<ParsedPublicKey, KeyError> {
        let verification = algorithm.verification().filter(|_| algorithm.key_kind() == self.kind());
        let Some(verification) = verification else {
            return Err(KeyError::new(format!("this key can't be used with {algorithm}")));
        };
        match self {
            Self::Rsa { n, e } => {
                // RSA algorithms only, because the kind was compared
                let parameters = match algorithm {
                    Algorithm::RS256 => &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256,
                    Algorithm::RS384 => &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA384,
                    Algorithm::RS512 => &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA512,
                    Algorithm::PS256 => &aws_lc_rs::signature::RSA_PSS_2048_8192_SHA256,
                    Algorithm::PS384 => &aws_lc_rs::signature::RSA_PSS_2048_8192_SHA384,
                    _ => &aws_lc_rs::signature::RSA_PSS_2048_8192_SHA512,
                };
                PublicKeyComponents { n, e }
                    .to_parsed_public_key(parameters)
                    .map_err(|_| KeyError::new("this is no valid RSA key"))
            }
            Self::Ec { curve, x, y } => {
                let point = [&[0x04], x.as_slice(), y.as_slice()].concat();
                ParsedPublicKey::new(verification, point).map_err(|_| {
                    KeyError::new(format!("this point is not on the curve {}", curve.name()))
                })
            }
            Self::Ed25519 { x } => ParsedPublicKey::new(verification, x)
                .map_err(|_| KeyError::new("this is no valid Ed25519 key")),
        }
    }

    /// The members that a public key must have (RFC 7518 §6, RFC 8037 §2), in the order of their names.
    fn members(&self) -> Vec<(&'static str, String)> {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let text = |text: &str| text.to_owned();
        match self {
            Self::Rsa { n, e } => vec![("e", b64(e)), ("kty", text("RSA")), ("n", b64(n))],
            Self::Ec { curve, x, y } => {
                vec![("crv", text(curve.name())), ("kty", text("EC")), ("x", b64(x)), ("y", b64(y))]
            }
            Self::Ed25519 { x } => {
                vec![("crv", text("Ed25519")), ("kty", text("OKP")), ("x", b64(x))]
            }
        }
    }

    /// RFC 7638 §3.2. None of the values has a character that JSON would escape.
    fn thumbprint(&self) -> String {
        let members: Vec<_> =
            self.members().iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        let json = format!("{{{}}}", members.join(","));
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, json.as_bytes()).as_ref())
    }
}

/// What the cryptography works with.
#[derive(Clone)]
pub(super) enum Material {
    Secret(Arc<hmac::Key>),
    Public { parsed: Arc<ParsedPublicKey>, parts: Arc<Public> },
}

impl Material {
    pub(super) fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        let Some(hmac) = algorithm.hmac() else {
            return Err(KeyError::new(format!(
                "{algorithm} takes a public key; a secret is for HS256, HS384 or HS512"
            )));
        };
        let least = hmac.tag_len();
        if secret.len() < least {
            return Err(KeyError::new(format!(
                "the secret has {} bytes; {algorithm} needs at least {least} (RFC 7518 §3.2): draw a \
                 random one, for instance with `openssl rand -base64 {}`",
                secret.len(),
                least + least / 2
            )));
        }
        Ok(Self::Secret(Arc::new(hmac::Key::new(hmac, secret))))
    }

    pub(super) fn public(algorithm: Algorithm, parts: Public) -> Result<Self, KeyError> {
        let parsed = Arc::new(parts.parse(algorithm)?);
        Ok(Self::Public { parsed, parts: Arc::new(parts) })
    }

    pub(super) fn rebind(&self, algorithm: Algorithm) -> Result<Self, KeyError> {
        match self {
            Self::Public { parts, .. } => Ok(Self::Public {
                parsed: Arc::new(parts.parse(algorithm)?),
                parts: Arc::clone(parts),
            }),
            Self::Secret(_) => Err(KeyError::new(
                "a secret is bound to its algorithm when it is loaded; load it with the other one",
            )),
        }
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            // compares in constant time
            Self::Secret(key) => hmac::verify(key, message, signature).is_ok(),
            Self::Public { parsed, .. } => parsed.verify_sig(message, signature).is_ok(),
        }
    }

    /// The members of the public half, if there is one.
    pub(super) fn public_members(&self) -> Option<Vec<(&'static str, String)>> {
        match self {
            Self::Secret(_) => None,
            Self::Public { parts, .. } => Some(parts.members()),
        }
    }

    pub(super) fn thumbprint(&self) -> String {
        match self {
            Self::Secret(key) => URL_SAFE_NO_PAD.encode(hmac::sign(key, b"portcullis: thumbprint")),
            Self::Public { parts, .. } => parts.thumbprint(),
        }
    }
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    &bytes[zeros..]
}

/// What the encoding of a point on Ed25519 shows without any arithmetic.
mod ed25519 {
    /// p = 2^255 - 19, little-endian; the top bit of an encoding is the sign of x and no part of y.
    const P: [u8; 32] = {
        let mut p = [0xff; 32];
        p[0] = 0xed;
        p[31] = 0x7f;
        p
    };

    /// The y of the points of order 1, 2, 4 and 8, in their canonical encoding: 1, -1, 0, and the two of
    /// order 8.
    const SMALL_ORDER: [[u8; 32]; 5] = [
        small(1),
        minus_one(),
        small(0),
        hex(b"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        hex(b"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ];

    const fn small(y: u8) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[0] = y;
        bytes
    }

    const fn minus_one() -> [u8; 32] {
        let mut bytes = P;
        bytes[0] = 0xec;
        bytes
    }

    const fn hex(text: &[u8; 64]) -> [u8; 32] {
        const fn digit(c: u8) -> u8 {
            match c {
                b'0'..=b'9' => c - b'0',
                _ => c - b'a' + 10,
            }
        }
        let mut bytes = [0; 32];
        let mut i = 0;
        while i < 32 {
            bytes[i] = digit(text[2 * i]) * 16 + digit(text[2 * i + 1]);
            i += 1;
        }
        bytes
    }

    fn y(encoding: &[u8; 32]) -> [u8; 32] {
        let mut y = *encoding;
        y[31] &= 0x7f;
        y
    }

    /// True if y < p, as RFC 8032 §5.1.3 asks.
    pub(super) fn is_canonical(encoding: &[u8; 32]) -> bool {
        y(encoding).iter().rev().lt(P.iter().rev())
    }

    pub(super) fn has_small_order(encoding: &[u8; 32]) -> bool {
        SMALL_ORDER.contains(&y(encoding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rsa_exponent_has_64_bits_at_most() {
        let modulus = [0xff; 256];
        for (e, accepted) in [
            (&[1, 0, 1][..], true),
            (&[0, 0, 1, 0, 1], true),
            (&[1, 0, 0, 0, 0, 0, 0, 1], true),
            (&[0xff; 8], true),
            (&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], true),
            (&[1, 0, 0, 0, 0, 0, 0, 0, 1], false),
            (&[1, 0, 0], false),
            (&[0xff, 0xff], false),
            (&[3], false),
            (&[], false),
        ] {
            assert_eq!(Public::rsa(&modulus, e).is_ok(), accepted, "{e:?}");
        }
    }
}
