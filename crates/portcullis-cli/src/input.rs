//! What comes in: tokens, by preference on standard input, and files.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::output::note;

/// The most that is read: no token and no key is as large.
const LIMIT: u64 = 1024 * 1024;

/// The token: the argument itself, or standard input for `-`.
///
/// What was copied along is taken off: white space around it, and `Bearer ` or `Authorization: Bearer `
/// before it. None of it can be part of a token.
pub(crate) fn token(argument: &str) -> Result<Zeroizing<String>, Failure> {
    let text = if argument == "-" {
        if io::stdin().is_terminal() {
            note("paste the token and end with Ctrl-D on a line of its own");
        }
        let bytes = bounded(io::stdin().lock(), "standard input")?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Failure::usage("standard input is no text, and so no token"))?;
        Zeroizing::new(text.to_owned())
    } else {
        note(
            "other users of this machine can read arguments, and the shell remembers them; pass `-` \
             and the token on standard input",
        );
        Zeroizing::new(argument.to_owned())
    };
    let token = bare(&text);
    if token.is_empty() {
        return Err(Failure::usage("there is no token: it is empty"));
    }
    Ok(Zeroizing::new(token.to_owned()))
}

/// The token without what was copied along with it.
fn bare(text: &str) -> &str {
    let mut rest = text.trim();
    for prefix in ["authorization:", "bearer "] {
        if let Some((start, end)) = rest.split_at_checked(prefix.len())
            && start.eq_ignore_ascii_case(prefix)
        {
            rest = end.trim_start();
        }
    }
    rest
}

/// A file, or standard input for `-`.
pub(crate) fn file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if path.as_os_str() == "-" {
        return bounded(io::stdin().lock(), "standard input");
    }
    let failed = |error: io::Error| Failure::usage(format_args!("{}: {error}", path.display()));
    bounded(File::open(path).map_err(failed)?, &path.display().to_string())
}

fn bounded(from: impl Read, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = from.take(LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::usage(format_args!("{name}: {error}")))?;
    if bytes.len() as u64 > LIMIT {
        return Err(Failure::usage(format_args!("{name}: larger than 1 MiB")));
    }
    Ok(bytes)
}

/// A secret out of a file, without the one line break that editors and `echo` put at the end.
pub(crate) fn without_line_break(secret: &[u8]) -> &[u8] {
    let secret = secret.strip_suffix(b"\n").unwrap_or(secret);
    secret.strip_suffix(b"\r").unwrap_or(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_copied_along_is_taken_off() {
        for text in [
            "a.b.c",
            " a.b.c\n",
            "Bearer a.b.c",
            "bearer  a.b.c\r\n",
            "Authorization: Bearer a.b.c",
        ] {
            assert_eq!(bare(text), "a.b.c", "{text:?}");
        }
        assert_eq!(bare("bearer"), "bearer");
        assert_eq!(bare("é"), "é");
    }
}
