//! How long to wait: between rounds, and after failures.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The pauses of one replica.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pauses {
    /// Between the beginnings of two rounds, at most.
    pub(super) interval: Duration,
    /// After the first failure.
    pub(super) first: Duration,
    /// After many failures.
    pub(super) longest: Duration,
}

impl Pauses {
    /// For a copy that may be this old: three rounds in that time, so that two may fail.
    pub(super) fn within(bound: Duration) -> Self {
        let interval = bound / 3;
        let longest = interval.min(Duration::from_secs(5));
        Self { interval, first: (bound / 100).min(longest), longest }
    }

    /// Until the next round, counted from the beginning of the last one.
    pub(super) fn before_round(&self) -> Duration {
        self.interval.mul_f64(1.0 - 0.1 * fraction())
    }

    /// After so many failures in a row. Half of it is random, so that a fleet that has lost its store
    /// does not come back all at once.
    pub(super) fn after_failures(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let pause = self.first.saturating_mul(1 << doublings).min(self.longest);
        pause.mul_f64(0.5 + 0.5 * fraction())
    }
}

/// A number from zero to one. The keys of the standard library are random enough to spread a fleet.
fn fraction() -> f64 {
    let bits = RandomState::new().hash_one(()) >> 11;
    bits as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_differ() {
        let pauses = Pauses::within(Duration::from_secs(3));
        for failures in 1..100 {
            let most = (Duration::from_millis(30) * 2u32.pow(failures.min(10) - 1))
                .min(Duration::from_secs(1));
            for _ in 0..50 {
                let pause = pauses.after_failures(failures);
                assert!(most / 2 <= pause && pause <= most, "{failures}: {pause:?}");
            }
        }
        let drawn = (0..50).map(|_| pauses.after_failures(20));
        assert!(drawn.collect::<std::collections::HashSet<_>>().len() > 40);
    }

    #[test]
    fn there_are_three_rounds_in_the_bound() {
        let bound = Duration::from_secs(3);
        let pauses = Pauses::within(bound);
        for _ in 0..100 {
            let pause = pauses.before_round();
            assert!(bound * 9 / 30 <= pause && pause <= bound / 3, "{pause:?}");
        }
    }

    #[test]
    fn no_pause_is_longer_than_a_third_of_the_bound_or_five_seconds() {
        for (bound, longest) in [(1, 1_000 / 3), (60, 5_000)] {
            let pauses = Pauses::within(Duration::from_secs(bound));
            assert_eq!(pauses.longest.as_millis(), longest);
        }
    }
}
