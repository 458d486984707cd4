//! A private key as a JWK: what carries its algorithm and its `kid` along, which PEM can't.

use aws_lc_rs::encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, Pkcs8V1Der};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::SigningKey;
use super::material::Material;
use crate::SecretBytes;
use crate::error::IssuerError;

impl SigningKey {
    /// The private key as a JWK ([RFC 7517]) with `kid`, `alg` and `use`, as
    /// [`from_jwk`](Self::from_jwk) and other tools read it. A shared secret is of type `oct`.
    ///
    /// # Errors
    ///
    /// If the cryptography can't write the key down.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis::Algorithm;
    /// use portcullis_issuer::SigningKey;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = SigningKey::generate(Algorithm::ES256)?.with_key_id("2026");
    /// let read = SigningKey::from_jwk(key.to_jwk()?)?;
    /// assert_eq!((read.key_id(), read.thumbprint()), ("2026", key.thumbprint()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [RFC 7517]: https://www.rfc-editor.org/rfc/rfc7517
    pub fn to_jwk(&self) -> Result<SecretBytes, IssuerError> {
        let marks = [("use", "sig"), ("alg", self.algorithm().name()), ("kid", self.key_id())];
        let public = self.material.public_jwk(&marks);
        let private = self.material.private_members()?;
        // of the size that it will have, so that no part of a secret stays behind in an outgrown buffer
        let size = private.iter().map(|(name, value)| name.len() + value.len() + 6).sum::<usize>();
        let mut jwk = Zeroizing::new(String::with_capacity(public.len() + size));
        jwk.push_str(public.trim_end_matches('}'));
        for (name, value) in &private {
            jwk.push_str(",\"");
            jwk.push_str(name);
            jwk.push_str("\":\"");
            jwk.push_str(value);
            jwk.push('"');
        }
        jwk.push('}');
        Ok(SecretBytes::new(jwk.as_bytes()))
    }
}

type Member = (&'static str, Zeroizing<String>);

fn member(name: &'static str, bytes: &[u8]) -> Member {
    (name, Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes)))
}

impl Material {
    /// RFC 7518 §6.2.2, §6.3.2, §6.4.1, RFC 8037 §2.
    fn private_members(&self) -> Result<Vec<Member>, IssuerError> {
        let failed = |_| IssuerError::crypto("the key could not be written down");
        Ok(match self {
            Self::Secret { secret, .. } => {
                let kty = ("kty", Zeroizing::new("oct".to_owned()));
                vec![kty, member("k", secret)]
            }
            Self::Ec(_, pair) => {
                let d: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().map_err(failed)?;
                vec![member("d", d.as_ref())]
            }
            Self::Ed25519(pair) => {
                let seed = pair.seed().map_err(failed)?;
                let d = seed.as_be_bytes().map_err(failed)?;
                vec![member("d", d.as_ref())]
            }
            Self::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
                let numbers = rsa_numbers(der.as_ref())
                    .ok_or_else(|| IssuerError::crypto("the key could not be written down"))?;
                // n and e are in the public half
                let names = ["d", "p", "q", "dp", "dq", "qi"];
                names.into_iter().zip(&numbers[2..]).map(|(name, n)| member(name, n)).collect()
            }
        })
    }
}

/// The eight numbers of an RSA key (RFC 8017 A.1.2), from n to qi, out of its PKCS #8 (RFC 5958 §2).
fn rsa_numbers(pkcs8: &[u8]) -> Option<[&[u8]; 8]> {
    let (mut outer, _) = der(pkcs8, SEQUENCE)?;
    let _version = take(&mut outer, INTEGER)?;
    let _algorithm = take(&mut outer, SEQUENCE)?;
    let (mut key, _) = der(take(&mut outer, OCTETS)?, SEQUENCE)?;
    let _version = take(&mut key, INTEGER)?;
    let mut numbers = [&[][..]; 8];
    for number in &mut numbers {
        let signed = take(&mut key, INTEGER)?;
        // a leading zero keeps the sign positive
        *number = signed.strip_prefix(&[0]).unwrap_or(signed);
    }
    Some(numbers)
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

fn take<'a>(from: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (content, rest) = der(from, tag)?;
    *from = rest;
    Some(content)
}

/// One element of DER with this tag (X.690 §8.1): its content, and what follows it.
fn der(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (len, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (len.iter().fold(0, |len, &b| len << 8 | usize::from(b)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(len)
}
