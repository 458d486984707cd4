//! What is logged while something runs.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Runs this, and gives what it returned and the lines that were logged on this thread meanwhile, from
/// `DEBUG` up: the level, the target, the message and the fields, as `tracing-subscriber` formats them,
/// without time and colours.
///
/// A log of other threads is not seen: use a runtime of the current thread.
///
/// # Example
///
/// ```
/// let (answer, lines) = portcullis_testing::logged(|| {
///     tracing::warn!(target: "payroll", worker = 7, "paid twice");
///     401
/// });
/// assert_eq!((answer, lines), (401, vec!["WARN payroll: paid twice worker=7".to_owned()]));
/// ```
pub fn logged<T>(run: impl FnOnce() -> T) -> (T, Vec<String>) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::DEBUG)
        .with_writer(log.clone())
        .with_ansi(false)
        .without_time()
        .finish();
    let value = tracing::subscriber::with_default(subscriber, run);
    let bytes = log.0.lock().unwrap_or_else(PoisonError::into_inner);
    let lines =
        String::from_utf8_lossy(&bytes).lines().map(|line| line.trim().to_owned()).collect();
    (value, lines)
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
