//! How facts are written down.

use portcullis_core::state::{Change, Fact, Moment};
use portcullis_core::{StoreError, Target, TargetKind, Timestamp};
use tokio_postgres::Row;

use crate::error::corrupt;
use crate::reading::get;

pub(crate) const DENIED: &str = "denied";
pub(crate) const NOT_BEFORE: &str = "not_before";
pub(crate) const COLLAPSED: &str = "collapsed";
pub(crate) const GENERATION: &str = "generation";
pub(crate) const REMOVED: &str = "removed";

/// Sums of these stay far from what a number of the server can hold: milliseconds in the year 287,396.
const FAR: i64 = 1 << 53;

/// Both parts of a moment, in milliseconds. What is farther than [`FAR`] is cut to it.
pub(crate) fn moment(moment: Option<Moment>) -> (Option<i64>, Option<i64>) {
    let Some(moment) = moment else { return (None, None) };
    let fixed = moment.fixed().map(|time| {
        let millis = time.as_millis();
        // rounded up: kept for no less
        let more = i64::from(Timestamp::from_millis(millis) < time);
        millis.saturating_add(more).clamp(-FAR, FAR)
    });
    let after = moment
        .after_now()
        .map(|after| i64::try_from(after.as_nanos().div_ceil(1_000_000)).unwrap_or(FAR).min(FAR));
    (fixed, after)
}

/// Milliseconds, cut.
pub(crate) fn millis(time: Timestamp) -> i64 {
    time.as_millis().clamp(-FAR, FAR)
}

/// The server's numbers have a sign. A generation beyond them is written as the largest, which stands for the largest there
/// is: stricter, and out of reach of any counter.
pub(crate) fn generation_to_sql(generation: u64) -> i64 {
    i64::try_from(generation).unwrap_or(i64::MAX)
}

pub(crate) fn generation_from_sql(value: i64) -> Result<u64, StoreError> {
    match value {
        i64::MAX => Ok(u64::MAX),
        _ => u64::try_from(value).map_err(|_| corrupt("a generation is negative")),
    }
}

/// From when on a denial denies; `None` is at once.
pub(crate) fn denied_from(value: i64) -> Option<Timestamp> {
    (value != i64::MIN).then(|| Timestamp::from_millis(value))
}

/// The change that six columns stand for, beginning with this one; `None` for what is in no feed.
pub(crate) fn change(row: &Row, first: usize) -> Result<Option<Change<'_>>, StoreError> {
    let rule: Option<&str> = get(row, first)?;
    let Some(rule) = rule else { return Ok(None) };
    let (value, until): (i64, i64) = (get(row, first + 4)?, get(row, first + 5)?);
    let fact = match rule {
        DENIED => Fact::Denied { effective_at: denied_from(value) },
        NOT_BEFORE => Fact::NotBefore(Timestamp::from_millis(value)),
        COLLAPSED => Fact::Collapsed(Timestamp::from_millis(value)),
        GENERATION => Fact::MinGeneration(generation_from_sql(value)?),
        // the allowlist is in no feed
        REMOVED => return Ok(None),
        _ => return Err(corrupt("a rule is not one of this crate")),
    };
    let kind: &str = get(row, first + 1)?;
    let kind = TargetKind::from_name(kind).ok_or_else(|| corrupt("a kind is not one of ours"))?;
    let (issuer, id) = (text(row, first + 2)?, text(row, first + 3)?);
    let until = (until != i64::MAX).then(|| Timestamp::from_secs(until));
    Ok(Some(Change::new(Target::from_parts(kind, issuer, id), fact, until)))
}

fn text(row: &Row, column: usize) -> Result<&str, StoreError> {
    std::str::from_utf8(get(row, column)?).map_err(|_| corrupt("a text is not in UTF-8"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portcullis_core::state::Draft;
    use portcullis_core::{Entry, Retention};

    use super::*;

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
            let (fixed, _) = moment(fixed.unwrap().keep_until());
            let (_, after) = moment(after.unwrap().keep_until());
            assert_eq!(fixed, after);
            fixed.unwrap()
        };
        assert_eq!([keep(7_000_000), keep(7_000_001), keep(7_999_999)], [7, 8, 8]);
    }
}
