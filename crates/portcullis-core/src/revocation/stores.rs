//! The small traits over a user's own table, and the error of our own stores.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::{Target, TargetKind, Timestamp, TokenView};

/// Any error, boxed.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Which tokens of a subject were issued too early: the table behind [`IatCutoff`](super::IatCutoff).
///
/// Implement [`cutoff`](Self::cutoff) over your table; the rest has defaults. A cutoff that comes
/// back too early, or not at all, lets revoked tokens pass; one too late signs people out. If the
/// table can't be read, return the error: it becomes a 503, not a 401.
///
/// # Example
///
/// ```
/// use portcullis_core::{CutoffStore, Target, Timestamp};
/// # struct Users;
/// # impl Users { async fn signed_out_at(&self, _: &str) -> Result<Option<i64>, std::io::Error> { Ok(None) } }
///
/// impl CutoffStore for Users {
///     type Error = std::io::Error;
///
///     async fn cutoff(&self, subject: &Target<'_>) -> Result<Option<Timestamp>, Self::Error> {
///         let millis = self.signed_out_at(subject.id()).await?;
///         Ok(millis.map(Timestamp::from_millis))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store of cutoffs",
    note = "implement `CutoffStore`: one async method that reads the cutoff of a subject"
)]
pub trait CutoffStore: Send + Sync + 'static {
    /// What reading can fail with. It is kept as the source of the outage.
    type Error: Into<BoxError> + Send;

    /// Tokens of this target issued up to the moment returned are refused; `None` if there is no
    /// such moment.
    ///
    /// # Errors
    ///
    /// If the table could not be asked.
    fn cutoff(
        &self,
        target: &Target<'_>,
    ) -> impl Future<Output = Result<Option<Timestamp>, Self::Error>> + Send;

    /// The kinds of target that this store may hold cutoffs for: subjects, unless overridden.
    fn kinds(&self) -> &'static [TargetKind] {
        &[TargetKind::Subject]
    }

    /// The latest cutoff of several targets. Override it to ask once for all of them.
    ///
    /// # Errors
    ///
    /// If the table could not be asked.
    fn latest_cutoff(
        &self,
        targets: &[Target<'_>],
    ) -> impl Future<Output = Result<Option<Timestamp>, Self::Error>> + Send {
        async move {
            let mut latest = None;
            for target in targets {
                latest = latest.max(self.cutoff(target).await?);
            }
            Ok(latest)
        }
    }

    /// [`latest_cutoff`](Self::latest_cutoff) if memory knows it: the outer `None` means that it must
    /// be awaited.
    fn peek_cutoff(&self, targets: &[Target<'_>]) -> Option<Option<Timestamp>> {
        let _ = targets;
        None
    }

    /// [`peek_cutoff`](Self::peek_cutoff) of all the targets of this token that are of the store's
    /// [kinds](Self::kinds), without a list of them. The outer `None`, the default, if that has to be asked
    /// with the list.
    ///
    /// It is asked first; see [`peek_token_denied`](DenylistStore::peek_token_denied), where there is an
    /// example. It must not say anything else than `peek_cutoff` would.
    fn peek_token_cutoff(&self, token: &TokenView<'_>) -> Option<Option<Timestamp>> {
        let _ = token;
        None
    }

    /// The last answer to [`latest_cutoff`](Self::latest_cutoff) that memory holds, and its age, where
    /// [`peek_cutoff`](Self::peek_cutoff) has none: for stores that keep a copy which may be out of
    /// date. It counts in an outage, as the [failure policy](super::FailurePolicy) says.
    fn remembered_cutoff(&self, targets: &[Target<'_>]) -> Option<(Option<Timestamp>, Duration)> {
        let _ = targets;
        None
    }

    /// A number that grows before any token that passes could be refused, for stores that answer
    /// from memory; see [`Revocation::version`](super::Revocation::version).
    fn version(&self) -> Option<u64> {
        None
    }
}

/// Which tokens were withdrawn one by one: the table behind [`Denylist`](super::Denylist).
///
/// Implement [`is_denied`](Self::is_denied) over your table; the rest has defaults. A wrong `false`
/// lets a revoked token pass; a wrong `true` signs somebody out. If the table can't be read, return
/// the error: it becomes a 503, not a 401. A row must be kept until its token has expired everywhere;
/// see [`Retention`](super::Retention).
///
/// An example is at [the module](super).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a denylist",
    note = "implement `DenylistStore`: one async method that tells whether a token is denied"
)]
pub trait DenylistStore: Send + Sync + 'static {
    /// What reading can fail with. It is kept as the source of the outage.
    type Error: Into<BoxError> + Send;

    /// True if this target is denied.
    ///
    /// # Errors
    ///
    /// If the table could not be asked.
    fn is_denied(
        &self,
        target: &Target<'_>,
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// The kinds of target that this store may hold denials for: single tokens, unless overridden.
    fn kinds(&self) -> &'static [TargetKind] {
        &[TargetKind::Token]
    }

    /// True if any of the targets of this token is denied. Override it to ask once for all of them.
    ///
    /// # Errors
    ///
    /// If the table could not be asked.
    fn is_any_denied(
        &self,
        token: &TokenView<'_>,
        targets: &[Target<'_>],
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send {
        let _ = token;
        async move {
            for target in targets {
                if self.is_denied(target).await? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }

    /// [`is_any_denied`](Self::is_any_denied) if memory knows it: `None` means that it must be
    /// awaited.
    fn peek_denied(&self, token: &TokenView<'_>, targets: &[Target<'_>]) -> Option<bool> {
        let _ = (token, targets);
        None
    }

    /// [`peek_denied`](Self::peek_denied) about all the targets of this token that are of the store's
    /// [kinds](Self::kinds), without a list of them; false if it has none. `None`, the default, if that
    /// has to be asked with the list.
    ///
    /// It is asked first, for stores in memory that know of most kinds that they hold nothing: they save
    /// more than half of what the answer takes. It must not say anything else than `peek_denied` would.
    ///
    /// # Example
    ///
    /// ```
    /// use std::collections::HashSet;
    /// use portcullis_core::{DenylistStore, Target, TokenView};
    ///
    /// struct Tokens(HashSet<String>);
    ///
    /// impl DenylistStore for Tokens {
    ///     type Error = std::convert::Infallible;
    ///
    ///     async fn is_denied(&self, token: &Target<'_>) -> Result<bool, Self::Error> {
    ///         Ok(self.0.contains(token.id()))
    ///     }
    ///
    ///     // single tokens are its only kind
    ///     fn peek_token_denied(&self, token: &TokenView<'_>) -> Option<bool> {
    ///         Some(token.token_id().is_some_and(|id| self.0.contains(id)))
    ///     }
    ///
    ///     // for tokens that are asked about by something else, such as their fingerprint
    ///     fn peek_denied(&self, _: &TokenView<'_>, targets: &[Target<'_>]) -> Option<bool> {
    ///         Some(targets.iter().any(|target| self.0.contains(target.id())))
    ///     }
    /// }
    /// ```
    fn peek_token_denied(&self, token: &TokenView<'_>) -> Option<bool> {
        let _ = token;
        None
    }

    /// The last answer to [`is_any_denied`](Self::is_any_denied) that memory holds, and its age, where
    /// [`peek_denied`](Self::peek_denied) has none: for stores that keep a copy which may be out of
    /// date. It counts in an outage, as the [failure policy](super::FailurePolicy) says.
    fn remembered_denied(
        &self,
        token: &TokenView<'_>,
        targets: &[Target<'_>],
    ) -> Option<(bool, Duration)> {
        let _ = (token, targets);
        None
    }

    /// A number that grows before any token that passes could be refused, for stores that answer
    /// from memory; see [`Revocation::version`](super::Revocation::version).
    fn version(&self) -> Option<u64> {
        None
    }
}

/// Which tokens were handed out and still work: the table behind [`Allowlist`](super::Allowlist).
///
/// A wrong `true` lets a revoked token pass; a wrong `false` signs somebody out. If the table can't be
/// read, return the error: it becomes a 503, not a 401. Write the row before the token is handed out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an allowlist",
    note = "implement `AllowlistStore`: one async method that tells whether a token is listed"
)]
pub trait AllowlistStore: Send + Sync + 'static {
    /// What reading can fail with. It is kept as the source of the outage.
    type Error: Into<BoxError> + Send;

    /// True if this token is listed.
    ///
    /// # Errors
    ///
    /// If the table could not be asked.
    fn is_allowed(
        &self,
        token: &Target<'_>,
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// [`is_allowed`](Self::is_allowed) if memory knows it: `None` means that it must be awaited.
    fn peek_allowed(&self, token: &Target<'_>) -> Option<bool> {
        let _ = token;
        None
    }
}

/// The least generation of a subject that still works: the table behind
/// [`MinGeneration`](super::MinGeneration). A cutoff without clocks.
///
/// A number too small, or `None`, lets revoked tokens pass; one too large signs people out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store of generations",
    note = "implement `GenerationStore`: one async method that reads the least generation of a subject"
)]
pub trait GenerationStore: Send + Sync + 'static {
    /// What reading can fail with. It is kept as the source of the outage.
    type Error: Into<BoxError> + Send;

    /// Tokens of this target whose generation is below the number are refused; `None` if every
    /// generation is good.
    ///
    /// # Errors
    ///
    /// If the table could not be asked.
    fn min_generation(
        &self,
        target: &Target<'_>,
    ) -> impl Future<Output = Result<Option<u64>, Self::Error>> + Send;

    /// [`min_generation`](Self::min_generation) if memory knows it: the outer `None` means that it
    /// must be awaited.
    fn peek_min_generation(&self, target: &Target<'_>) -> Option<Option<u64>> {
        let _ = target;
        None
    }

    /// The last answer to [`min_generation`](Self::min_generation) that memory holds, and its age,
    /// where [`peek_min_generation`](Self::peek_min_generation) has none: for stores that keep a copy
    /// which may be out of date. It counts in an outage, as the
    /// [failure policy](super::FailurePolicy) says.
    fn remembered_min_generation(&self, target: &Target<'_>) -> Option<(Option<u64>, Duration)> {
        let _ = target;
        None
    }

    /// A number that grows before any token that passes could be refused, for stores that answer
    /// from memory; see [`Revocation::version`](super::Revocation::version).
    fn version(&self) -> Option<u64> {
        None
    }
}

/// An error of a store of revocations.
#[derive(Clone, Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: Box<str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What kind of error a [`StoreError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store could not be reached, is locked, or did not answer in time. Try again later.
    Unavailable,
    /// The store is at its capacity and refused the write; nothing was evicted.
    Full,
    /// What the store holds can't be understood.
    Corrupt,
    /// What was asked makes no sense for this store; the message says what.
    Invalid,
    /// There is nothing yet to answer from: the store was never initialised or has lost everything, or
    /// a copy of it has not been filled for the first time. It is no empty store. Try again later; no
    /// failure policy lets a token pass.
    Uninitialised,
}

impl StoreError {
    /// An error of this kind; `message` says what could not be done.
    #[must_use]
    pub fn new(kind: StoreErrorKind, message: impl Into<Box<str>>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// With this cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into().into());
        self
    }

    /// What kind of error it is.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
