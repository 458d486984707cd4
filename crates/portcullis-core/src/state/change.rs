//! What a store has written down: a fact about a target, with every time in it absolute.

use super::draft::Draft;
use crate::{Entry, Position, Retention, StoreError, Target, TargetKind, Timestamp};

/// A fact about a target.
///
/// Facts of the same kind about the same target merge, in any order and however often they are told:
/// state only ever grows stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact<'a> {
    /// The target is refused, at once or from that moment on. The earlier moment counts.
    Denied {
        /// From when on; `None` is at once.
        effective_at: Option<Timestamp>,
    },
    /// Tokens of the target issued up to that moment are refused. The later moment counts.
    NotBefore(Timestamp),
    /// As [`NotBefore`](Self::NotBefore), but in place of denials, so that a denylist honours it.
    Collapsed(Timestamp),
    /// Tokens of the target of a generation below this are refused. The larger number counts.
    MinGeneration(u64),
    /// The token is on the allowlist. The earlier position counts.
    Allowed {
        /// Where in the order of writes it was listed.
        position: Position,
        /// Whose token it is.
        subject: Option<&'a str>,
    },
    /// The token, or all that was listed before that position for the subject, the issuer or
    /// everybody, is no longer on the allowlist. It beats every addition of the same token.
    Removed {
        /// Where in the order of writes it was removed.
        position: Position,
    },
}

/// A fact about a target, and until when it has to be remembered.
///
/// Stores make changes of what they are told, by these constructors, so that all of them refuse,
/// stamp and keep the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    target: Target<'a>,
    fact: Fact<'a>,
    keep_until: Option<Timestamp>,
}

impl<'a> Change<'a> {
    /// A change as it was written down by a store; `keep_until` of `None` is for ever.
    #[must_use]
    pub const fn new(target: Target<'a>, fact: Fact<'a>, keep_until: Option<Timestamp>) -> Self {
        Self { target, fact, keep_until }
    }

    /// What is to be written down for an entry that arrives now. Times are cut to milliseconds.
    ///
    /// An entry without an `exp` about a single token or session is kept for the longest lifetime of
    /// a token. One about a subject, a client, a key, an issuer or everything is kept for ever, since
    /// new tokens of it may be issued at any time.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::StoreErrorKind::Invalid) for an entry that no rule could ever honour: a cutoff for
    /// a single token, a generation for anything but a subject.
    pub fn of_entry(
        entry: &'a Entry,
        retention: &Retention,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        // no entry makes a fact that has a position
        Ok(Draft::of_entry(entry, retention)?.at(Position::new(0), now))
    }

    /// The cutoff that stands for a denial which its subject has too many of; `None` where a cutoff
    /// can't stand for it: a session may still be given new tokens.
    #[must_use]
    pub fn collapsed(entry: &'a Entry, retention: &Retention, now: Timestamp) -> Option<Self> {
        Some(Draft::collapsed(entry, retention)?.at(Position::new(0), now))
    }

    /// The listing of a token, at that position, that arrives now.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::StoreErrorKind::Invalid) for a target that is not a single token.
    pub fn listing(
        token: Target<'a>,
        subject: Option<&'a str>,
        expires_at: Option<Timestamp>,
        position: Position,
        retention: &Retention,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        Ok(Draft::listing(token, subject, expires_at, retention)?.at(position, now))
    }

    /// The removal of a token or of all that are listed before that position, that arrives now.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::StoreErrorKind::Invalid) for a session, a client or a key: tokens are not listed
    /// by them.
    pub fn removal(
        target: Target<'a>,
        position: Position,
        retention: &Retention,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        Ok(Draft::removal(target, retention)?.at(position, now))
    }

    /// What it is about.
    #[must_use]
    pub const fn target(&self) -> Target<'a> {
        self.target
    }

    /// What it says.
    #[must_use]
    pub const fn fact(&self) -> Fact<'a> {
        self.fact
    }

    /// Until when it has to be remembered; `None` is for ever.
    #[must_use]
    pub const fn keep_until(&self) -> Option<Timestamp> {
        self.keep_until
    }

    /// True if it need not be remembered any more at that time.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.keep_until.is_some_and(|until| until <= now)
    }
}

/// True for targets that new tokens may fall under at any time. Denials of them count against the
/// room of the cutoffs, so that no flood of sign-outs keeps a stolen key from being denied.
#[must_use]
pub const fn is_broad(kind: TargetKind) -> bool {
    !matches!(kind, TargetKind::Token | TargetKind::Fingerprint | TargetKind::Session)
}

/// Stores hold milliseconds. Cutting is safe: the rules compare milliseconds, rounded down, and a
/// denial comes into force earlier.
pub(super) fn millis(time: Timestamp) -> Timestamp {
    Timestamp::from_millis(time.as_millis())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::StoreErrorKind;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn hour() -> Retention {
        let none = Duration::ZERO;
        let hour = Duration::from_secs(3_600);
        Retention::default().leeway(none).clock_error(none).margin(none).max_lifetime(hour)
    }

    #[track_caller]
    fn check_kept(entry: &Entry, expected: Option<i64>) {
        let change = Change::of_entry(entry, &hour(), NOW).unwrap();
        assert_eq!(change.keep_until(), expected.map(Timestamp::from_secs), "{entry:?}");
    }

    #[test]
    fn a_token_is_kept_for_the_longest_lifetime_and_a_key_for_ever() {
        for narrow in [Target::token("i", "1"), Target::session("i", "1")] {
            check_kept(&Entry::deny(narrow), Some(1_003_600));
            check_kept(&Entry::deny(narrow).expiring_at(Timestamp::from_secs(7)), Some(7));
            let grace = Timestamp::from_secs(1_000_100);
            check_kept(&Entry::deny_from(narrow, grace), Some(1_003_700));
        }
        for broad in [
            Target::subject("i", "1"),
            Target::client("i", "1"),
            Target::key("i", "1"),
            Target::issuer_wide("i"),
            Target::everything(),
        ] {
            check_kept(&Entry::deny(broad), None);
            check_kept(&Entry::deny(broad).expiring_at(Timestamp::from_secs(7)), Some(7));
        }
    }

    #[test]
    fn a_cutoff_is_kept_until_what_it_cuts_off_is_dead() {
        let bob = Target::subject("i", "bob");
        check_kept(&Entry::not_before_now(bob), Some(1_003_600));
        check_kept(&Entry::not_before(bob, Timestamp::from_secs(999_000)), Some(1_002_600));
        let exp = Timestamp::from_secs(2_000_000);
        check_kept(&Entry::not_before_now(bob).expiring_at(exp), Some(2_000_000));
        let entry = Entry::not_before_now(bob);
        let forever = Change::of_entry(&entry, &Retention::default(), NOW).unwrap();
        assert_eq!(forever.keep_until(), None);
    }

    #[test]
    fn what_stands_for_a_token_is_kept_as_long_as_the_token() {
        let token = Target::token("i", "1");
        for (exp, expected) in [(None, 1_003_600), (Some(7), 7)] {
            let exp = exp.map(Timestamp::from_secs);
            let expected = Some(Timestamp::from_secs(expected));
            let listed = Change::listing(token, None, exp, Position::new(1), &hour(), NOW).unwrap();
            assert_eq!(listed.keep_until(), expected);
            let mut entry = Entry::deny(token).of_subject("bob");
            if let Some(exp) = exp {
                entry = entry.expiring_at(exp);
            }
            let collapsed = Change::collapsed(&entry, &hour(), NOW).unwrap();
            assert_eq!(collapsed.keep_until(), expected);
        }
    }

    #[test]
    fn a_change_is_over_at_the_moment_until_which_it_is_kept() {
        let until = |time| Change::new(Target::everything(), Fact::MinGeneration(1), time);
        assert!(until(Some(NOW)).is_over(NOW));
        assert!(!until(Some(NOW)).is_over(Timestamp::from_secs(999_999)));
        assert!(!until(None).is_over(Timestamp::MAX));
    }

    #[test]
    fn the_stamp_is_the_clock_plus_the_skew_in_milliseconds() {
        let entry = Entry::not_before_now(Target::subject("i", "bob"));
        let skewed = hour().issuer_skew(Duration::from_micros(2_700));
        let now = NOW.saturating_add(Duration::from_micros(900));
        let change = Change::of_entry(&entry, &skewed, now).unwrap();
        assert_eq!(change.fact(), Fact::NotBefore(Timestamp::from_millis(1_000_000_003)));
    }

    #[test]
    fn what_no_rule_could_honour_is_refused() {
        let token = Target::token("i", "1");
        let session = Target::session("i", "1");
        let at = Position::new(1);
        let errors = [
            Change::of_entry(&Entry::not_before_now(token), &hour(), NOW).err(),
            Change::of_entry(&Entry::min_generation(session, 1), &hour(), NOW).err(),
            Change::listing(session, None, None, at, &hour(), NOW).err(),
            Change::removal(session, at, &hour(), NOW).err(),
        ];
        for error in errors {
            assert_eq!(error.map(|error| error.kind()), Some(StoreErrorKind::Invalid));
        }
    }
}
