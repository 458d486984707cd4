//! The clock that tells now: the machine's, or one that a test sets.

use std::time::{Duration, SystemTime};

use super::Timestamp;

/// Tells the time. The verifier, the rules of revocation and the stores all ask one of these, so
/// that a test can set it.
///
/// Telling a time that is too early lets expired tokens pass; one that is too late refuses good
/// ones. [`elapsed`](Self::elapsed) must never run backwards: the age of a cached answer is measured
/// with it.
pub trait Clock: Send + Sync + 'static {
    /// The time of day.
    fn now(&self) -> Timestamp;

    /// The time of day as it was at most 100 ms ago, where that is cheaper to tell, and never one that is ahead. It
    /// answers for tokens whose times are well within their bounds; near a bound [`now`](Self::now) is asked.
    fn recent(&self) -> Timestamp {
        self.now()
    }

    /// Time since some fixed moment in the past, which never runs backwards and which nobody sets.
    fn elapsed(&self) -> Duration;
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn recent(&self) -> Timestamp {
        (**self).recent()
    }

    fn elapsed(&self) -> Duration {
        (**self).elapsed()
    }
}

/// The machine's clock.
///
/// On Linux, [`elapsed`](Clock::elapsed) goes on while the machine is suspended (`CLOCK_BOOTTIME`), so
/// that what was remembered before is old afterwards. Elsewhere it is that of [`Instant`](std::time::Instant), which stops in
/// a suspended machine on some systems.
///
/// On Linux, [`recent`](Clock::recent) is the time of the last tick of the kernel, at most 10 ms ago
/// (`CLOCK_REALTIME_COARSE`), which costs a fraction of looking at the clock itself.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Origin,
}

impl SystemClock {
    /// The machine's clock; [`elapsed`](Clock::elapsed) counts from this call.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: Origin::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn recent(&self) -> Timestamp {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        // the kernel keeps the fraction between zero and a second, also before 1970
        Timestamp { secs: time.tv_sec, nanos: u32::try_from(time.tv_nsec).unwrap_or(0) }
    }

    fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod boot {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    /// Time since the machine was started, suspended or not.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Origin(Duration);

    impl Origin {
        pub(super) fn now() -> Self {
            let time = clock_gettime(ClockId::Boottime);
            // it counts from zero, and the kernel keeps the fraction below a second
            let secs = u64::try_from(time.tv_sec).unwrap_or(0);
            let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
            Self(Duration::new(secs, nanos))
        }

        pub(super) fn elapsed(self) -> Duration {
            Self::now().0.saturating_sub(self.0)
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
use boot::Origin;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use std::time::Instant as Origin;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_the_machine_does_not_stand_still() {
        let clock = SystemClock::new();
        assert!((0..1_000_000).any(|_| clock.elapsed() > Duration::ZERO));
    }

    #[test]
    fn the_recent_time_is_behind_by_little_and_never_ahead() {
        let clock = SystemClock::new();
        for _ in 0..10_000 {
            let recent = clock.recent();
            let now = clock.now();
            assert!(recent <= now, "{recent} is after {now}");
        }
        // it is the time of day and no other one; how busy the machine is decides nothing here
        let now = clock.now();
        assert!(clock.recent() >= now.saturating_sub(Duration::from_secs(60)));
    }
}
