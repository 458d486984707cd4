//! Private keys in PEM and DER. PKCS #8 and PKCS #1 in PEM are read through `jsonwebtoken`.

use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::EncodingKey;
use zeroize::Zeroizing;

use super::material::{Curve, Material};
use crate::error::IssuerError;

const FORMS: &str = "PKCS #8, PKCS #1 or SEC 1 of RSA (2048 to 8192 bits), P-256, P-384, P-521, \
                     secp256k1 or Ed25519 is read";

/// Reads a private key in PEM.
pub(super) fn pem(pem: &[u8]) -> Result<Material, IssuerError> {
    let has = |label: &str| pem.windows(label.len()).any(|window| window == label.as_bytes());
    if has("BEGIN ENCRYPTED PRIVATE KEY-----") || has("Proc-Type: 4,ENCRYPTED") {
        return Err(IssuerError::key(
            "this private key is encrypted; decrypt it, for instance with `openssl pkey -in key.pem`",
        ));
    }
    if has("BEGIN EC PRIVATE KEY-----") {
        return der(&body(pem, "EC PRIVATE KEY")?);
    }
    if !has("PRIVATE KEY-----") && (has("PUBLIC KEY-----") || has("CERTIFICATE-----")) {
        return Err(IssuerError::key(
            "this is the public half of a key; signing takes the private one",
        ));
    }
    if let Ok(key) = EncodingKey::from_rsa_pem(pem) {
        return der(key.as_bytes());
    }
    if let Ok(key) = EncodingKey::from_ec_pem(pem) {
        return der(key.as_bytes());
    }
    if let Ok(key) = EncodingKey::from_ed_pem(pem) {
        return der(key.as_bytes());
    }
    Err(IssuerError::key(format!("this is no private key in PEM: {FORMS}")))
}

/// Reads a private key in DER: whichever parser takes it, since each checks what kind of key it is.
pub(super) fn der(der: &[u8]) -> Result<Material, IssuerError> {
    if let Ok(pair) = Ed25519KeyPair::from_pkcs8(der) {
        return Ok(Material::Ed25519(pair));
    }
    for curve in Curve::ALL {
        if let Ok(pair) = EcdsaKeyPair::from_private_key_der(curve.signing(), der) {
            return Ok(Material::Ec(curve, pair));
        }
    }
    if let Ok(pair) = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der)) {
        return Ok(Material::Rsa(pair));
    }
    Err(IssuerError::key(format!("this is no private key that can be used: {FORMS}")))
}

/// The DER in the PEM block of this label, which may follow others such as `EC PARAMETERS`.
fn body(pem: &[u8], label: &str) -> Result<Zeroizing<Vec<u8>>, IssuerError> {
    let broken = || IssuerError::key(format!("the block {label} is not closed or is no base64"));
    let text = std::str::from_utf8(pem).map_err(|_| broken())?;
    let start = format!("-----BEGIN {label}-----");
    let end = format!("-----END {label}-----");
    let (_, rest) = text.split_once(&start).ok_or_else(broken)?;
    let (lines, _) = rest.split_once(&end).ok_or_else(broken)?;
    let base64: Zeroizing<String> =
        Zeroizing::new(lines.chars().filter(|c| !c.is_ascii_whitespace()).collect());
    STANDARD.decode(base64.as_bytes()).map(Zeroizing::new).map_err(|_| broken())
}
