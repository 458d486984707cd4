//! Why keys could not be fetched: one opaque [`FetchError`] with a kind.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use portcullis_core::BoxError;

/// Why keys could not be fetched. For logs, never for a client.
///
/// It is cheap to clone: every request that is refused because of it carries it.
#[derive(Clone)]
pub struct FetchError {
    inner: Arc<Inner>,
}

struct Inner {
    kind: FetchErrorKind,
    /// Which document, by its address.
    address: Box<str>,
    message: Box<str>,
    status: Option<StatusCode>,
    /// When the issuer wants to be asked again.
    retry_after: Option<Duration>,
    source: Option<BoxError>,
}

/// The kinds of [`FetchError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FetchErrorKind {
    /// No attempt has ended yet.
    NotFetchedYet,
    /// No answer: the name could not be resolved, the connection or the TLS handshake failed, or it broke off.
    Transport,
    /// The time for the answer ran out.
    Timeout,
    /// Another status than 200, or 304 where that was asked for. A redirect is one.
    Status,
    /// The answer is longer than the cap, or has more keys.
    TooLarge,
    /// The answer is compressed, although that was not asked for.
    Encoding,
    /// The answer is no JWK Set, no public key, or no metadata.
    Malformed,
    /// The metadata are those of another issuer.
    WrongIssuer,
    /// The metadata name an address for the keys that may not be used.
    ForbiddenAddress,
    /// The keys were last confirmed longer ago than they may be trusted.
    TrustExpired,
    /// The task that fetches was shut down, dropped or never started.
    Stopped,
}

impl FetchError {
    pub(crate) fn new(
        kind: FetchErrorKind,
        address: impl fmt::Display,
        message: impl Into<Box<str>>,
    ) -> Self {
        Self::from_inner(Inner {
            kind,
            address: address.to_string().into(),
            message: message.into(),
            status: None,
            retry_after: None,
            source: None,
        })
    }

    pub(crate) fn caused(
        kind: FetchErrorKind,
        address: impl fmt::Display,
        message: impl Into<Box<str>>,
        source: BoxError,
    ) -> Self {
        Self::from_inner(Inner {
            kind,
            address: address.to_string().into(),
            message: message.into(),
            status: None,
            retry_after: None,
            source: Some(source),
        })
    }

    /// Another status than one that brings a document.
    pub(crate) fn answered(
        address: impl fmt::Display,
        status: StatusCode,
        message: impl Into<Box<str>>,
        retry_after: Option<Duration>,
    ) -> Self {
        Self::from_inner(Inner {
            kind: FetchErrorKind::Status,
            address: address.to_string().into(),
            message: message.into(),
            status: Some(status),
            retry_after,
            source: None,
        })
    }

    fn from_inner(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// The status of the answer, if it is what is wrong.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.inner.status
    }

    /// When the issuer wants to be asked again, if it said so.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.inner.retry_after
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> FetchErrorKind {
        self.inner.kind
    }

    /// The address of the document that could not be had, without its query, which may hold a secret.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.inner.address
    }
}

/// The address and what happened, and what the client that fetched says caused it.
impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.inner.address, self.inner.message)
    }
}

impl fmt::Debug for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchError")
            .field("kind", &self.inner.kind)
            .field("address", &self.inner.address)
            .field("message", &self.inner.message)
            .field("source", &self.inner.source)
            .finish()
    }
}

impl Error for FetchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
