//! A clock that stands still until it is told.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_core::{Clock, Timestamp};

/// A clock that stands still until a test sets it. Clones are the same clock.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use portcullis_core::{Clock, Timestamp};
/// use portcullis_testing::TestClock;
///
/// let clock = TestClock::at(1_700_000_000);
/// let given_away = clock.clone();
/// clock.advance(Duration::from_millis(1_500));
/// assert_eq!(given_away.now(), Timestamp::from_millis(1_700_000_001_500));
/// assert_eq!(given_away.elapsed(), Duration::from_millis(1_500));
/// ```
#[derive(Clone)]
pub struct TestClock {
    hands: Arc<Mutex<Hands>>,
}

#[derive(Clone, Copy)]
struct Hands {
    now: Timestamp,
    elapsed: Duration,
}

impl TestClock {
    /// A clock that stands at this time.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { hands: Arc::new(Mutex::new(Hands { now, elapsed: Duration::ZERO })) }
    }

    /// A clock that stands at so many seconds since 1970.
    #[must_use]
    pub fn at(secs: i64) -> Self {
        Self::new(Timestamp::from_secs(secs))
    }

    /// Lets that much time go by, on the time of day and on [`elapsed`](Clock::elapsed).
    pub fn advance(&self, by: Duration) {
        let mut hands = self.hands();
        hands.now = hands.now.saturating_add(by);
        hands.elapsed = hands.elapsed.saturating_add(by);
    }

    /// Sets the time of day, forwards or backwards, as an administrator would: no time goes by on
    /// [`elapsed`](Clock::elapsed).
    pub fn set(&self, now: Timestamp) {
        self.hands().now = now;
    }

    /// A test that panicked elsewhere leaves the hands whole.
    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.hands().now
    }

    fn elapsed(&self) -> Duration {
        self.hands().elapsed
    }
}

impl fmt::Debug for TestClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hands { now, elapsed } = *self.hands();
        f.debug_struct("TestClock").field("now", &now).field("elapsed", &elapsed).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_the_time_of_day_lets_no_time_go_by() {
        let clock = TestClock::at(1_000);
        clock.advance(Duration::from_secs(5));
        clock.set(Timestamp::from_secs(10));
        assert_eq!(
            (clock.now(), clock.elapsed()),
            (Timestamp::from_secs(10), Duration::from_secs(5))
        );
    }
}
