//! A test issuer: it mints real tokens, good ones and forged ones, of every algorithm.

mod defect;
mod fixtures;
mod forge;
mod token;

use portcullis::{Algorithm, Issuer, Keys};
use portcullis_issuer::SigningKey;

pub use defect::{Defect, Stage};
pub use token::TestToken;

use crate::TestClock;

/// An issuer for tests. Its tokens are signed with a real key, and only the verifier that trusts that
/// key takes them: there is no bypass.
///
/// Keys are made once a process. Two test issuers of one algorithm have the same key; a
/// [stranger](Self::stranger) has another.
///
/// # Example
///
/// ```
/// use portcullis::{Algorithm, RejectionKind, Verifier};
/// use portcullis_testing::{Stage, TestIssuer};
///
/// #[derive(serde::Deserialize)]
/// struct Claims { sub: String }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TestIssuer::new(Algorithm::ES256);
/// let verifier =
///     Verifier::builder().trust(issuer.trusted()).clock(issuer.clock()).build::<Claims>()?;
///
/// let good = issuer.token().subject("bob").mint();
/// assert_eq!(verifier.verify(good)?.sub, "bob");
///
/// let late = issuer.token().claim("exp", 1_000).mint();
/// assert_eq!(verifier.verify(late).unwrap_err().kind(), RejectionKind::Expired);
///
/// for (defect, forged) in issuer.token().forgeries().filter(|(defect, _)| defect.stage() == Stage::Jws) {
///     assert!(verifier.verify(forged).is_err(), "{defect}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TestIssuer {
    name: String,
    audience: String,
    key: SigningKey,
    clock: TestClock,
}

impl TestIssuer {
    /// What time it is for test issuers, unless set: 2023-11-14T22:13:20Z.
    pub const NOW: i64 = 1_700_000_000;

    /// The issuer `https://issuer.test`, whose tokens are for the audience `api`.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self {
            name: "https://issuer.test".to_owned(),
            audience: "api".to_owned(),
            key: fixtures::key(algorithm, fixtures::Owner::Issuer),
            clock: TestClock::at(Self::NOW),
        }
    }

    /// The issuer `https://stranger.test`, with a key of its own: a second one to trust, or one that
    /// nobody does.
    #[must_use]
    pub fn stranger(algorithm: Algorithm) -> Self {
        Self {
            name: "https://stranger.test".to_owned(),
            key: fixtures::key(algorithm, fixtures::Owner::Stranger),
            ..Self::new(algorithm)
        }
    }

    /// With this name (`iss`).
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// With tokens for this audience.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    /// With this key.
    #[must_use]
    pub fn with_key(mut self, key: SigningKey) -> Self {
        self.key = key;
        self
    }

    /// With this clock. For a service that goes by the machine's clock, set one to the time of
    /// `SystemClock`.
    #[must_use]
    pub fn with_clock(mut self, clock: TestClock) -> Self {
        self.clock = clock;
        self
    }

    /// `iss`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `aud`.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The key that signs.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The clock that tokens are dated by: give it to the verifier too.
    #[must_use]
    pub fn clock(&self) -> TestClock {
        self.clock.clone()
    }

    /// The keys that verify its tokens.
    #[must_use]
    pub fn keys(&self) -> Keys {
        Keys::from(self.key.verification_key())
    }

    /// This issuer as a verifier trusts it: its name, audience and keys.
    pub fn trusted(&self) -> Issuer {
        Issuer::new(self.name.as_str()).audience(self.audience.as_str()).keys(self.keys())
    }

    /// A token with good claims, to be minted or spoilt.
    pub fn token(&self) -> TestToken {
        TestToken::new(self)
    }
}
