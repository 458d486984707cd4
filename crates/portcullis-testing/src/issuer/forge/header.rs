//! Defects of the header: the algorithm, the key, what must not be there.

use portcullis::Algorithm;
use portcullis_issuer::SigningKey;
use serde_json::{Value, json};

use super::super::fixtures::{self, Owner};
use super::super::{Defect, TestToken};
use super::spliced;

pub(super) fn spoil(token: &TestToken, defect: Defect) -> Option<TestToken> {
    let algorithm = token.issuer.key().algorithm();
    let stranger = fixtures::key(algorithm, Owner::Stranger);
    let own = token.issuer.key().clone();
    let token = token.clone();
    Some(match defect {
        Defect::AlgNoneButSigned => token.header("alg", "none"),
        Defect::AlgOfAnotherKey => {
            let other = sibling(algorithm);
            // an RSA key can really sign for its siblings; others sign as they do
            let key = own.clone().with_algorithm(other).unwrap_or(own);
            token.header("alg", other.name()).sign_with(&key)
        }
        Defect::AlgLowerCase => token.header("alg", algorithm.name().to_lowercase()),
        Defect::AlgMissing => token.without_header("alg"),
        Defect::AlgNoString => token.header("alg", json!({ algorithm.name(): null })),
        Defect::HmacWithPublicPem => with_public_key_for_a_secret(token, &own.public_pem()?),
        Defect::HmacWithPublicJwk => with_public_key_for_a_secret(token, &own.public_jwk()?),

        Defect::SignedByStranger => token.sign_with(&stranger),
        Defect::KeyUnknown => token.header("kid", stranger.key_id()).sign_with(&stranger),
        Defect::KeyIdIsPath => token.header("kid", "../../../../dev/null"),
        Defect::KeyIdNoString => token.header("kid", 1),
        Defect::KeyInHeader => {
            let jwk = stranger.public_jwk().and_then(|jwk| serde_json::from_str(&jwk).ok());
            let jwk: Value = jwk.unwrap_or_else(|| json!({"kty": "oct", "k": "AAAA"}));
            token.header("jwk", jwk).sign_with(&stranger)
        }
        Defect::KeyUrlInHeader => {
            token.header("jku", "https://stranger.test/jwks.json").sign_with(&stranger)
        }
        Defect::CertificateInHeader => token.header("x5c", ["MIIB"]).sign_with(&stranger),
        Defect::CertificateUrlInHeader => {
            token.header("x5u", "https://stranger.test/cert.pem").sign_with(&stranger)
        }

        Defect::Critical => token.header("crit", ["exp"]).header("exp", 4_102_444_800u64),
        Defect::CriticalEmpty => token.header("crit", json!([])),
        Defect::PayloadUnencoded => token.header("b64", false),
        Defect::Compressed => token.header("zip", "DEF"),
        Defect::HeaderRepeats => token.repeat_header("alg", algorithm.name()),
        Defect::HeaderRepeatsEscaped => {
            let header = spliced(&token.header_bytes(), &format!(r#""\u0061lg":"{algorithm}""#));
            token.raw_header(header)
        }
        Defect::HeaderNoObject => {
            token.raw_header(json!(["JWT", algorithm.name(), own.key_id()]).to_string())
        }
        Defect::HeaderNoJson => token.raw_header("alg"),
        Defect::HeaderTooLarge => token.header("x", "a".repeat(4096)),
        _ => return None,
    })
}

/// The classic: whoever lets the token choose HMAC verifies with a secret that everybody knows.
fn with_public_key_for_a_secret(token: TestToken, public: &str) -> TestToken {
    let key = SigningKey::from_secret(Algorithm::HS256, public)
        .expect("a public key is longer than 32 bytes");
    token.header("alg", "HS256").sign_with(&key)
}

/// Another algorithm of the same family, or the nearest that there is.
fn sibling(algorithm: Algorithm) -> Algorithm {
    match algorithm {
        Algorithm::HS256 => Algorithm::HS384,
        Algorithm::HS384 | Algorithm::HS512 => Algorithm::HS256,
        Algorithm::RS256 => Algorithm::PS256,
        Algorithm::RS384 => Algorithm::PS384,
        Algorithm::RS512 => Algorithm::PS512,
        Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512 => Algorithm::RS256,
        // the same length of signature
        Algorithm::ES256 => Algorithm::ES256K,
        _ => Algorithm::ES256,
    }
}
