//! For how long a thread had a processor. Linux only; elsewhere the clock on the wall stands in.

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The processor time of the thread that made it.
#[derive(Clone, Debug)]
pub(crate) struct ThreadTime {
    file: Option<PathBuf>,
    start: Instant,
}

impl ThreadTime {
    /// Of this thread.
    pub(crate) fn of_this_thread() -> Self {
        let thread = std::fs::read_link("/proc/thread-self").ok();
        let file = thread.map(|thread| PathBuf::from("/proc").join(thread).join("schedstat"));
        Self { file, start: Instant::now() }
    }

    /// How much it had so far.
    pub(crate) fn so_far(&self) -> Duration {
        let spent = || {
            let text = std::fs::read_to_string(self.file.as_ref()?).ok()?;
            let nanos = text.split_ascii_whitespace().next()?.parse().ok()?;
            Some(Duration::from_nanos(nanos))
        };
        spent().unwrap_or_else(|| self.start.elapsed())
    }
}
