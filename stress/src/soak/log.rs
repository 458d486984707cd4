//! The last line of the server's log, to be shown with an answer that nothing explains.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The last warning or error.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastLine(Arc<Mutex<String>>);

impl LastLine {
    /// Listens to the whole process from now on.
    pub(crate) fn listen() -> Self {
        let this = Self::default();
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::WARN)
            .with_writer(this.clone())
            .with_ansi(false)
            .init();
        this
    }

    pub(crate) fn get(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).trim().to_owned()
    }
}

impl io::Write for LastLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        line.clear();
        line.push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LastLine {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
