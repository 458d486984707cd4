//! Public keys in PEM and DER, read through `jsonwebtoken`.

use aws_lc_rs::rsa;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{DecodingKey, DecodingKeyKind};

use super::material::{Material, Public};
use crate::algorithm::Curve;
use crate::error::KeyError;

/// Reads a public key in PEM.
pub(super) fn read_pem(pem: &[u8]) -> Result<Public, KeyError> {
    let has = |label: &str| pem.windows(label.len()).any(|window| window == label.as_bytes());
    if has("PRIVATE KEY-----") {
        return Err(KeyError::new(
            "this is a private key, which a verifier has no use for; give it the public half, for \
             instance with `openssl pkey -in key.pem -pubout`",
        ));
    }
    if has("CERTIFICATE-----") {
        return Err(KeyError::new(
            "this is a certificate, whose validity nobody would check; give the public key in it, for \
             instance with `openssl x509 -in cert.pem -noout -pubkey`",
        ));
    }
    if let Ok(key) = DecodingKey::from_rsa_pem(pem) {
        return rsa_key(bytes(&key));
    }
    if let Ok(key) = DecodingKey::from_ec_pem(pem) {
        return ec_key(bytes(&key));
    }
    if let Ok(key) = DecodingKey::from_ed_pem(pem) {
        return Public::ed25519(bytes(&key));
    }
    Err(KeyError::new(
        "this is no public key in PEM; `-----BEGIN PUBLIC KEY-----` or `-----BEGIN RSA PUBLIC KEY-----` \
         of RSA, P-256, P-384, P-521, secp256k1 or Ed25519 is read",
    ))
}

/// Reads a public key in DER. PEM is DER in base64 between two lines that say what it is.
pub(super) fn read_der(der: &[u8]) -> Result<Public, KeyError> {
    let armour = |label: &str| {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    };
    // PKCS #1 has no outer structure that names the algorithm
    if rsa::PublicKey::from_der(der).is_ok() {
        return rsa_key(der);
    }
    read_pem(armour("PUBLIC KEY").as_bytes()).map_err(|_| {
        KeyError::new(
            "this is no public key in DER: SPKI or PKCS #1 of RSA, P-256, P-384, P-521, secp256k1 or \
             Ed25519 is read",
        )
    })
}

fn bytes(key: &DecodingKey) -> &[u8] {
    match key.kind() {
        DecodingKeyKind::SecretOrDer(bytes) => bytes,
        DecodingKeyKind::RsaModulusExponent { n, .. } => n,
    }
}

pub(super) fn rsa_key(der: &[u8]) -> Result<Public, KeyError> {
    let key = rsa::PublicKey::from_der(der).map_err(|_| {
        KeyError::new("this RSA key can't be read, or its modulus is not 2048 to 8192 bits")
    })?;
    Public::rsa(
        key.modulus().big_endian_without_leading_zero(),
        key.exponent().big_endian_without_leading_zero(),
    )
}

/// `jsonwebtoken` gives the point and not the curve. Its length leaves two at most, and a point that is
/// on both does not turn up by chance; parsing checks that it is on the curve.
pub(super) fn ec_key(point: &[u8]) -> Result<Public, KeyError> {
    let Some((0x04, coordinates)) = point.split_first().map(|(tag, rest)| (*tag, rest)) else {
        return Err(KeyError::new("the point is not in uncompressed form (SEC 1 §2.3.3)"));
    };
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    Curve::ALL
        .into_iter()
        .filter_map(|curve| Public::ec(curve, x, y).ok().map(|public| (curve, public)))
        .find(|(curve, public)| Material::public(curve.algorithm(), public.clone()).is_ok())
        .map(|(_, public)| public)
        .ok_or_else(|| KeyError::new("this point is not on P-256, P-384, P-521 or secp256k1"))
}
