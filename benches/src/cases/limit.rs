//! `limit/ALG`: the signature alone, by the cryptography itself, with a key that is parsed already.
//! Nobody who checks signatures can be faster.

use std::hint::black_box;

use anyhow::{Context, Result};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis::Algorithm;

use super::ours::NEW;
use crate::case::{Case, Contestant};
use crate::world::{ALGORITHMS, SECRET, Signer, World};

pub(super) fn cases() -> Vec<Case> {
    let case = |algorithm| {
        Case::new(format!("limit/{algorithm}"), move |world| Raw::new(world, algorithm))
    };
    ALGORITHMS.into_iter().map(case).collect()
}

enum Key {
    Secret(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

struct Raw {
    key: Key,
    /// As many as in `ours/cold`: a processor learns the branches of one signature by heart.
    signed: Vec<(Vec<u8>, Vec<u8>)>,
    at: usize,
}

impl Raw {
    fn new(world: &World, algorithm: Algorithm) -> Result<Self> {
        let signer = world.signer(algorithm)?;
        let signed = signer.tokens(NEW)?.into_iter().map(|token| {
            let (message, signature) = token.rsplit_once('.').context("a token has three parts")?;
            Ok((message.into(), URL_SAFE_NO_PAD.decode(signature)?))
        });
        Ok(Self { key: key(algorithm, &signer)?, signed: signed.collect::<Result<_>>()?, at: 0 })
    }
}

fn key(algorithm: Algorithm, signer: &Signer) -> Result<Key> {
    let verification: &'static dyn VerificationAlgorithm = match algorithm {
        Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::ES256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::ES384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::EdDSA => &signature::ED25519,
        _ => {
            return Ok(Key::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()))));
        }
    };
    let pem = signer.key.public_pem().context("the key has a public part")?;
    let body: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
    Ok(Key::Public(ParsedPublicKey::new(verification, STANDARD.decode(body)?)?))
}

impl Contestant for Raw {
    fn prepare(&mut self) {
        for part in self.signed.iter().flat_map(|(message, signature)| [message, signature]) {
            black_box(part.iter().step_by(64).fold(0u8, |sum, byte| sum ^ byte));
        }
    }

    fn run(&mut self, operations: usize) {
        for _ in 0..operations {
            let (message, signature) = black_box(&self.signed[self.at]);
            let good = match &self.key {
                Key::Secret(key) => hmac::verify(key, message, signature).is_ok(),
                Key::Public(key) => key.verify_sig(message, signature).is_ok(),
            };
            assert!(good);
            self.at = (self.at + 1) % self.signed.len();
        }
    }
}
