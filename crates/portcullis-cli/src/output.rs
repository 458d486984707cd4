//! What goes out: text that can do nothing to a terminal, and files that only their owner can read.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use crate::exit::Failure;

/// A line for the user beside the result, on standard error.
pub(crate) fn note(text: &str) {
    // nobody is left to tell where standard error is closed
    let _ = writeln!(io::stderr(), "note: {text}");
}

/// A line that must not be missed, on standard error.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "warning: {text}");
}

/// Writes the result to standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    Ok(out.write_all(text.as_bytes()).and_then(|()| out.flush())?)
}

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner alone (mode 0600).
    Owner,
    /// Whoever the user's umask lets.
    Everybody,
}

/// Creates a file. One that is there is never overwritten: it may be the only copy of a key.
pub(crate) fn create(path: &Path, content: &[u8], readers: Readers) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = readers;
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => Failure::usage(format_args!("{}: {error}", path.display())),
    };
    let mut file = options.open(path).map_err(failed)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // half a key is worse than none
        let _ = std::fs::remove_file(path);
        failed(error)
    })
}

/// That a file is there already.
pub(crate) fn exists(path: &Path) -> Failure {
    Failure::usage(format_args!(
        "{}: it is there already and is not overwritten; move it away or choose another name",
        path.display()
    ))
}

/// Text of a stranger's, such that it can't do anything to a terminal or mislead its reader: control
/// characters, invisible ones and those that change the direction of writing are written as JSON escapes.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let plain = c == '\n' || matches!(c, ' '..='~') || (!c.is_ascii() && is_visible(c));
        if plain {
            shown.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    shown
}

/// True if the character shows, by itself, as what it is. The standard library escapes the others.
fn is_visible(c: char) -> bool {
    c.escape_debug().len() == 1 && !c.is_whitespace()
}

/// A message that may repeat an argument, without the tokens in it: all of them begin with `{"`, which is `eyJ` in
/// base64url.
pub(crate) fn without_tokens(text: &str) -> String {
    const START: &str = "eyJ";
    /// Of what a token is made.
    const fn is_of_token(c: char) -> bool {
        c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=' | '+' | '/')
    }
    let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(START) {
        let token = &rest[at..];
        let len = token.find(|c| !is_of_token(c)).unwrap_or(token.len());
        shown.push_str(&rest[..at + START.len()]);
        shown.push('…');
        rest = &token[len..];
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_holds_no_token() {
        for (text, expected) in [
            ("", ""),
            ("unexpected argument 'x' found", "unexpected argument 'x' found"),
            ("argument 'eyJhbGci.eyJpc3Mi.AA-_' found", "argument 'eyJ…' found"),
            ("'--x=eyJhbGci.e30.' and 'Bearer eyJh=+/'", "'--x=eyJ…' and 'Bearer eyJ…'"),
            ("\x1b[33meyJhbGci\x1b[0m", "\x1b[33meyJ…\x1b[0m"),
            ("heyJude", "heyJ…"),
            ("ends in eyJ", "ends in eyJ…"),
        ] {
            assert_eq!(without_tokens(text), expected);
        }
    }

    #[test]
    fn what_a_stranger_wrote_does_nothing_to_a_terminal() {
        assert_eq!(harmless("a\x1b[31m\u{7f}\u{9b}\r"), "a\\u001b[31m\\u007f\\u009b\\u000d");
        assert_eq!(harmless("\u{202e}\u{200b}\u{2028}\u{feff}"), "\\u202e\\u200b\\u2028\\ufeff");
        assert_eq!(harmless("\u{e0041}\u{301}"), "\\udb40\\udc41\\u0301");
        assert_eq!(harmless("Jürgen 山田 🙂\n\"\\"), "Jürgen 山田 🙂\n\"\\");
    }
}
