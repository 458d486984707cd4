//! Running other programs: every one is printed before it starts, and a failure names the command.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, bail};

/// The root of the workspace that this xtask was started from.
pub(crate) fn root() -> PathBuf {
    // Cargo sets the variable for `cargo run`; the compile-time value is for a binary that is started directly.
    let xtask =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut path = PathBuf::from(xtask);
    path.pop();
    path
}

/// `cargo`, in the root of the workspace.
pub(crate) fn cargo<I: IntoIterator<Item: AsRef<OsStr>>>(args: I) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    // What `cargo run` says about xtask itself must not reach the builds that xtask starts: a build script that reads
    // one of these would run again each time a build by hand and a build from here take turns.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// Runs the command with the terminal as its own.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    announce(command);
    let status =
        command.status().with_context(|| format!("could not start `{}`", line(command)))?;
    check(command, status)
}

/// Runs the command quietly and returns what it printed to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output =
        command.output().with_context(|| format!("could not start `{}`", line(command)))?;
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
    }
    check(command, output.status)?;
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed something else than text", line(command)))
}

/// Does the command start and succeed? What it prints is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Runs the command, showing what it prints as it comes, and returns that together with how it ended.
pub(crate) fn tee(command: &mut Command) -> Result<(ExitStatus, String)> {
    announce(command);
    let (mut reader, writer) = io::pipe()?;
    let mut child = command
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
        .with_context(|| format!("could not start `{}`", line(command)))?;
    // The command still holds the writing ends, and the reader sees the end only when all of them are closed.
    command.stdout(io::stderr()).stderr(io::stderr());

    let (mut text, mut buffer) = (Vec::new(), [0; 8192]);
    loop {
        let length = reader.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        let mut out = io::stdout().lock();
        out.write_all(&buffer[..length])?;
        out.flush()?;
        text.extend_from_slice(&buffer[..length]);
    }
    Ok((child.wait()?, String::from_utf8_lossy(&text).into_owned()))
}

fn announce(command: &Command) {
    println!("$ {}", line(command));
}

/// The command as one would type it, with the settings that were added to its environment.
fn line(command: &Command) -> String {
    let settings = command.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy();
        Some(format!("{}={value}", name.to_string_lossy()))
    });
    let program = PathBuf::from(command.get_program());
    let program =
        program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    let args = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    settings.chain([program]).chain(args).collect::<Vec<_>>().join(" ")
}

fn check(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}` failed ({status})", line(command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command() {
        let error = output(cargo(["no-such-command"]).env("CARGO_TERM_QUIET", "true"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("CARGO_TERM_QUIET=true") && error.contains("cargo no-such-command"),
            "{error}"
        );
    }

    #[test]
    fn tee_returns_both_streams_and_the_status() {
        let (status, text) = tee(&mut cargo(["--version"])).unwrap();
        assert!(status.success() && text.starts_with("cargo "), "{text}");
        let (status, text) = tee(&mut cargo(["no-such-command"])).unwrap();
        assert!(!status.success() && text.contains("no-such-command"), "{text}");
    }

    #[test]
    fn the_root_is_the_workspace() {
        assert!(root().join("xtask").is_dir());
    }
}
