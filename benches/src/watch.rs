//! Two clocks at once: the one on the wall, and the one of the thread's processor time, which other work on
//! the machine does not move. The peers are measured by this same file.
#![allow(unreachable_pub, reason = "it is a module of two crates")]

use std::time::{Duration, Instant};

/// What some work took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// By the clock on the wall.
    pub wall: Duration,
    /// Of a processor: for what one thread does by itself.
    pub cpu: Option<Duration>,
}

impl Took {
    /// Nothing yet.
    pub const NONE: Self = Self { wall: Duration::ZERO, cpu: Some(Duration::ZERO) };

    /// What only the clock on the wall can tell: the work of several threads.
    pub fn by_the_wall(wall: Duration) -> Self {
        Self { wall, cpu: None }
    }

    /// What matters: the processor's time, where it is known.
    pub fn best(self) -> Duration {
        self.cpu.unwrap_or(self.wall)
    }
}

impl std::ops::AddAssign for Took {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.cpu = self.cpu.zip(other.cpu).map(|(mine, theirs)| mine + theirs);
    }
}

/// Measures some work of this thread.
pub fn watch(work: impl FnOnce()) -> Took {
    let (cpu, wall) = (thread_time(), Instant::now());
    work();
    let wall = wall.elapsed();
    Took { wall, cpu: thread_time().zip(cpu).map(|(end, start)| end.saturating_sub(start)) }
}

#[cfg(unix)]
fn thread_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.try_into().ok()
}

#[cfg(not(unix))]
fn thread_time() -> Option<Duration> {
    None
}
