//! How often somebody may try to sign in.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Five at once for one name from one address, then one every ten seconds: nobody can lock out alice from elsewhere.
const PER_NAME: (NonZeroU32, Duration) = (NonZeroU32::new(5).unwrap(), Duration::from_secs(10));
/// Thirty at once from one address, then one every two seconds: nobody can try one password on every name.
const PER_ADDRESS: (NonZeroU32, Duration) = (NonZeroU32::new(30).unwrap(), Duration::from_secs(2));
/// How many are remembered before those that have waited long enough are forgotten.
const REMEMBERED: usize = 10_000;

/// The attempts that were made.
#[derive(Clone)]
pub(crate) struct Limits {
    names: Arc<DefaultKeyedRateLimiter<(IpAddr, String)>>,
    addresses: Arc<DefaultKeyedRateLimiter<IpAddr>>,
}

impl Limits {
    pub(crate) fn new() -> Self {
        Self { names: limiter(PER_NAME), addresses: limiter(PER_ADDRESS) }
    }

    /// Counts an attempt; or the time to wait.
    pub(crate) fn attempt(&self, address: IpAddr, name: &str) -> Result<(), Duration> {
        if self.names.len() > REMEMBERED {
            self.names.retain_recent();
            self.addresses.retain_recent();
        }
        let wait =
            |until: governor::NotUntil<_>| until.wait_time_from(DefaultClock::default().now());
        self.addresses.check_key(&address).map_err(wait)?;
        self.names.check_key(&(address, name.to_owned())).map_err(wait)
    }
}

fn limiter<K: Clone + Eq + std::hash::Hash>(
    (burst, period): (NonZeroU32, Duration),
) -> Arc<DefaultKeyedRateLimiter<K>> {
    // None only for a period of zero.
    let quota = Quota::with_period(period).unwrap_or_else(|| Quota::per_second(burst));
    Arc::new(RateLimiter::keyed(quota.allow_burst(burst)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_attempt_on_a_name_waits_and_no_other_name_does() {
        let limits = Limits::new();
        let (here, there) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        for _ in 0..5 {
            limits.attempt(here, "alice").unwrap();
        }
        let wait = limits.attempt(here, "alice").unwrap_err();
        assert!(wait > Duration::ZERO && wait <= PER_NAME.1, "{wait:?}");
        limits.attempt(here, "bob").unwrap();
        limits.attempt(there, "alice").unwrap();
    }

    #[test]
    fn an_address_cannot_try_every_name() {
        let limits = Limits::new();
        for name in 0..PER_ADDRESS.0.get() {
            limits.attempt([127, 0, 0, 1].into(), &name.to_string()).unwrap();
        }
        limits.attempt([127, 0, 0, 1].into(), "another").unwrap_err();
        limits.attempt([127, 0, 0, 2].into(), "another").unwrap();
    }
}
