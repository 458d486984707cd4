//! The keys of test issuers. Making an RSA key takes long, so each is made once a process.

use std::sync::OnceLock;

use portcullis::Algorithm;
use portcullis_issuer::SigningKey;

/// Whose key it is.
#[derive(Clone, Copy)]
pub(super) enum Owner {
    Issuer,
    Stranger,
}

/// The key of this owner. RSA algorithms share one, and so have one thumbprint.
pub(super) fn key(algorithm: Algorithm, owner: Owner) -> SigningKey {
    static KEYS: [[OnceLock<SigningKey>; Algorithm::ALL.len()]; 2] =
        [const { [const { OnceLock::new() }; Algorithm::ALL.len()] }; 2];

    let source = if is_rsa(algorithm) { Algorithm::RS256 } else { algorithm };
    let at = Algorithm::ALL.iter().position(|other| *other == source);
    // `ALL` has every algorithm
    let slot = &KEYS[owner as usize][at.unwrap_or_default()];
    let made = slot.get_or_init(|| {
        SigningKey::generate(source).expect("the cryptography has randomness, or no test can run")
    });
    let name = match owner {
        Owner::Issuer => "test-key",
        Owner::Stranger => "stranger-key",
    };
    made.clone()
        .with_algorithm(algorithm)
        .expect("an RSA key of 2048 bits is for every RSA algorithm")
        .with_key_id(name)
}

pub(super) fn is_rsa(algorithm: Algorithm) -> bool {
    matches!(&algorithm.name()[..1], "R" | "P")
}

pub(super) fn is_ecdsa(algorithm: Algorithm) -> bool {
    algorithm.name().starts_with("ES")
}
