//! Signals to processes that a test started, by their ids.

use std::io;
use std::process::{Command, Stdio};

/// What can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ends it at once, without a chance to tidy up.
    Kill,
    /// Freezes it: its sockets stay open and answer nothing.
    Stop,
    /// Lets it go on.
    Continue,
}

/// Sends a signal to processes. One that has ended already is no error.
///
/// # Errors
///
/// If there is no `kill` program.
pub fn signal(signal: Signal, ids: &[u32]) -> io::Result<()> {
    let name = match signal {
        Signal::Kill => "-KILL",
        Signal::Stop => "-STOP",
        Signal::Continue => "-CONT",
    };
    // one at a time: with several, one that has ended hides the others' errors
    for id in ids {
        let mut command = Command::new("kill");
        command.arg(name).arg(id.to_string());
        command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    }
    Ok(())
}

/// The processes that this one has started and that still run.
#[must_use]
pub fn children(id: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    list.unwrap_or_default().split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_found_and_killed() {
        let mut parent =
            Command::new("sh").args(["-c", "sleep 600 & wait; exec sleep 600"]).spawn().unwrap();
        assert!(crate::wait_until(|| children(parent.id()).len() == 1));
        let child = children(parent.id())[0];
        signal(Signal::Kill, &[child]).unwrap();
        assert!(crate::wait_until(|| children(parent.id()).is_empty()));
        parent.kill().unwrap();
        parent.wait().unwrap();
        signal(Signal::Kill, &[child]).unwrap();
    }
}
