//! What a rule of revocation can say: allowed, denied with a reason, or unavailable.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::BoxError;
use crate::{TargetKind, Timestamp};

/// What a rule says of a token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// No rule denies it.
    Allowed,
    /// The store could not be asked, and the policy is to let the token pass all the same.
    AllowedUnchecked(Outage),
    /// It was revoked.
    Denied(Denial),
    /// The store could not be asked.
    Unavailable(Outage),
}

impl Verdict {
    /// The verdict of two rules together: a denial beats an outage, an outage beats a pass.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if other.strictness() > self.strictness() { other } else { self }
    }

    /// True for [`Denied`](Self::Denied).
    #[must_use]
    pub const fn is_denied(&self) -> bool {
        matches!(self, Self::Denied(_))
    }

    /// True for [`Allowed`](Self::Allowed) and [`AllowedUnchecked`](Self::AllowedUnchecked).
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed | Self::AllowedUnchecked(_))
    }

    const fn strictness(&self) -> u8 {
        match self {
            Self::Allowed => 0,
            Self::AllowedUnchecked(_) => 1,
            Self::Unavailable(_) => 2,
            Self::Denied(_) => 3,
        }
    }
}

/// Why a token is denied. For logs, never for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    reason: DenialReason,
}

/// The reasons for a [`Denial`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DenialReason {
    /// It is on a denylist.
    Denylisted,
    /// It is not on the allowlist.
    NotAllowlisted,
    /// It was issued up to a cutoff.
    CutOff {
        /// Tokens issued up to this moment are refused.
        cutoff: Timestamp,
        /// The time that was compared: `iat`, or `auth_time` where so configured.
        issued: Timestamp,
    },
    /// Its generation is below the least that is accepted.
    OldGeneration {
        /// The least generation that is accepted.
        minimum: u64,
        /// The generation of the token.
        generation: u64,
    },
    /// It lacks a claim that a rule needs.
    MissingClaim(&'static str),
    /// A rule of the user's own denied it, for the reason given.
    Other(String),
}

impl Denial {
    /// A denial for this reason.
    #[must_use]
    pub const fn new(reason: DenialReason) -> Self {
        Self { reason }
    }

    /// The reason.
    #[must_use]
    pub const fn reason(&self) -> &DenialReason {
        &self.reason
    }
}

impl From<DenialReason> for Verdict {
    fn from(reason: DenialReason) -> Self {
        Self::Denied(Denial::new(reason))
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            DenialReason::Denylisted => f.write_str("the token is on the denylist"),
            DenialReason::NotAllowlisted => f.write_str("the token is not on the allowlist"),
            DenialReason::CutOff { cutoff, issued } => {
                write!(f, "the token was issued at {issued}, not after the cutoff at {cutoff}")?;
                if issued.is_whole_second() && issued.as_secs() == cutoff.as_secs() {
                    f.write_str(
                        " (a whole-second time stands for any moment of that second, so a token \
                         issued in the second of a cutoff is refused; sign in again)",
                    )?;
                }
                Ok(())
            }
            DenialReason::OldGeneration { minimum, generation } => {
                write!(
                    f,
                    "the token is of generation {generation}, the least accepted is {minimum}"
                )
            }
            DenialReason::MissingClaim(claim) => {
                write!(f, "the token has no `{claim}`, which a configured rule of revocation needs")
            }
            DenialReason::Other(reason) => write!(f, "{}", reason.escape_debug()),
        }
    }
}

/// A store that could not be asked. The cause is kept as [`source`](Error::source).
#[derive(Clone, Debug)]
pub struct Outage {
    rule: &'static str,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Outage {
    /// An outage of the store behind this rule (`denylist`, `cutoff`, …), caused by `source`.
    pub fn new(rule: &'static str, source: impl Into<BoxError>) -> Self {
        Self { rule, source: Some(source.into().into()) }
    }

    /// The rule whose store could not be asked.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        self.rule
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store behind the {} could not be asked", self.rule)
    }
}

impl Error for Outage {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

/// The claim that a token needs to fall under a target of this kind.
pub(super) const fn claim_of(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Token | TargetKind::Fingerprint => "jti",
        TargetKind::Session => "sid",
        TargetKind::Subject => "sub",
        TargetKind::Client => "client_id",
        TargetKind::Key => "kid",
        TargetKind::Issuer | TargetKind::Everything => "iss",
    }
}
