//! How long entries are kept, against the sum one would write on paper.

use std::time::Duration;

use portcullis_core::{Retention, Timestamp};
use proptest::prelude::*;

fn seconds(secs: i64) -> Duration {
    Duration::from_secs(secs.unsigned_abs())
}

proptest! {
    #[test]
    fn an_entry_outlives_its_token_by_leeway_clock_error_and_margin(
        (leeway, error, margin) in (0..10_000i64, 0..10_000i64, 0..10_000i64),
        lifetime in proptest::option::of(0..1_000_000i64),
        exp in proptest::option::of(0..4_000_000_000i64),
        now in 0..4_000_000_000i64,
    ) {
        let mut retention = Retention::default()
            .leeway(seconds(leeway))
            .clock_error(seconds(error))
            .margin(seconds(margin));
        if let Some(lifetime) = lifetime {
            retention = retention.max_lifetime(seconds(lifetime));
        }
        let slack = leeway + error + margin;
        let dead = exp.or(lifetime.map(|lifetime| now + lifetime));
        let expected = dead.map(|dead| Timestamp::from_secs(dead + slack));
        let kept = retention.keep_until(exp.map(Timestamp::from_secs), Timestamp::from_secs(now));
        prop_assert_eq!(kept, expected);

        // a cutoff may go when the longest-lived token issued at it is dead
        let expected = lifetime.map(|lifetime| Timestamp::from_secs(now + lifetime + slack));
        prop_assert_eq!(retention.keep_cutoff_until(Timestamp::from_secs(now)), expected);
    }
}

#[test]
fn nothing_overflows_and_nothing_unknown_is_dropped() {
    let endless = Retention::default().max_lifetime(Duration::MAX).leeway(Duration::MAX);
    assert_eq!(endless.keep_until(None, Timestamp::MAX), Some(Timestamp::MAX));
    assert_eq!(endless.keep_until(Some(Timestamp::MIN), Timestamp::MAX), Some(Timestamp::MAX));
    assert_eq!(endless.keep_cutoff_until(Timestamp::MIN), Some(Timestamp::MAX));
    assert_eq!(endless.issuer_skew(Duration::MAX).stamp(Timestamp::MIN), Timestamp::MAX);
    let unknown = Retention::default();
    assert_eq!(unknown.keep_until(None, Timestamp::UNIX_EPOCH), None);
    assert_eq!(unknown.keep_cutoff_until(Timestamp::UNIX_EPOCH), None);
}
