//! What is logged while a target runs, and what must be true of every line.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::fixture::assert_hides;

/// Runs this, and gives back with its result the lines that were logged.
pub(crate) fn logged<T>(run: impl FnOnce() -> T) -> (T, Vec<String>) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .without_time()
        .finish();
    let result = tracing::subscriber::with_default(subscriber, run);
    let bytes = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let text = String::from_utf8(bytes).expect("a log is text");
    (result, text.lines().map(|line| line.trim().to_owned()).collect())
}

/// Every line is one line of printable characters, of bounded length, and without the token.
pub(crate) fn assert_good_lines(lines: &[String], token: &str) {
    for line in lines {
        assert!(line.contains("portcullis: "), "not a line of its own: {line:?}");
        assert!(line.chars().all(|c| !c.is_control()), "{line:?}");
        assert!(line.len() < 8_000, "{} bytes", line.len());
        assert_hides(line, token.as_bytes());
    }
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
