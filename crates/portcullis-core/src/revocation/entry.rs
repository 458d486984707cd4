//! Writing: what a revocation says, how long it must be kept, and the traits of stores that can be
//! written to.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use super::StoreError;
use crate::{Target, TargetBuf, Timestamp};

/// What a revocation says about its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// It is refused from now on, or from `effective_at` on (a grace period). Of two writes the
    /// earlier moment counts.
    Deny {
        /// From when on it is refused; `None` is at once.
        effective_at: Option<Timestamp>,
    },
    /// Its tokens issued up to this moment are refused. Of two writes the later moment counts.
    /// `None` is the moment of the write, by the store's clock.
    NotBefore(Option<Timestamp>),
    /// Its tokens of a generation below this are refused. Of two writes the larger number counts.
    MinGeneration(u64),
}

/// A revocation to be written.
///
/// # Example
///
/// ```
/// use portcullis_core::{Entry, Target, Timestamp};
///
/// let issuer = "https://idp.example.com";
/// // this one token, which would have expired by itself at that time
/// let sign_out = Entry::deny(Target::token(issuer, "7f1c"))
///     .of_subject("bob")
///     .expiring_at(Timestamp::from_secs(1_700_003_600));
/// // every token that bob was given so far
/// let sign_out_everywhere = Entry::not_before_now(Target::subject(issuer, "bob"));
/// # let _ = (sign_out, sign_out_everywhere);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    target: TargetBuf,
    rule: Rule,
    subject: Option<Box<str>>,
    expires_at: Option<Timestamp>,
}

impl Entry {
    /// An entry that says this of that target.
    #[must_use]
    pub fn new(target: Target<'_>, rule: Rule) -> Self {
        Self { target: target.to_owned(), rule, subject: None, expires_at: None }
    }

    /// Refuses the target from now on.
    #[must_use]
    pub fn deny(target: Target<'_>) -> Self {
        Self::new(target, Rule::Deny { effective_at: None })
    }

    /// Refuses the target from that moment on: a grace period.
    #[must_use]
    pub fn deny_from(target: Target<'_>, effective_at: Timestamp) -> Self {
        Self::new(target, Rule::Deny { effective_at: Some(effective_at) })
    }

    /// Refuses the tokens of the target that were issued up to the moment of the write, which the
    /// store's clock stamps.
    #[must_use]
    pub fn not_before_now(target: Target<'_>) -> Self {
        Self::new(target, Rule::NotBefore(None))
    }

    /// Refuses the tokens of the target that were issued up to that moment.
    #[must_use]
    pub fn not_before(target: Target<'_>, cutoff: Timestamp) -> Self {
        Self::new(target, Rule::NotBefore(Some(cutoff)))
    }

    /// Refuses the tokens of the target whose generation is below this.
    #[must_use]
    pub fn min_generation(target: Target<'_>, minimum: u64) -> Self {
        Self::new(target, Rule::MinGeneration(minimum))
    }

    /// Whose token it is that is denied. With it a store can collapse one subject's many denials into
    /// one cutoff, so that nobody fills it for everybody.
    ///
    /// It must be the `sub` of the token that is denied, as the token itself says it
    /// ([`Verified::subject`](https://docs.rs/portcullis/latest/portcullis/struct.Verified.html#method.subject)),
    /// and never what a request says. The cutoff refuses every token of that subject that was issued
    /// so far: under another's name it would sign that person out and leave the denied token, once its
    /// own entry went into the cutoff, working.
    ///
    /// A subject whose denials were collapsed has a cutoff, also where no rule but
    /// [`Denylist`](crate::Denylist) is in use: see there what a sign-in has to wait for.
    #[must_use]
    pub fn of_subject(mut self, subject: impl Into<Box<str>>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The `exp` of the token that is denied: the store keeps the entry at least that long. Without
    /// it the store has to assume its longest lifetime.
    #[must_use]
    pub fn expiring_at(mut self, exp: Timestamp) -> Self {
        self.expires_at = Some(exp);
        self
    }

    /// What it is aimed at.
    #[must_use]
    pub fn target(&self) -> Target<'_> {
        self.target.as_target()
    }

    /// What it says.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// Whose token it is, if that is known.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The `exp` of the token, if that is known.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }
}

/// A place in the order of a store's writes. Positions of one store compare; those of different
/// stores mean nothing to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// The place with this number, for stores.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The receipt of a write: it is durable as far as the store promises that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    position: Position,
    cutoff: Option<Timestamp>,
}

impl Revoked {
    /// A receipt, for stores: where the write stands, and the cutoff that is now in force for its
    /// target, if it has one.
    #[must_use]
    pub const fn new(position: Position, cutoff: Option<Timestamp>) -> Self {
        Self { position, cutoff }
    }

    /// Where the write stands in the order of the store's writes.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The cutoff that is now in force, for a cutoff and for denials that were collapsed into one.
    #[must_use]
    pub const fn cutoff(&self) -> Option<Timestamp> {
        self.cutoff
    }
}

/// A store that can be told of revocations.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store that revocations can be written to"
)]
pub trait Revoke: Send + Sync + 'static {
    /// Writes a revocation. When this returns `Ok`, the write is as durable as the store promises.
    ///
    /// # Errors
    ///
    /// [`Full`](super::StoreErrorKind::Full) at capacity: the write was refused and nothing was
    /// evicted. [`Unavailable`](super::StoreErrorKind::Unavailable) if the store could not be
    /// reached: the write may or may not have happened, and repeating it is harmless.
    fn revoke(&self, entry: Entry) -> impl Future<Output = Result<Revoked, StoreError>> + Send;
}

/// A store whose allowlist can be written to.
#[diagnostic::on_unimplemented(message = "`{Self}` is not an allowlist that can be written to")]
pub trait AllowlistWriter: Send + Sync + 'static {
    /// Lists a token of this subject until it expires. Do it before the token is handed out. A token
    /// that was removed stays removed.
    ///
    /// # Errors
    ///
    /// As [`Revoke::revoke`].
    fn allow(
        &self,
        token: Target<'_>,
        subject: Option<&str>,
        expires_at: Option<Timestamp>,
    ) -> impl Future<Output = Result<Position, StoreError>> + Send;

    /// Removes a token, or every token listed so far of a subject, an issuer, or everything.
    ///
    /// # Errors
    ///
    /// As [`Revoke::revoke`]; [`Invalid`](super::StoreErrorKind::Invalid) for a kind of target by
    /// which tokens are not listed.
    fn remove(
        &self,
        target: Target<'_>,
    ) -> impl Future<Output = Result<Position, StoreError>> + Send;
}

/// How long a store keeps what it was told: an entry has to outlive every token that it is about, on
/// the verifier that is most lenient with `exp`.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use portcullis_core::{Retention, Timestamp};
///
/// let retention = Retention::default().max_lifetime(Duration::from_secs(3600));
/// let now = Timestamp::from_secs(1_700_000_000);
/// // exp + 5 minutes of leeway + 1 minute of clock error + 1 minute of margin
/// let exp = Timestamp::from_secs(1_700_001_000);
/// assert_eq!(retention.keep_until(Some(exp), now), Some(Timestamp::from_secs(1_700_001_420)));
/// // unknown exp: it may be issued right now and live for the longest time
/// assert_eq!(retention.keep_until(None, now), Some(Timestamp::from_secs(1_700_004_020)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    leeway: Duration,
    clock_error: Duration,
    margin: Duration,
    max_lifetime: Option<Duration>,
    issuer_skew: Duration,
}

impl Default for Retention {
    /// 5 minutes of leeway, 1 minute of clock error, 1 minute of margin, no longest lifetime (what has
    /// no `exp` is kept for ever), no skew between issuer and store.
    fn default() -> Self {
        Self {
            leeway: Duration::from_secs(300),
            clock_error: Duration::from_secs(60),
            margin: Duration::from_secs(60),
            max_lifetime: None,
            issuer_skew: Duration::ZERO,
        }
    }
}

impl Retention {
    /// The largest leeway of any verifier that reads the store.
    #[must_use]
    pub const fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// How far the clocks of issuers, verifiers and the store may be apart.
    #[must_use]
    pub const fn clock_error(mut self, error: Duration) -> Self {
        self.clock_error = error;
        self
    }

    /// Time on top of all that.
    #[must_use]
    pub const fn margin(mut self, margin: Duration) -> Self {
        self.margin = margin;
        self
    }

    /// The longest lifetime of a token. Only set it if **every** verifier enforces it: entries without
    /// an `exp`, and cutoffs, are dropped when a token of that lifetime would be dead.
    #[must_use]
    pub const fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = Some(lifetime);
        self
    }

    /// By how much the clock of the issuer may run ahead of the store's. It is added to the cutoffs
    /// that the store stamps: zero where both share a clock.
    #[must_use]
    pub const fn issuer_skew(mut self, skew: Duration) -> Self {
        self.issuer_skew = skew;
        self
    }

    /// Until when an entry about a token with this `exp` must be kept; `None` is for ever.
    #[must_use]
    pub fn keep_until(&self, exp: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let dead = exp.or_else(|| Some(now.saturating_add(self.max_lifetime?)))?;
        Some(dead.saturating_add(self.slack()))
    }

    /// Until when a cutoff must be kept; `None` is for ever.
    #[must_use]
    pub fn keep_cutoff_until(&self, cutoff: Timestamp) -> Option<Timestamp> {
        Some(cutoff.saturating_add(self.max_lifetime?).saturating_add(self.slack()))
    }

    /// The cutoff to write for a revocation that happens now.
    #[must_use]
    pub fn stamp(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.issuer_skew)
    }

    /// Until when to keep an entry about a token with this `exp`.
    pub(crate) fn keep_at_least(&self, exp: Timestamp) -> Timestamp {
        exp.saturating_add(self.slack())
    }

    /// For how long to keep an entry about a token whose `exp` is unknown; `None` is for ever.
    pub(crate) fn keep_undated_for(&self) -> Option<Duration> {
        Some(self.max_lifetime?.saturating_add(self.slack()))
    }

    /// See [`issuer_skew`](Self::issuer_skew).
    pub(crate) const fn skew(&self) -> Duration {
        self.issuer_skew
    }

    fn slack(&self) -> Duration {
        self.leeway.saturating_add(self.clock_error).saturating_add(self.margin)
    }
}
