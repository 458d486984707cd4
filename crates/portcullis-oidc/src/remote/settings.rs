//! The settings of remote keys, and the paces that follow from them.

use std::time::Duration;

use portcullis::BuildError;

use crate::freshness::Freshness;

/// How often to fetch, and for how long to trust.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// No refresh comes sooner after the last.
    pub(crate) min: Duration,
    /// None comes later.
    pub(crate) max: Duration,
    /// Where the answer does not say.
    pub(crate) usual: Duration,
    /// How long keys are trusted after they were last confirmed.
    pub(crate) trust: Duration,
    /// Between two attempts that unknown keys cause.
    pub(crate) cooldown: Duration,
}

/// The first pause after a failure. It doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause after a failure, unless the issuer asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Default for Pace {
    fn default() -> Self {
        Self {
            min: Duration::from_secs(60),
            max: Duration::from_secs(3600),
            usual: Duration::from_secs(600),
            trust: Duration::from_secs(24 * 3600),
            cooldown: Duration::from_secs(30),
        }
    }
}

impl Pace {
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        let wrong = |what: &str| Err(BuildError::new(format!("remote keys: {what}")));
        if self.min < Duration::from_secs(1) {
            return wrong("refresh_between: one second is the least");
        }
        if self.min > self.max {
            return wrong("refresh_between: the least interval is longer than the greatest");
        }
        if self.trust <= self.max {
            return wrong(
                "trust_for: keys must be trusted for longer than the greatest interval between two \
                 refreshes, or they are out before they can be refreshed",
            );
        }
        if self.cooldown < Duration::from_secs(1) {
            return wrong("cooldown: one second is the least");
        }
        Ok(())
    }

    /// When to refresh after a success: within the last fifth of the lifetime before it ends, so that the
    /// new set is there in time and many services do not come at once. `jitter` is from 0 to 1.
    pub(super) fn interval(&self, freshness: Freshness, jitter: f64) -> Duration {
        let lifetime = match freshness {
            Freshness::Unsaid => self.usual,
            Freshness::For(lifetime) => lifetime,
            Freshness::None => Duration::ZERO,
        };
        let lifetime = lifetime.clamp(self.min, self.max);
        lifetime.mul_f64(0.8 + 0.15 * jitter.clamp(0.0, 1.0)).max(self.min)
    }

    /// The pause after so many failures in a row: from half of it to all of it, by `jitter` from 0 to 1. An
    /// issuer may ask for a longer one, up to the greatest interval.
    pub(crate) fn backoff(
        &self,
        failures: u32,
        retry_after: Option<Duration>,
        jitter: f64,
    ) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
        let pause = pause.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0));
        pause.max(retry_after.unwrap_or_default().min(self.max))
    }

    /// For how long a key is taken not to be there, which was looked for that many times.
    pub(super) fn absence(&self, times: u32) -> Duration {
        self.cooldown.saturating_mul(1 << times.min(16)).min(self.max.max(self.cooldown))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn settings_that_contradict_each_other_are_named() {
        let hour = Duration::from_secs(3600);
        let check = |pace: Pace, name: &str| {
            let error = pace.check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        };
        let usual = Pace::default();
        usual.check().unwrap();
        check(Pace { min: Duration::ZERO, ..usual }, "refresh_between");
        check(Pace { min: 2 * hour, ..usual }, "refresh_between");
        check(Pace { trust: hour, ..usual }, "trust_for");
        check(Pace { cooldown: Duration::ZERO, ..usual }, "cooldown");
        Pace { trust: hour + Duration::from_nanos(1), ..usual }.check().unwrap();
        Pace { min: hour, ..usual }.check().unwrap();
    }

    #[test]
    fn an_issuer_that_is_out_may_ask_for_a_longer_pause_within_bounds() {
        let pace = Pace::default();
        let secs = Duration::from_secs;
        assert_eq!(pace.backoff(1, Some(secs(120)), 0.0), secs(120));
        assert_eq!(pace.backoff(1, Some(secs(1_000_000)), 0.0), pace.max);
        assert_eq!(pace.backoff(10, Some(secs(1)), 1.0), secs(60));
        assert_eq!(pace.backoff(1, None, 0.0), Duration::from_millis(500));
        assert_eq!(pace.backoff(u32::MAX, None, 1.0), secs(60));
    }

    proptest! {
        #[test]
        fn a_refresh_comes_within_bounds_and_before_the_lifetime_ends(
            lifetime in proptest::option::of(1u64..1_000_000), jitter in 0.0f64..=1.0,
        ) {
            let pace = Pace::default();
            let freshness = lifetime.map_or(Freshness::None, |l| Freshness::For(Duration::from_secs(l)));
            let interval = pace.interval(freshness, jitter);
            prop_assert!(interval >= pace.min && interval < pace.max);
            if let Some(lifetime) = lifetime.filter(|l| *l > 75) {
                prop_assert!(interval < Duration::from_secs(lifetime));
            }
        }
    }
}
