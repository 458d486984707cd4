//! The one error of this crate: opaque, with a kind.

use std::error::Error;
use std::fmt;

use portcullis::keys::VerificationKey;
use portcullis_core::BoxError;

/// Why a key could not be loaded or a token could not be minted.
///
/// Its text names settings and claims, and never holds a key, a secret or the value of a claim.
#[derive(Debug)]
pub struct IssuerError {
    kind: IssuerErrorKind,
    message: String,
    source: Option<BoxError>,
}

/// The kinds of [`IssuerError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IssuerErrorKind {
    /// A key can't be read, is weak, or does not fit its algorithm.
    InvalidKey,
    /// A setting makes no sense; the message names it.
    InvalidSetting,
    /// The claims are no JSON object, or collide with those that the issuer sets.
    InvalidClaims,
    /// Others than its owner can get at a file that holds private keys.
    Exposed,
    /// A token is too large for where it has to go.
    TooLarge,
    /// The cryptography failed: there was no randomness, or a key could not sign.
    Crypto,
    /// A store of cutoffs could not be asked. Says nothing about the subject.
    StoreUnavailable,
    /// The cutoff of the subject lies too far in the future to wait for it.
    CutoffAhead,
}

impl IssuerError {
    pub(crate) fn new(kind: IssuerErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn key(message: impl Into<String>) -> Self {
        Self::new(IssuerErrorKind::InvalidKey, message)
    }

    pub(crate) fn setting(message: impl Into<String>) -> Self {
        Self::new(IssuerErrorKind::InvalidSetting, message)
    }

    pub(crate) fn claims(message: impl Into<String>) -> Self {
        Self::new(IssuerErrorKind::InvalidClaims, message)
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(IssuerErrorKind::TooLarge, message)
    }

    pub(crate) fn crypto(message: impl Into<String>) -> Self {
        Self::new(IssuerErrorKind::Crypto, message)
    }

    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> IssuerErrorKind {
        self.kind
    }
}

impl fmt::Display for IssuerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for IssuerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// What a verifier says of the public half of a key, said of the key.
pub(crate) fn checked<E: fmt::Display>(
    verification: Result<VerificationKey, E>,
) -> Result<VerificationKey, IssuerError> {
    verification.map_err(|error| IssuerError::key(error.to_string()))
}
