//! How the command ends: the codes that scripts go by, and errors on standard error.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::output::without_tokens;

/// What `--help` says of the codes.
pub(crate) const HELP: &str = "Exit codes: 0 done, or the token or issuer is good; 1 refused; \
                               2 wrong usage or configuration; 3 it can't be known now (an outage).";

/// A token is refused, or an issuer has a fault.
pub(crate) const REFUSED: u8 = 1;
/// Something is wrong with the arguments, the environment or a file.
const USAGE: u8 = 2;
/// Keys or an issuer can't be reached: nothing is said about the token.
pub(crate) const UNKNOWN: u8 = 3;

/// What a command comes to.
pub(crate) type Outcome = Result<ExitCode, Failure>;

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// The arguments, the environment or a file are wrong.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self { code: USAGE, message: message.to_string() }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // whoever reads our output has had enough: `portcullis jwks … | head -1`
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { code: 0, message: String::new() };
        }
        Self::usage(format_args!("standard output: {error}"))
    }
}

/// The arguments make no sense, or ask for help. What clap says of one that it does not expect repeats it, which may be
/// a token.
pub(crate) fn misread(error: &clap::Error) -> ExitCode {
    let told = error.render().to_string();
    let shown = without_tokens(&told);
    if shown == told {
        error.exit()
    }
    // nobody is left to tell where standard error is closed
    let _ = io::stderr().write_all(shown.as_bytes());
    ExitCode::from(USAGE)
}

/// Says what went wrong, if something did, and gives the code.
pub(crate) fn end(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            if !failure.message.is_empty() {
                // nobody is left to tell where standard error is closed
                let _ = writeln!(io::stderr(), "error: {}", without_tokens(&failure.message));
            }
            ExitCode::from(failure.code)
        }
    }
}
