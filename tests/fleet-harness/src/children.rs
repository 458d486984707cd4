//! The processes that are started: what they say goes into the history as they say it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use portcullis_support::{Signal, signal};

use crate::args::Args;
use crate::history::History;

/// The history, as far as it has come.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<History>>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, History> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process that says something.
pub(crate) struct Talker {
    child: Child,
    listening: Option<JoinHandle<Result<()>>>,
}

impl Talker {
    /// Starts this program again, in a role of its own.
    pub(crate) fn start(
        args: &Args,
        own: &[String],
        mut hear: impl FnMut(&str) -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(own)
            .args(["--store", args.kind.name(), "--address", &args.address])
            .args(["--bound-ms", &args.bound.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().context("can't start a process")?;
        let mut output = BufReader::new(child.stdout.take().context("its output")?);
        let listening = std::thread::spawn(move || {
            let mut line = String::new();
            while output.read_line(&mut line)? > 0 {
                // one that was killed may have said half a line
                if let Some(whole) = line.strip_suffix('\n') {
                    hear(whole)?;
                }
                line.clear();
            }
            Ok(())
        });
        Ok(Self { child, listening: Some(listening) })
    }

    /// Freezes it, or lets it go on.
    pub(crate) fn signal(&self, what: Signal) -> Result<()> {
        Ok(signal(what, &[self.child.id()])?)
    }

    /// Ends it at once, and hears what it has said before.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.listen()
    }

    /// Closes its input, upon which it ends by itself, and hears its last words.
    pub(crate) fn finish(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        self.listen()?;
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "a process ended with {status}");
        Ok(())
    }

    fn listen(&mut self) -> Result<()> {
        let listening = self.listening.take().context("it was heard out already")?;
        listening.join().map_err(|_| anyhow::anyhow!("nobody listens any more"))?
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        // whoever was not finished is not needed any more
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
