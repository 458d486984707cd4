//! The one clock of all processes, and one that is wrong.

use std::time::Duration;

use portcullis::{Clock, SystemClock, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since the machine was started: the same for all processes, and nobody can set it.
pub(crate) fn nanos() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// A machine whose time of day is wrong.
pub(crate) struct Wrong {
    clock: SystemClock,
    by: i64,
}

impl Wrong {
    pub(crate) fn by(seconds: i64) -> Self {
        Self { clock: SystemClock::new(), by: seconds }
    }
}

impl Clock for Wrong {
    fn now(&self) -> Timestamp {
        let by = Duration::from_secs(self.by.unsigned_abs());
        let now = self.clock.now();
        if self.by < 0 { now.saturating_sub(by) } else { now.saturating_add(by) }
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }
}
