//! A change before it has times: what a store that keeps its clock elsewhere sends there.

use std::time::Duration;

use super::change::{Change, Fact, is_broad, millis};
use crate::{
    Entry, Position, Retention, Rule, StoreError, StoreErrorKind, Target, TargetKind, Timestamp,
};

/// A change that has not been given its times yet, because only the clock of a server knows them.
///
/// A store whose clock is at hand makes a [`Change`] at once. One that writes on a server (a script, a
/// function of a database) drafts it here, sends the [`Moment`]s along, and lets the server settle them
/// by its own clock. Both go the same way: a change **is** a draft that was [settled](Self::at).
///
/// # Example
///
/// ```
/// use portcullis_core::state::{Draft, DraftFact};
/// use portcullis_core::{Entry, Retention, Target, Timestamp};
///
/// let entry = Entry::not_before_now(Target::subject("https://idp.example.com", "bob"));
/// let draft = Draft::of_entry(&entry, &Retention::default())?;
/// let DraftFact::NotBefore(cutoff) = draft.fact() else { unreachable!() };
/// // the server's clock decides
/// assert_eq!(cutoff.fixed(), None);
/// assert_eq!(cutoff.at(Timestamp::from_secs(1_700_000_000)), Timestamp::from_secs(1_700_000_000));
/// # Ok::<(), portcullis_core::StoreError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draft<'a> {
    target: Target<'a>,
    fact: DraftFact<'a>,
    keep_until: Option<Moment>,
}

/// What a [`Draft`] says of its target; see [`Fact`] for what each means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DraftFact<'a> {
    /// Refused, at once or from that moment on. A moment that is not in the future is at once.
    Denied {
        /// From when on; `None` is at once.
        effective_at: Option<Timestamp>,
    },
    /// Tokens issued up to that moment are refused.
    NotBefore(Moment),
    /// The same in place of denials.
    Collapsed(Moment),
    /// Tokens of a generation below this are refused.
    MinGeneration(u64),
    /// The token is listed.
    Allowed {
        /// Whose token it is.
        subject: Option<&'a str>,
    },
    /// The token, or all that was listed so far, is no longer listed.
    Removed,
}

/// A moment that depends on what time it is: the later of a fixed one and of so long after now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    fixed: Option<Timestamp>,
    after_now: Option<Duration>,
}

impl Moment {
    const fn fixed_at(time: Timestamp) -> Self {
        Self { fixed: Some(time), after_now: None }
    }

    const fn after(time: Duration) -> Self {
        Self { fixed: None, after_now: Some(time) }
    }

    /// The fixed one, if there is one.
    #[must_use]
    pub const fn fixed(&self) -> Option<Timestamp> {
        self.fixed
    }

    /// How long after now the other one is, if there is one.
    #[must_use]
    pub const fn after_now(&self) -> Option<Duration> {
        self.after_now
    }

    /// The moment, if it is now that time.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Timestamp {
        let after_now = self.after_now.map(|after| now.saturating_add(after));
        self.fixed.max(after_now).unwrap_or(now)
    }

    fn later(self, by: Duration) -> Self {
        Self {
            fixed: self.fixed.map(|time| time.saturating_add(by)),
            after_now: self.after_now.map(|after| after.saturating_add(by)),
        }
    }

    /// The later of the two.
    fn max(self, other: Self) -> Self {
        Self { fixed: self.fixed.max(other.fixed), after_now: self.after_now.max(other.after_now) }
    }
}

impl<'a> Draft<'a> {
    /// What is to be written down for an entry. See [`Change::of_entry`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn of_entry(entry: &'a Entry, retention: &Retention) -> Result<Self, StoreError> {
        let target = entry.target();
        let exp = entry.expires_at();
        let (fact, keep_until) = match entry.rule() {
            Rule::Deny { effective_at } => {
                let effective_at = effective_at.map(millis);
                let keep_until = match exp {
                    Some(exp) => Some(Moment::fixed_at(retention.keep_at_least(exp))),
                    None if is_broad(target.kind()) => None,
                    None => keep_undated(retention).map(|keep| {
                        let from = |at| keep.max(Moment::fixed_at(at).later(after_now(keep)));
                        effective_at.map_or(keep, from)
                    }),
                };
                (DraftFact::Denied { effective_at }, keep_until)
            }
            Rule::NotBefore(cutoff) => {
                if matches!(target.kind(), TargetKind::Token | TargetKind::Fingerprint) {
                    return Err(invalid("a cutoff for a single token: deny the token instead"));
                }
                let cutoff = match cutoff {
                    Some(cutoff) => Moment::fixed_at(millis(cutoff)),
                    None => Moment::after(retention.skew()),
                };
                let at_least = exp.map_or(Moment::after(Duration::ZERO), |exp| {
                    Moment::fixed_at(retention.keep_at_least(exp))
                });
                let keep_until =
                    keep_undated(retention).map(|keep| cutoff.later(after_now(keep)).max(at_least));
                (DraftFact::NotBefore(cutoff), keep_until)
            }
            Rule::MinGeneration(minimum) => {
                if target.kind() != TargetKind::Subject {
                    return Err(invalid("a least generation for anything but a subject"));
                }
                (DraftFact::MinGeneration(minimum), None)
            }
        };
        Ok(Self { target, fact, keep_until })
    }

    /// The cutoff that stands for a denial which its subject has too many of. See
    /// [`Change::collapsed`].
    #[must_use]
    pub fn collapsed(entry: &'a Entry, retention: &Retention) -> Option<Self> {
        let kind = entry.target().kind();
        let target = Target::subject(entry.target().issuer(), entry.subject()?);
        let single = matches!(kind, TargetKind::Token | TargetKind::Fingerprint);
        single.then(|| Self {
            target,
            fact: DraftFact::Collapsed(Moment::after(retention.skew())),
            keep_until: keep(retention, entry.expires_at()),
        })
    }

    /// The listing of a token. See [`Change::listing`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn listing(
        token: Target<'a>,
        subject: Option<&'a str>,
        expires_at: Option<Timestamp>,
        retention: &Retention,
    ) -> Result<Self, StoreError> {
        match token.kind() {
            TargetKind::Token | TargetKind::Fingerprint => Ok(Self {
                target: token,
                fact: DraftFact::Allowed { subject },
                keep_until: keep(retention, expires_at),
            }),
            _ => Err(invalid("only single tokens can be on an allowlist")),
        }
    }

    /// The removal of a token or of all that are listed so far. See [`Change::removal`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn removal(target: Target<'a>, retention: &Retention) -> Result<Self, StoreError> {
        match target.kind() {
            TargetKind::Session | TargetKind::Client | TargetKind::Key => Err(invalid(
                "an allowlist does not know the sessions, clients and keys of its tokens",
            )),
            _ => Ok(Self { target, fact: DraftFact::Removed, keep_until: keep_undated(retention) }),
        }
    }

    /// The change, if it is written at that time and at that place in the order of writes.
    #[must_use]
    pub fn at(&self, position: Position, now: Timestamp) -> Change<'a> {
        let fact = match self.fact {
            DraftFact::Denied { effective_at } => {
                Fact::Denied { effective_at: effective_at.filter(|at| *at > now) }
            }
            DraftFact::NotBefore(cutoff) => Fact::NotBefore(millis(cutoff.at(now))),
            DraftFact::Collapsed(cutoff) => Fact::Collapsed(millis(cutoff.at(now))),
            DraftFact::MinGeneration(minimum) => Fact::MinGeneration(minimum),
            DraftFact::Allowed { subject } => Fact::Allowed { position, subject },
            DraftFact::Removed => Fact::Removed { position },
        };
        Change::new(self.target, fact, self.keep_until.map(|until| until.at(now)))
    }

    /// What it is about.
    #[must_use]
    pub const fn target(&self) -> Target<'a> {
        self.target
    }

    /// What it says.
    #[must_use]
    pub const fn fact(&self) -> DraftFact<'a> {
        self.fact
    }

    /// Until when it has to be remembered; `None` is for ever.
    #[must_use]
    pub const fn keep_until(&self) -> Option<Moment> {
        self.keep_until
    }
}

/// Until when to keep what is about a token with this `exp`, as [`Retention::keep_until`] has it.
fn keep(retention: &Retention, exp: Option<Timestamp>) -> Option<Moment> {
    match exp {
        Some(exp) => Some(Moment::fixed_at(retention.keep_at_least(exp))),
        None => keep_undated(retention),
    }
}

/// The same of an unknown `exp`: so long after now, if there is a longest lifetime.
fn keep_undated(retention: &Retention) -> Option<Moment> {
    retention.keep_undated_for().map(Moment::after)
}

fn after_now(moment: Moment) -> Duration {
    moment.after_now.unwrap_or_default()
}

fn invalid(what: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server is sent of a moment.
    fn sent(moment: Moment) -> (Option<Timestamp>, Option<Duration>) {
        (moment.fixed(), moment.after_now())
    }

    #[test]
    fn a_server_is_told_what_does_not_depend_on_its_clock_and_what_does() {
        let (none, hour) = (Duration::ZERO, Duration::from_secs(3_600));
        let retention = Retention::default().leeway(none).clock_error(none).margin(none);
        let retention = retention.max_lifetime(hour).issuer_skew(Duration::from_secs(2));
        let (token, bob) = (Target::token("i", "1"), Target::subject("i", "bob"));
        let later = Timestamp::from_secs(2_000_000);
        let kept = |entry: &Entry| {
            let draft = Draft::of_entry(entry, &retention).unwrap();
            assert_eq!(draft.target(), entry.target());
            draft.keep_until().map(sent)
        };
        assert_eq!(kept(&Entry::deny(token)), Some((None, Some(hour))));
        assert_eq!(kept(&Entry::deny(token).expiring_at(later)), Some((Some(later), None)));
        let graced = later.saturating_add(hour);
        assert_eq!(kept(&Entry::deny_from(token, later)), Some((Some(graced), Some(hour))));
        assert_eq!(kept(&Entry::deny(bob)), None);

        let entry = Entry::not_before_now(bob);
        let DraftFact::NotBefore(cutoff) = Draft::of_entry(&entry, &retention).unwrap().fact()
        else {
            panic!("a cutoff")
        };
        assert_eq!(sent(cutoff), (None, Some(Duration::from_secs(2))));
    }
}
