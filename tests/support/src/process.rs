//! A program that a test started: it has a folder of its own, and is gone with the test.

use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A child process with a temporary folder. Dropping it kills it, waits for its end and removes the folder.
#[derive(Debug)]
pub struct Process {
    child: Child,
    folder: TempDir,
}

impl Process {
    /// Starts the command. Its output goes to `log` in the folder, to be shown when something went wrong.
    ///
    /// # Errors
    ///
    /// If the program can't be started or the log can't be written.
    pub fn start(folder: TempDir, command: &mut Command) -> std::io::Result<Process> {
        let log = std::fs::File::create(folder.path().join("log"))?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        Ok(Process { child, folder })
    }

    /// Waits until something accepts connections on this port of the loopback interface.
    ///
    /// # Errors
    ///
    /// If the program ends before, or nothing listens after half a minute. The error has the program's log.
    pub fn wait_for_port(&mut self, port: u16) -> std::io::Result<()> {
        self.wait_for(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
    }

    /// Waits until the condition holds.
    ///
    /// # Errors
    ///
    /// If the program ends before, or it doesn't hold after half a minute. The error has the program's log.
    pub fn wait_for(&mut self, mut condition: impl FnMut() -> bool) -> std::io::Result<()> {
        let mut ended = None;
        let held = wait_until(|| {
            if condition() {
                return true;
            }
            ended = self.child.try_wait().ok().flatten();
            ended.is_some()
        });
        match (held, ended) {
            (true, None) => Ok(()),
            (true, Some(status)) => Err(self.complaint(&format!("it ended with {status}"))),
            (false, _) => Err(self.complaint("it was not ready in time")),
        }
    }

    fn complaint(&self, what: &str) -> std::io::Error {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        std::io::Error::other(format!("{what}; its log:\n{log}"))
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// What the operating system calls it, to send signals to.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without a chance to tidy up (`SIGKILL`), and waits for its end. The folder stays.
    ///
    /// # Errors
    ///
    /// If it can't be waited for.
    pub fn kill(&mut self) -> std::io::Result<ExitStatus> {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait()
    }

    /// Ends it and gives back the folder, to start another on the same data.
    ///
    /// # Errors
    ///
    /// If it can't be waited for.
    pub fn restart(mut self, command: &mut Command) -> std::io::Result<Process> {
        self.kill()?;
        let empty = TempDir::new()?;
        let folder = std::mem::replace(&mut self.folder, empty);
        drop(self);
        Process::start(folder, command)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing can be done about it here.
        let _ = self.kill();
    }
}

/// Asks until the condition holds, for half a minute at most, and tells whether it came to hold.
///
/// For what tells of no event that could be awaited.
pub fn wait_until(mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(30);
    while !condition() {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// The user and group of this name, if the tests run as root: PostgreSQL refuses to run as root.
///
/// Set them with [`std::os::unix::process::CommandExt`], and give the program's folder to them.
#[must_use]
pub fn owner_other_than_root(name: &str) -> Option<(u32, u32)> {
    // `id` of the root user's shell, not an environment variable that could lie.
    if number(Command::new("id").arg("-u")) != Some(0) {
        return None;
    }
    Some((
        number(Command::new("id").args(["-u", name]))?,
        number(Command::new("id").args(["-g", name]))?,
    ))
}

fn number(command: &mut Command) -> Option<u32> {
    String::from_utf8(command.output().ok()?.stdout).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn shell(script: &str) -> Process {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]).current_dir(folder.path());
        Process::start(folder, &mut command).unwrap()
    }

    #[test]
    fn a_program_that_ends_early_is_told_with_its_log() {
        let mut process = shell("echo out of order >&2; exit 3");
        let error = process.wait_for(|| false).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("out of order"), "{error}");
    }

    #[test]
    fn a_program_and_its_folder_are_gone_with_the_process() {
        let mut process = shell("touch here; exec sleep 600");
        let (id, folder) = (process.id(), process.folder().to_owned());
        process.wait_for(|| folder.join("here").exists()).unwrap();
        drop(process);
        assert!(!folder.exists());
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
    }

    #[test]
    fn another_goes_on_in_the_same_folder() {
        let mut process = shell("touch here; exec sleep 600");
        let here = process.folder().join("here");
        process.wait_for(|| here.exists()).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "exec sleep 600"]);
        let process = process.restart(&mut command).unwrap();
        assert_eq!(process.folder(), here.parent().unwrap());
        assert!(here.exists());
    }

    #[test]
    fn a_program_is_ready_when_its_port_accepts() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut process = shell("exec sleep 600");
        process.wait_for_port(listener.local_addr().unwrap().port()).unwrap();
    }
}
