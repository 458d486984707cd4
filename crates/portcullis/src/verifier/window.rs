//! When the rules for the times of a token are kept, worked out once: a token that comes again is good at a
//! moment within, and the rules themselves are only asked beyond.

use std::time::Duration;

use portcullis_core::{Clock, Timestamp};

use super::issuer::Issuer;
use super::rules::Times;

/// More than a recent time may lie behind the time itself.
const BEHIND: Duration = Duration::from_millis(100);

/// From one moment on and before another one. At every moment within, each rule that asks the clock is kept; the
/// rules have the last word about all others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    from: Timestamp,
    /// As much earlier as a recent time may lie behind.
    until: Timestamp,
}

impl Default for Window {
    /// No moment at all.
    fn default() -> Self {
        Self { from: Timestamp::MAX, until: Timestamp::MIN }
    }
}

impl Window {
    /// Of a token with these times. The rules that no clock decides are not looked at.
    pub(super) fn of(settings: &Issuer, times: &Times) -> Self {
        let leeway = settings.leeway;
        // none is the same as one that was, or will be, at any time
        let starts = times.not_before.max(times.issued_at);
        let from = starts.map_or(Timestamp::MIN, |start| start.saturating_sub(leeway));
        let end = times.expires_at.unwrap_or(Timestamp::MAX);
        let too_old = match (settings.max_age, times.issued_at) {
            (Some(age), Some(iat)) => iat.saturating_add(age),
            _ => Timestamp::MAX,
        };
        let until = end.min(too_old).saturating_add(leeway).saturating_sub(BEHIND);
        Self { from, until }
    }

    /// True if the present moment is within, as a [recent](Clock::recent) time shows. Whoever is nearer to an end
    /// has to look at the clock itself.
    pub(super) fn holds_now(&self, clock: &(impl Clock + ?Sized)) -> bool {
        self.holds_about(clock.recent())
    }

    /// True if every moment from this one on is within, until a recent time has become an old one.
    fn holds_about(&self, recent: Timestamp) -> bool {
        self.from <= recent && recent < self.until
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::TrustedIssuer;
    use super::super::rules::check_times;
    use super::*;
    use crate::{Algorithm, Keys};

    fn moment() -> impl Strategy<Value = Timestamp> {
        prop_oneof![
            20 => (0..40i64).prop_map(|halves| Timestamp::from_millis(halves * 500)),
            1 => Just(Timestamp::MIN),
            1 => Just(Timestamp::MAX),
        ]
    }

    proptest! {
        #[test]
        fn within_it_every_rule_is_kept_and_beyond_it_hardly_any_token_passes(
            expires_at in moment(),
            not_before in prop::option::of(moment()),
            issued_at in moment(),
            leeway in 0..4u64,
            max_age in prop::option::of(1..8u64),
        ) {
            let secret: Vec<u8> = (0..32).collect();
            let mut settings = Issuer::new("https://idp.example.com")
                .audience("payroll")
                .keys(Keys::from_secret(Algorithm::HS256, secret).unwrap())
                .leeway(Duration::from_secs(leeway));
            if let Some(age) = max_age {
                settings = settings.max_age(Duration::from_secs(age));
            }
            let issuer = TrustedIssuer::new(settings, true).unwrap();
            let times = || Times { expires_at: Some(expires_at), not_before, issued_at: Some(issued_at) };
            let window = Window::of(&issuer.settings, &times());
            let moments = (0..120).map(|quarters| Timestamp::from_millis(quarters * 250));
            for now in moments.chain([Timestamp::MIN, Timestamp::MAX]) {
                let kept = check_times(&issuer, &times(), now).is_ok();
                if window.holds_about(now) {
                    // and so it is at every moment of which this one may be the recent time
                    let last = now.saturating_add(BEHIND);
                    let later = check_times(&issuer, &times(), last).is_ok();
                    prop_assert!(kept && later, "{now} is within {window:?}");
                } else {
                    // the last moment of an age belongs to it, and no time is after the last one
                    let near_the_end =
                        window.until <= now && now <= window.until.saturating_add(BEHIND);
                    prop_assert!(!kept || near_the_end, "{now} is not within {window:?}");
                }
            }
        }
    }

    #[test]
    fn what_nobody_worked_out_holds_no_moment() {
        let none = Window::default();
        let moments = [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX];
        assert!(!moments.into_iter().any(|now| none.holds_about(now)));
    }
}
