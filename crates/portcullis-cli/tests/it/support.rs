//! Runs the command in a folder of its own, with no variables but those of the test.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub(crate) const ISSUER: &str = "https://me.example";
pub(crate) const AUDIENCE: &str = "payroll";

/// A folder to run in.
pub(crate) struct World {
    folder: TempDir,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The command, without the environment of the test.
pub(crate) fn command(folder: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_clear().current_dir(folder);
    command
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With the key `key.pem` and its public half `jwks.json`.
    pub(crate) fn with_key() -> Self {
        let world = Self::new();
        world.run(&["keygen", "--out", "key.pem"]).check(0);
        let jwks = world.run(&["jwks", "key.pem"]).check(0);
        world.write("jwks.json", &jwks.out);
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, &[], "")
    }

    /// With variables and standard input.
    pub(crate) fn run_with(&self, args: &[&str], variables: &[(&str, &str)], input: &str) -> Ran {
        let mut command = command(self.folder.path());
        command.args(args).envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // a command that reads nothing may be gone before it was written to
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap().into()
    }

    /// A token by the key, with these arguments beside the usual ones.
    pub(crate) fn mint(&self, more: &[&str]) -> String {
        let usual = ["mint", "-q", "--key", "key.pem", "--issuer", ISSUER, "--audience", AUDIENCE];
        self.run(&[&usual, more].concat()).check(0).out.trim().to_owned()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn check(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// It failed for wrong usage, and the error has all these words.
    #[track_caller]
    pub(crate) fn check_error(self, words: &[&str]) {
        let ran = self.check(2);
        assert_eq!(ran.out, "", "{ran:?}");
        assert!(words.iter().all(|word| ran.err.contains(word)), "{words:?}: {ran:?}");
    }
}
