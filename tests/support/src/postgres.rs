//! A PostgreSQL of a test's own.

use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

use crate::signal::{Signal, children, signal};
use crate::{Port, Process, Program, owner_other_than_root, wait_until};

/// A running PostgreSQL, on a free port of the loopback interface and in a temporary folder. Dropping it ends it.
#[derive(Debug)]
pub struct PostgresServer {
    /// There is one until it is given on to another server.
    process: Option<Process>,
    /// Kept over its restarts.
    port: Arc<Port>,
    settings: Vec<String>,
}

impl PostgresServer {
    /// Starts a new cluster with these settings, as they would stand in `postgresql.conf`: `&["max_connections = 20"]`. Whoever
    /// connects to it is trusted.
    ///
    /// # Errors
    ///
    /// If it does not come up; the error has its log.
    pub fn start(settings: &[&str]) -> io::Result<Self> {
        Self::start_after(settings, |_| Ok(()))
    }

    /// As [`start`](Self::start), with something done to the folder of the cluster before it runs for the first time.
    ///
    /// # Errors
    ///
    /// If that fails or it does not come up.
    pub fn start_after(
        settings: &[&str],
        before: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<Self> {
        let folder = folder()?;
        let data = folder.path().join("data");
        let options = ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8"];
        let mut command = program("initdb");
        command.args(options).arg("--no-locale").arg("--no-instructions").arg("-D").arg(&data);
        output(&mut command)?;
        before(&data)?;
        Self::start_on(folder, settings)
    }

    /// Starts one that follows this one, as a standby. The primary needs no settings for it.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn standby(&self, settings: &[&str]) -> io::Result<Self> {
        let folder = folder()?;
        let mut command = program("pg_basebackup");
        command.arg("-D").arg(folder.path().join("data"));
        command.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]);
        command.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port().to_string()]);
        output(&mut command)?;
        Self::start_on(folder, settings)
    }

    /// Makes a primary of a standby.
    ///
    /// # Errors
    ///
    /// If it is none, or does not become one.
    pub fn promote(&self) -> io::Result<()> {
        output(program("pg_ctl").args(["promote", "-w", "-D"]).arg(self.data())).map(|_| ())
    }

    fn start_on(folder: TempDir, settings: &[&str]) -> io::Result<Self> {
        let settings: Vec<_> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let process = Process::start(folder, &mut Command::new("true"))?;
        Self::launch(process, Arc::new(Port::keep()?), settings)
    }

    fn launch(mut process: Process, port: Arc<Port>, settings: Vec<String>) -> io::Result<Self> {
        let mut failure = None;
        // the processes of the one before may need a moment to notice that it is gone
        for _ in 0..5 {
            let data = process.folder().join("data");
            let mut command = program("postgres");
            command.arg("-D").arg(&data).args(["-p", &port.number().to_string()]);
            command.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
            // a test may end the server but never the machine: nothing needs to wait for the disk
            command.args(["-c", "fsync=off"]);
            for setting in &settings {
                command.args(["-c", setting]);
            }
            process = process.restart(&mut command)?;
            // a port that accepts is not yet a server that answers; the log tells
            let log = process.folder().join("log");
            let told = || std::fs::read_to_string(&log).unwrap_or_default();
            let ready = ["ready to accept connections", "ready to accept read-only connections"];
            match process.wait_for(|| ready.iter().any(|text| told().contains(text))) {
                Ok(()) => return Ok(Self { process: Some(process), port, settings }),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| io::Error::other("it was never started")))
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// `postgres://postgres@127.0.0.1:PORT/postgres`, the superuser.
    #[must_use]
    pub fn url(&self) -> String {
        Self::url_at(self.port())
    }

    /// The same at another port: that of a proxy before it, say.
    #[must_use]
    pub fn url_at(port: u16) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/postgres")
    }

    /// The folder of the cluster.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.process().folder().join("data")
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("it is only taken where the server is given up")
    }

    /// What the operating system calls it and the processes that it has started.
    #[must_use]
    pub fn ids(&self) -> Vec<u32> {
        let id = self.process().id();
        [vec![id], children(id)].concat()
    }

    /// Ends it and its processes at once (`kill -9`). Its data stays until it is dropped.
    ///
    /// # Errors
    ///
    /// If it can't be waited for.
    pub fn kill(&mut self) -> io::Result<()> {
        let Some(process) = &mut self.process else { return Ok(()) };
        // nothing new may start while the others are being ended
        signal(Signal::Stop, &[process.id()])?;
        let ids = [vec![process.id()], children(process.id())].concat();
        signal(Signal::Kill, &ids)?;
        process.kill()?;
        let gone = |id: &u32| !Path::new(&format!("/proc/{id}")).exists() || is_dead(*id);
        if wait_until(|| ids.iter().all(gone)) {
            Ok(())
        } else {
            Err(io::Error::other("its processes did not end"))
        }
    }

    /// Ends it at once, if it still runs, and starts another on the same port and data.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn restart(self) -> io::Result<Self> {
        self.restart_after(|_| Ok(()))
    }

    /// As [`restart`](Self::restart), with something done to the folder of the cluster while nothing runs in it.
    ///
    /// # Errors
    ///
    /// If that fails or it does not come up.
    pub fn restart_after(
        mut self,
        between: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<Self> {
        self.kill()?;
        let data = self.data();
        between(&data)?;
        let Some(process) = self.process.take() else {
            return Err(io::Error::other("it was given up"));
        };
        Self::launch(process, Arc::clone(&self.port), std::mem::take(&mut self.settings))
    }

    /// Freezes it and its processes: connections stay open, nothing is answered.
    ///
    /// # Errors
    ///
    /// If the signals can't be sent.
    pub fn freeze(&self) -> io::Result<()> {
        signal(Signal::Stop, &self.ids())
    }

    /// Lets it go on.
    ///
    /// # Errors
    ///
    /// If the signals can't be sent.
    pub fn thaw(&self) -> io::Result<()> {
        signal(Signal::Continue, &self.ids())
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Nothing can be done about it here. Without it the processes of a cluster would outlive their folder for a moment.
        let _ = self.kill();
    }
}

/// True if nothing is left of a process but its number.
fn is_dead(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z'))
}

/// A folder that belongs to whoever the server runs as.
fn folder() -> io::Result<TempDir> {
    let folder = TempDir::new()?;
    if let Some((user, group)) = owner_other_than_root("postgres") {
        chown(folder.path(), Some(user), Some(group))?;
    }
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700))?;
    Ok(folder)
}

/// A program of PostgreSQL, run as somebody other than root.
fn program(name: &str) -> Command {
    let mut command = Command::new(Program::POSTGRES.directory().join(name));
    if let Some((user, group)) = owner_other_than_root("postgres") {
        command.uid(user).gid(group);
    }
    // the tests' own directory may not be readable for that user
    command.current_dir("/");
    command
}

fn output(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{command:?} ended with {}:\n{told}", output.status)))
}
