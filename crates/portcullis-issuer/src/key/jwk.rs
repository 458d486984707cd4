//! Private JWKs (RFC 7517, RFC 7518 §6, RFC 8037 §2).

use std::fmt;

use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::Algorithm;
use serde::de::{self, Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::material::{Curve, Material};
use crate::error::IssuerError;

/// A member in base64url, which is overwritten when dropped.
struct Bytes(Zeroizing<Vec<u8>>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("base64url without padding")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
                URL_SAFE_NO_PAD
                    .decode(text)
                    .map(|bytes| Bytes(Zeroizing::new(bytes)))
                    .map_err(|_| E::custom("not base64url without padding"))
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

#[derive(serde::Deserialize)]
struct Jwk {
    kty: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    kid: Option<String>,
    crv: Option<String>,
    k: Option<Bytes>,
    x: Option<Bytes>,
    y: Option<Bytes>,
    n: Option<Bytes>,
    e: Option<Bytes>,
    d: Option<Bytes>,
    p: Option<Bytes>,
    q: Option<Bytes>,
    dp: Option<Bytes>,
    dq: Option<Bytes>,
    qi: Option<Bytes>,
    // primes beyond two (RFC 7518 §6.3.2.7)
    oth: Option<de::IgnoredAny>,
}

/// Reads one private JWK: the algorithm, the key, its `kid`.
pub(super) fn read(json: &[u8]) -> Result<(Algorithm, Material, Option<String>), IssuerError> {
    let jwk: Jwk = serde_json::from_slice(json).map_err(|error| {
        // the text is not repeated: it is a secret
        IssuerError::key(format!(
            "this is no JWK whose members are what RFC 7517 and RFC 7518 §6 say: line {} column {}",
            error.line(),
            error.column()
        ))
    })?;
    jwk.check_purpose()?;
    let named = match jwk.alg.as_deref() {
        None => None,
        Some(name) => Some(
            Algorithm::from_name(name)
                .ok_or_else(|| IssuerError::key("its `alg` is no signature that is known"))?,
        ),
    };
    let material = jwk.material(named)?;
    Ok((named.unwrap_or_else(|| material.algorithm()), material, jwk.kid))
}

impl Jwk {
    /// `use` and `key_ops` (RFC 7517 §4.2, §4.3): a key for anything else is not taken.
    fn check_purpose(&self) -> Result<(), IssuerError> {
        if self.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return Err(IssuerError::key("its `use` is not \"sig\""));
        }
        match &self.key_ops {
            Some(operations) if !operations.iter().any(|operation| operation == "sign") => {
                Err(IssuerError::key("its `key_ops` do not include \"sign\""))
            }
            _ => Ok(()),
        }
    }

    fn material(&self, named: Option<Algorithm>) -> Result<Material, IssuerError> {
        let inconsistent =
            |_| IssuerError::key("the parts of this key do not belong together, or it is too weak");
        match self.kty.as_str() {
            "oct" => {
                let algorithm = named.ok_or_else(|| {
                    IssuerError::key(
                        "a secret (`oct`) must say what it is for: add `\"alg\":\"HS256\"`",
                    )
                })?;
                Material::secret(algorithm, required("k", &self.k)?)
            }
            "RSA" => {
                if self.oth.is_some() {
                    return Err(IssuerError::key("RSA with more than two primes is not supported"));
                }
                let pair = RsaKeyPair::from_components(&KeyPairComponents {
                    public_key: PublicKeyComponents {
                        n: required("n", &self.n)?,
                        e: required("e", &self.e)?,
                    },
                    d: required("d", &self.d)?,
                    p: required("p", &self.p)?,
                    q: required("q", &self.q)?,
                    dP: required("dp", &self.dp)?,
                    dQ: required("dq", &self.dq)?,
                    qInv: required("qi", &self.qi)?,
                });
                pair.map(Material::Rsa).map_err(inconsistent)
            }
            "EC" => {
                let curve = Curve::ALL
                    .into_iter()
                    .find(|curve| Some(curve.name()) == self.crv.as_deref())
                    .ok_or_else(|| {
                        IssuerError::key("its `crv` is not P-256, P-384, P-521 or secp256k1")
                    })?;
                // full size each (RFC 7518 §6.2.1.2, §6.2.2.1)
                let part = |name, part| match required(name, part) {
                    Ok(part) if part.len() != curve.len() => Err(IssuerError::key(format!(
                        "`{name}` must have {} octets on {}",
                        curve.len(),
                        curve.name()
                    ))),
                    other => other,
                };
                let point = [&[0x04], part("x", &self.x)?, part("y", &self.y)?].concat();
                let pair = EcdsaKeyPair::from_private_key_and_public_key(
                    curve.signing(),
                    part("d", &self.d)?,
                    &point,
                );
                pair.map(|pair| Material::Ec(curve, pair)).map_err(inconsistent)
            }
            "OKP" if self.crv.as_deref() == Some("Ed25519") => {
                let (d, x) = (required("d", &self.d)?, required("x", &self.x)?);
                if d.len() != 32 {
                    return Err(IssuerError::key("`d` must have 32 octets on Ed25519"));
                }
                let pair = Ed25519KeyPair::from_seed_and_public_key(d, x);
                pair.map(Material::Ed25519).map_err(inconsistent)
            }
            _ => Err(IssuerError::key(
                "its `kty` and `crv` are none of oct, RSA, EC and OKP with Ed25519",
            )),
        }
    }
}

fn required<'a>(name: &str, part: &'a Option<Bytes>) -> Result<&'a [u8], IssuerError> {
    match part {
        Some(Bytes(bytes)) => Ok(bytes),
        None => Err(IssuerError::key(match name {
            "d" | "k" => format!("`{name}` is missing: this JWK has no private part"),
            _ => format!("`{name}` is missing"),
        })),
    }
}
