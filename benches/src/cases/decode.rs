//! `decode/ALG`: jsonwebtoken's `decode` on the same backend, with a key and a `Validation` made
//! beforehand: what most layers do for each request.

use std::hint::black_box;

use anyhow::{Context, Result};
use jsonwebtoken::{Algorithm as Alg, DecodingKey, Validation};
use portcullis::Algorithm;

use super::ours::NEW;
use crate::case::{Case, Contestant};
use crate::world::{ALGORITHMS, AUDIENCE, Claims, ISSUER, SECRET, World};

pub(super) fn cases() -> Vec<Case> {
    let case = |algorithm| {
        Case::new(format!("decode/{algorithm}"), move |world| Decode::new(world, algorithm))
            .limit(format!("limit/{algorithm}"))
    };
    ALGORITHMS.into_iter().map(case).collect()
}

struct Decode {
    key: DecodingKey,
    validation: Validation,
    tokens: Vec<String>,
    at: usize,
}

impl Decode {
    fn new(world: &World, algorithm: Algorithm) -> Result<Self> {
        let signer = world.signer(algorithm)?;
        let key = match signer.key.public_jwk() {
            Some(jwk) => DecodingKey::from_jwk(&serde_json::from_str(&jwk)?)?,
            None => DecodingKey::from_secret(SECRET.as_bytes()),
        };
        let alg: Alg = algorithm.to_string().parse().context("jsonwebtoken knows it")?;
        let mut validation = Validation::new(alg);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.validate_nbf = true;
        Ok(Self { key, validation, tokens: signer.tokens(NEW)?, at: 0 })
    }
}

impl Contestant for Decode {
    fn prepare(&mut self) {
        for token in &self.tokens {
            black_box(token.bytes().step_by(64).fold(0u8, |sum, byte| sum ^ byte));
        }
    }

    fn run(&mut self, operations: usize) {
        for _ in 0..operations {
            let token = black_box(self.tokens[self.at].as_str());
            let decoded = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation);
            black_box(decoded.expect("the token is good"));
            self.at = (self.at + 1) % self.tokens.len();
        }
    }
}
