//! Why a refresh was refused, or could not be decided.

use std::error::Error;
use std::fmt;

use portcullis_core::BoxError;

/// Why there is no new token.
///
/// Whoever sent it gets no more than `invalid_grant` ([RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2))
/// or a 503; the [kind](Self::kind) is for the log. Neither holds the token.
#[derive(Debug)]
pub struct RefreshError {
    kind: RefreshErrorKind,
    source: Option<BoxError>,
}

/// The kinds of [`RefreshError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefreshErrorKind {
    /// It is no refresh token of ours, or one of a session that has ended.
    Unknown,
    /// Its time is over: nobody refreshed for too long, or they signed in too long ago.
    Expired,
    /// It was replaced a moment ago: two requests of one client raced, and the other one won. The session goes on.
    Raced,
    /// It was replaced before, and somebody still has it: it was stolen from one of the two. The session has ended,
    /// and its access tokens are revoked.
    Reused,
    /// It is another client's.
    OtherClient,
    /// The subject or the session was revoked since they signed in.
    Revoked,
    /// A store can't answer, or there were no random numbers. This says nothing about the token: try again.
    Unavailable,
}

impl RefreshError {
    pub(super) const fn new(kind: RefreshErrorKind) -> Self {
        Self { kind, source: None }
    }

    pub(super) fn unavailable(source: impl Into<BoxError>) -> Self {
        Self { kind: RefreshErrorKind::Unavailable, source: Some(source.into()) }
    }

    /// What kind of error it is.
    #[must_use]
    pub const fn kind(&self) -> RefreshErrorKind {
        self.kind
    }

    /// True if the token is refused; false if nobody knows.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        !matches!(self.kind, RefreshErrorKind::Unavailable)
    }
}

impl fmt::Display for RefreshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            RefreshErrorKind::Unknown => "the refresh token is unknown",
            RefreshErrorKind::Expired => "the refresh token has expired",
            RefreshErrorKind::Raced => {
                "the refresh token was replaced a moment ago by another request"
            }
            RefreshErrorKind::Reused => {
                "the refresh token was used before; its session has been ended"
            }
            RefreshErrorKind::OtherClient => "the refresh token is another client's",
            RefreshErrorKind::Revoked => "the session was revoked",
            RefreshErrorKind::Unavailable => "the refresh token can't be looked up at the moment",
        })
    }
}

impl Error for RefreshError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
