//! How facts are written down: a field that names the class of the fact and its target, and a row with what it says.
//!
//! The field is the class, the kind, the length of the issuer, the issuer and the id, so that no two targets share one. Both
//! are text, to be read with `redis-cli`; no part of a target is ever cut or escaped.

use portcullis_core::state::{Change, DraftFact, Fact, Moment, is_broad};
use portcullis_core::{Position, StoreError, Target, TargetKind, Timestamp};

use crate::error::corrupt;

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// A denial of a token, a fingerprint or a session.
    Denied,
    /// A denial of something broader.
    DeniedBroadly,
    NotBefore,
    Collapsed,
    Generation,
    /// A token on the allowlist, or the tombstone of one.
    Listed,
    /// A removal of more than a token from the allowlist.
    RemovedWidely,
}

impl Class {
    pub(crate) fn of(fact: DraftFact<'_>, kind: TargetKind) -> Option<Self> {
        Some(match fact {
            DraftFact::Denied { .. } if is_broad(kind) => Self::DeniedBroadly,
            DraftFact::Denied { .. } => Self::Denied,
            DraftFact::NotBefore(_) => Self::NotBefore,
            DraftFact::Collapsed(_) => Self::Collapsed,
            DraftFact::MinGeneration(_) => Self::Generation,
            DraftFact::Removed if is_broad(kind) => Self::RemovedWidely,
            DraftFact::Removed | DraftFact::Allowed { .. } => Self::Listed,
            _ => return None,
        })
    }

    pub(crate) fn denial(kind: TargetKind) -> Self {
        if is_broad(kind) { Self::DeniedBroadly } else { Self::Denied }
    }

    const fn letter(self) -> char {
        match self {
            Self::Denied => 'd',
            Self::DeniedBroadly => 'e',
            Self::NotBefore => 'n',
            Self::Collapsed => 'c',
            Self::Generation => 'g',
            Self::Listed => 't',
            Self::RemovedWidely => 'w',
        }
    }

    fn from_letter(letter: char) -> Option<Self> {
        [
            Self::Denied,
            Self::DeniedBroadly,
            Self::NotBefore,
            Self::Collapsed,
            Self::Generation,
            Self::Listed,
            Self::RemovedWidely,
        ]
        .into_iter()
        .find(|class| class.letter() == letter)
    }
}

/// The field of a fact of this class about this target.
pub(crate) fn field(class: Class, target: &Target<'_>) -> String {
    packed(class.letter(), target)
}

/// The field that counts the denials of a subject.
pub(crate) fn count_field(subject: &Target<'_>) -> String {
    packed('s', subject)
}

fn packed(letter: char, target: &Target<'_>) -> String {
    let (kind, issuer, id) = (target.kind().as_str(), target.issuer(), target.id());
    format!("{letter}{kind}:{}:{issuer}{id}", issuer.len())
}

/// The fact that a field and its row stand for; `None` for rows of the allowlist, which is in no feed.
pub(crate) fn change<'a>(field: &'a str, row: &'a str) -> Result<Option<Change<'a>>, StoreError> {
    let unreadable = || corrupt("a row is not one that this crate has written");
    let (class, target) = unpacked(field).ok_or_else(unreadable)?;
    let (value, until) = row.split_once(';').ok_or_else(unreadable)?;
    let number = || value.parse::<i64>().map_err(|_| unreadable());
    let fact = match class {
        Class::Denied | Class::DeniedBroadly if value.is_empty() => {
            Fact::Denied { effective_at: None }
        }
        Class::Denied | Class::DeniedBroadly => {
            Fact::Denied { effective_at: Some(Timestamp::from_millis(number()?)) }
        }
        Class::NotBefore => Fact::NotBefore(Timestamp::from_millis(number()?)),
        Class::Collapsed => Fact::Collapsed(Timestamp::from_millis(number()?)),
        Class::Generation => Fact::MinGeneration(value.parse().map_err(|_| unreadable())?),
        Class::Listed | Class::RemovedWidely => return Ok(None),
    };
    let until = match until {
        "" => None,
        secs => Some(Timestamp::from_secs(secs.parse().map_err(|_| unreadable())?)),
    };
    Ok(Some(Change::new(target, fact, until)))
}

fn unpacked(field: &str) -> Option<(Class, Target<'_>)> {
    let class = Class::from_letter(field.chars().next()?)?;
    let (kind, rest) = field[1..].split_once(':')?;
    let (length, rest) = rest.split_once(':')?;
    let (issuer, id) = rest.split_at_checked(length.parse().ok()?)?;
    Some((class, Target::from_parts(TargetKind::from_name(kind)?, issuer, id)))
}

/// The value of a row of numbers: a time in milliseconds, a position.
pub(crate) fn value(row: &str) -> Result<i64, StoreError> {
    let value = row.split_once(';').and_then(|(value, _)| value.parse().ok());
    value.ok_or_else(|| corrupt("a row is not one that this crate has written"))
}

/// From when on a row denies; `None` is at once.
pub(crate) fn denied_from(row: &str) -> Result<Option<Timestamp>, StoreError> {
    if row.starts_with(';') {
        Ok(None)
    } else {
        value(row).map(|ms| Some(Timestamp::from_millis(ms)))
    }
}

/// Where a token was listed, and the field of whose it is; `None` if it was removed.
pub(crate) fn listing(row: &str) -> Result<Option<(Position, &str)>, StoreError> {
    let unreadable = || corrupt("a row of the allowlist is not one that this crate has written");
    let mut parts = row.splitn(4, ';');
    let (first, owner) = (parts.next(), parts.nth(2));
    let first: u64 = first.and_then(|first| first.parse().ok()).ok_or_else(unreadable)?;
    let owner = owner.ok_or_else(unreadable)?;
    Ok((first > 0).then_some((Position::new(first), owner)))
}

/// A generation in as many digits as the largest has: a script compares them as text.
pub(crate) fn generation(minimum: u64) -> String {
    format!("{minimum:020}")
}

/// The numbers of a script are exact up to this: milliseconds in the year 287,396.
const EXACT: i64 = 1 << 53;

/// Both parts of a moment as a script reads them. What is out of its reach is cut to the farthest within.
pub(crate) fn moment(moment: Option<Moment>) -> [String; 2] {
    let Some(moment) = moment else { return Default::default() };
    let fixed = moment.fixed().map(|time| ceil_millis(time).clamp(-EXACT, EXACT).to_string());
    let after = moment.after_now().map(|after| {
        // rounded up: kept for no less, stamped no earlier
        let millis = after.as_nanos().div_ceil(1_000_000);
        i64::try_from(millis).unwrap_or(EXACT).min(EXACT).to_string()
    });
    [fixed.unwrap_or_default(), after.unwrap_or_default()]
}

/// Milliseconds, cut.
pub(crate) fn millis(time: Timestamp) -> String {
    time.as_millis().clamp(-EXACT, EXACT).to_string()
}

fn ceil_millis(time: Timestamp) -> i64 {
    let millis = time.as_millis();
    millis.saturating_add(i64::from(Timestamp::from_millis(millis) < time))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portcullis_core::state::Draft;
    use portcullis_core::{Entry, Retention};

    use super::*;

    #[test]
    fn a_field_tells_targets_apart_and_reads_back() {
        let targets = [
            Target::token("a", "b"),
            Target::token("", "ab"),
            Target::token("ab", ""),
            Target::session("a", "b"),
            Target::token("a:1:", "b;\0\u{f6}"),
            Target::issuer_wide("a"),
            Target::everything(),
        ];
        for (n, target) in targets.iter().enumerate() {
            let class = Class::denial(target.kind());
            let written = field(class, target);
            assert_eq!(unpacked(&written), Some((class, *target)));
            for other in &targets[..n] {
                assert_ne!(field(Class::denial(other.kind()), other), written);
            }
        }
    }

    #[test]
    fn what_is_not_ours_is_corrupt_and_never_a_panic() {
        let bob = field(Class::Denied, &Target::token("i", "bob"));
        assert!(change(&bob, ";7").unwrap().is_some());
        for (field, row) in [
            ("", ";"),
            ("x", ";"),
            ("djti:9:ab", ";"),
            ("djti:1:\u{f6}", ";"),
            ("dnone:0:", ";"),
            (bob.as_str(), ""),
            (bob.as_str(), "x;"),
            (bob.as_str(), ";x"),
        ] {
            assert!(change(field, row).is_err(), "{field} {row}");
        }
        for row in ["", "x;;;", "7;"] {
            assert!(listing(row).is_err(), "{row}");
        }
    }

    #[test]
    fn moments_are_rounded_up() {
        let keep = |nanos| {
            let time = Timestamp::UNIX_EPOCH.saturating_add(Duration::from_nanos(nanos));
            let target = Target::token("i", "1");
            let retention = Retention::default()
                .leeway(Duration::ZERO)
                .clock_error(Duration::ZERO)
                .margin(Duration::ZERO)
                .max_lifetime(Duration::from_nanos(nanos));
            let (undated, dated) = (Entry::deny(target), Entry::deny(target).expiring_at(time));
            let fixed = Draft::of_entry(&dated, &retention);
            let after = Draft::of_entry(&undated, &retention);
            let [fixed, _] = moment(fixed.unwrap().keep_until());
            let [_, after] = moment(after.unwrap().keep_until());
            assert_eq!(fixed, after);
            fixed
        };
        assert_eq!([keep(7_000_000), keep(7_000_001), keep(7_999_999)], ["7", "8", "8"]);
    }

    #[test]
    fn generations_compare_as_text() {
        let mut texts = [u64::MAX, 9, 10, 0, 1 << 60].map(generation);
        texts.sort();
        assert_eq!(texts, [0, 9, 10, 1 << 60, u64::MAX].map(generation));
    }
}
