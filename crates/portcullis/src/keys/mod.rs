//! Keys that tokens are verified with: each parsed once and bound to one algorithm.
//!
//! [`Keys`] is a handle to a set of [`VerificationKey`]s. Reading the set takes no lock, and
//! [`Keys::replace`] swaps it for every verifier that holds the handle, so that a key that is withdrawn
//! stops working at once.
//!
//! Weak keys are refused when they are loaded: an HMAC secret shorter than its hash, an RSA modulus
//! below 2048 bits or an exponent below 65537, a point of small order on Ed25519, a point that is not
//! on its curve. One bad entry does not spoil a JWK Set: it is [skipped](KeySet::skipped) with a
//! reason.
//!
//! Keys that come from elsewhere have a [`KeySource`], which may be out of reach: that is an outage (503)
//! and no refusal of the token.
//!
//! # Example
//!
//! ```
//! use portcullis::keys::VerificationKey;
//! use portcullis::{Algorithm, Keys};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let jwk = r#"{"kty":"OKP","crv":"Ed25519","kid":"2026",
//!     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
//! let keys = Keys::new([VerificationKey::from_jwk(jwk)?])?;
//! assert_eq!(keys.snapshot().keys().next().map(|key| key.algorithm()), Some(Algorithm::EdDSA));
//!
//! let weak = Keys::from_secret(Algorithm::HS256, b"password");
//! assert!(weak.is_err());
//! # Ok(())
//! # }
//! ```

mod directory;
mod encoded;
#[cfg(feature = "jsonwebtoken")]
mod foreign;
mod jwk;
mod key;
mod material;
mod set;
mod source;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};

pub use key::VerificationKey;
pub(crate) use set::Candidates;
pub use set::{KeySet, SkippedKey};
pub use source::{KeySource, KeyWait, Seek, WantedKey};
pub(crate) use source::{Missing, Refusal};

use crate::Algorithm;
use crate::error::KeyError;

/// A handle to the keys of an issuer. Clones share the set.
#[derive(Clone)]
pub struct Keys {
    inner: Arc<Inner>,
    source: Option<Arc<dyn KeySource>>,
}

struct Inner {
    set: ArcSwap<KeySet>,
    /// Counts the sets. It goes up after a set was put in place, so that whoever reads a number and then
    /// the set has a set that is at least as new.
    generation: AtomicU64,
}

impl Keys {
    /// These keys.
    ///
    /// # Errors
    ///
    /// If there are none.
    pub fn new(keys: impl IntoIterator<Item = VerificationKey>) -> Result<Self, KeyError> {
        KeySet::new(keys).usable().map(Self::from)
    }

    /// One shared secret, for HS256, HS384 or HS512.
    ///
    /// # Errors
    ///
    /// If the secret is shorter than the hash ([RFC 7518 §3.2]), or if all its bytes are the same.
    ///
    /// [RFC 7518 §3.2]: https://www.rfc-editor.org/rfc/rfc7518#section-3.2
    pub fn from_secret(algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::new([VerificationKey::from_secret(algorithm, secret)?])
    }

    /// One public key in PEM. See [`VerificationKey::from_pem`].
    ///
    /// # Errors
    ///
    /// If it can't be read, or is weak.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::new([VerificationKey::from_pem(pem)?])
    }

    /// One public key in DER. See [`VerificationKey::from_der`].
    ///
    /// # Errors
    ///
    /// If it can't be read, or is weak.
    pub fn from_der(der: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::new([VerificationKey::from_der(der)?])
    }

    /// One JWK. See [`VerificationKey::from_jwk`].
    ///
    /// # Errors
    ///
    /// If it can't be read, is weak, or is not for verifying signatures.
    pub fn from_jwk(json: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::new([VerificationKey::from_jwk(json)?])
    }

    /// A JWK Set ([RFC 7517 §5]). Entries that can't be used are skipped, with a reason that
    /// [`KeySet::skipped`] gives.
    ///
    /// # Errors
    ///
    /// If it is no JWK Set, or if no key in it can be used.
    ///
    /// [RFC 7517 §5]: https://www.rfc-editor.org/rfc/rfc7517#section-5
    pub fn from_jwk_set(json: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        KeySet::from_jwk_set(json)?.usable().map(Self::from)
    }

    /// A JWK Set in a file.
    ///
    /// # Errors
    ///
    /// As [`from_jwk_set`](Self::from_jwk_set), and if the file can't be read.
    pub fn from_jwk_set_file(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        let json = directory::read(path)?;
        Self::from_jwk_set(json).map_err(|error| error.about(path.display()))
    }

    /// A directory of public keys. See [`KeySet::from_directory`].
    ///
    /// # Errors
    ///
    /// If the directory can't be read, or if no key in it can be used.
    pub fn from_directory(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        KeySet::from_directory(path)?.usable().map(Self::from)
    }

    /// The set as it is now. Taking it costs no lock; it does not change any more.
    #[must_use]
    pub fn snapshot(&self) -> Arc<KeySet> {
        self.inner.set.load_full()
    }

    /// The set as it is now, for a moment.
    pub(crate) fn load(&self) -> Guard<Arc<KeySet>> {
        self.inner.set.load()
    }

    /// The number of the present set, from 1 on: it goes up whenever the set is [replaced](Self::replace).
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.inner.generation.load(Ordering::Acquire)
    }

    /// Puts another set in place of the present one, for every clone of this handle. A key that is not
    /// in it stops working with the next request. An empty set withdraws every key.
    pub fn replace(&self, set: KeySet) {
        self.inner.set.store(Arc::new(set));
        self.inner.generation.fetch_add(1, Ordering::Release);
    }
}

impl From<KeySet> for Keys {
    fn from(set: KeySet) -> Self {
        let inner = Inner { set: ArcSwap::from_pointee(set), generation: AtomicU64::new(1) };
        Self { inner: Arc::new(inner), source: None }
    }
}

impl From<VerificationKey> for Keys {
    fn from(key: VerificationKey) -> Self {
        KeySet::new([key]).into()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.snapshot().fmt(f)
    }
}
