//! Keys that come from elsewhere and may be out of reach: what a source of them has to answer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use portcullis_core::BoxError;

use super::Keys;
use crate::Algorithm;
use crate::error::{Diagnosis, Rejection, RejectionKind};

/// Keeps a set of keys up to date from elsewhere. `portcullis-oidc` has one that fetches a JWK Set;
/// implement it for keys in a vault or a database.
///
/// A source [replaces](Keys::replace) the set whenever it learns of another, and answers two questions:
/// may the present set be [relied on](Self::check), and where is a key that is
/// [not in it](Self::seek).
///
/// # Answers and what they cost
///
/// [`check`](Self::check) that wrongly says yes lets tokens pass that were signed by a key which its issuer
/// may have withdrawn long ago. One that wrongly says no refuses every token with a 503. A
/// [`seek`](Self::seek) that wrongly says [`NotThere`](Seek::NotThere) refuses good tokens with a 401,
/// which makes clients throw them away: where it is not known, the answer is
/// [`Unavailable`](Seek::Unavailable). A key that came between the look at the set and the question is no such
/// mistake: after every answer the set is looked at once more if it is another by then.
///
/// # Example
///
/// Keys that a file brings and that are good while the file was read in the last hour:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use portcullis::keys::{KeySet, KeySource, Seek, WantedKey};
/// use portcullis::{BoxError, Keys, RejectionKind, jws};
///
/// #[derive(Default)]
/// struct Vault { has_answered: AtomicBool }
///
/// impl KeySource for Vault {
///     fn check(&self) -> Result<(), BoxError> {
///         if self.has_answered.load(Ordering::Relaxed) { Ok(()) } else { Err("the vault is sealed".into()) }
///     }
///
///     fn seek(&self, _: &WantedKey<'_>) -> Seek {
///         Seek::NotThere
///     }
/// }
///
/// let keys = Keys::from(KeySet::default()).with_source(Arc::new(Vault::default()));
/// let token = "eyJhbGciOiJFUzI1NiJ9.e30.AAAA";
/// assert_eq!(jws::verify(token, &keys).unwrap_err().kind(), RejectionKind::KeysUnavailable);
/// ```
pub trait KeySource: Send + Sync + 'static {
    /// Whether the present set may be relied on. Asked for every token, remembered ones included, so it
    /// takes no lock and does not wait.
    ///
    /// # Errors
    ///
    /// Why not: the keys were never had, or not for too long. The token is then refused with
    /// [`KeysUnavailable`](RejectionKind::KeysUnavailable), whatever it is.
    fn check(&self) -> Result<(), BoxError>;

    /// Looks for a key that is not in the set. What is wanted was written by whoever made the token, so it
    /// must reach no address and no query before it was checked, and must not cause unlimited work.
    fn seek(&self, wanted: &WantedKey<'_>) -> Seek;
}

/// The key that a token names and that is not in the set. Nothing of it was verified.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WantedKey<'a> {
    key_id: Option<&'a str>,
    algorithm: Algorithm,
}

impl<'a> WantedKey<'a> {
    pub(crate) const fn new(key_id: Option<&'a str>, algorithm: Algorithm) -> Self {
        Self { key_id, algorithm }
    }

    /// The `kid` that the header claims.
    #[must_use]
    pub const fn untrusted_key_id(&self) -> Option<&'a str> {
        self.key_id
    }

    /// The algorithm that the header claims, which is one that the issuer may use.
    #[must_use]
    pub const fn untrusted_algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// Shows the `kid` quoted and cut, as all that a sender chose.
impl fmt::Debug for WantedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key_id = self.key_id.map(crate::error::quoted);
        f.debug_struct("WantedKey")
            .field("key_id", &format_args!("{}", key_id.as_deref().unwrap_or("none")))
            .field("algorithm", &self.algorithm)
            .finish()
    }
}

/// What a source knows of a key that is not in the set.
#[derive(Debug)]
pub enum Seek {
    /// The issuer does not have it. The token is refused with a 401.
    NotThere,
    /// It can't be known at the moment. The token is refused with a 503.
    Unavailable(BoxError),
    /// It is being looked for. When the wait is over the set is as it is.
    Wait(KeyWait),
}

/// Waits until a source has looked for a key. It ends within a time that the source limits.
///
/// Dropping it does not call off the search.
pub struct KeyWait(Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>);

impl KeyWait {
    /// Waits for this future. An error says that the source could not look.
    pub fn new(search: impl Future<Output = Result<(), BoxError>> + Send + 'static) -> Self {
        Self(Box::pin(search))
    }
}

impl Future for KeyWait {
    type Output = Result<(), BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for KeyWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyWait").finish_non_exhaustive()
    }
}

/// A token whose key is being looked for.
#[derive(Debug)]
pub(crate) struct Missing {
    /// What the token is refused with if the key does not turn up.
    rejection: Rejection,
    wait: KeyWait,
}

impl Missing {
    /// Waits for the source.
    pub(crate) async fn wait(self) -> Result<(), Rejection> {
        self.wait.await.map_err(unavailable)
    }

    /// The answer for those who can't wait.
    pub(crate) fn now(self) -> Rejection {
        let mut diagnosis = Diagnosis::new().hint(
            "the key of the token is being fetched; `Verifier::verify_async` and the layer wait for it",
        );
        if let Some(found) = self.rejection.diagnosis().found_value() {
            diagnosis = diagnosis.found(found.to_owned());
        }
        diagnosis.reject(RejectionKind::KeysUnavailable)
    }
}

/// Why a token was not verified.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is refused.
    Final(Rejection),
    /// Its key is being looked for.
    Missing(Missing),
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::Final(rejection)
    }
}

impl Refusal {
    /// The answer for those who can't wait.
    pub(crate) fn now(self) -> Rejection {
        match self {
            Self::Final(rejection) => rejection,
            Self::Missing(missing) => missing.now(),
        }
    }
}

impl Keys {
    /// This set, kept up to date by this source. Handles that were cloned before know nothing of the source:
    /// it holds one of those to replace the set by, without holding itself.
    #[must_use]
    pub fn with_source(mut self, source: std::sync::Arc<impl KeySource>) -> Self {
        self.source = Some(source);
        self
    }

    /// Whether the set may be relied on now.
    pub(crate) fn check(&self) -> Result<(), Rejection> {
        match &self.source {
            None => Ok(()),
            Some(source) => source.check().map_err(unavailable),
        }
    }

    /// What becomes of a token for which there is no key, and which is refused with this if that is final.
    pub(crate) fn seek(&self, wanted: &WantedKey<'_>, rejection: Rejection) -> Refusal {
        match self.source.as_ref().map(|source| source.seek(wanted)) {
            None | Some(Seek::NotThere) => Refusal::Final(rejection),
            Some(Seek::Unavailable(error)) => Refusal::Final(unavailable(error)),
            Some(Seek::Wait(wait)) => Refusal::Missing(Missing { rejection, wait }),
        }
    }
}

fn unavailable(error: BoxError) -> Rejection {
    Rejection::new(RejectionKind::KeysUnavailable).with_source(error)
}
