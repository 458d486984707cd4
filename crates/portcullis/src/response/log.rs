//! One line in the log for each rejection: the kind, the diagnosis and the chain of causes.

use std::error::Error;
use std::fmt::Write;

use crate::error::{Rejection, RejectionKind};

/// How many causes are followed, and how much of each is shown.
const CAUSES: usize = 8;
const SHOWN: usize = 300;

/// Writes the rejection to `tracing`: what clients get wrong at `debug` or `info`, outages at `warn`,
/// mistakes of the service at `error`.
pub(super) fn write(rejection: &Rejection) {
    let kind = rejection.kind();
    let code = kind.code();
    let status = kind.status().as_u16();
    let cause = chain(rejection);
    match kind {
        RejectionKind::NotConfigured => {
            tracing::error!(target: "portcullis", kind = code, status, cause, "{rejection}");
        }
        _ if kind.is_outage() => {
            tracing::warn!(target: "portcullis", kind = code, status, cause, "{rejection}");
        }
        // sent by every client that has not signed in yet
        RejectionKind::MissingCredential => {
            tracing::debug!(target: "portcullis", kind = code, status, cause, "{rejection}");
        }
        _ => {
            tracing::info!(target: "portcullis", kind = code, status, cause, "{rejection}");
        }
    }
}

/// The causes in one line, escaped: a database or a token may have chosen the words.
fn chain(rejection: &Rejection) -> Option<String> {
    let first = rejection.source()?;
    let causes = std::iter::successors(Some(first), |&error| error.source()).take(CAUSES);
    let mut line = String::new();
    for cause in causes {
        if !line.is_empty() {
            line.push_str(": ");
        }
        let text = cause.to_string();
        let mut chars = text.chars();
        for c in chars.by_ref().take(SHOWN) {
            match c {
                // legible as they are, and harmless within a line
                '"' | '\'' => line.push(c),
                c => line.extend(c.escape_debug()),
            }
        }
        if chars.next().is_some() {
            // writing to a String does not fail
            let _ = write!(line, "… ({} bytes)", text.len());
        }
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Cause(&'static str, Option<Box<Cause>>);

    impl fmt::Display for Cause {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Cause {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as &(dyn Error + 'static))
        }
    }

    #[test]
    fn causes_are_one_escaped_line() {
        let inner = Cause("no \"row\"\r\n\x1b[31m\u{202e}", None);
        let outer = Cause("query failed", Some(Box::new(inner)));
        let rejection = Rejection::new(RejectionKind::RevocationUnavailable).with_source(outer);
        let line = chain(&rejection).unwrap();
        assert_eq!(line, r#"query failed: no "row"\r\n\u{1b}[31m\u{202e}"#);
        assert_eq!(chain(&RejectionKind::Expired.into()), None);
    }

    #[test]
    fn causes_are_cut_in_length_and_depth() {
        let long: &'static str = "x".repeat(10_000).leak();
        let mut cause = Cause(long, None);
        for _ in 0..100 {
            cause = Cause(long, Some(Box::new(cause)));
        }
        let rejection = Rejection::new(RejectionKind::RevocationUnavailable).with_source(cause);
        let line = chain(&rejection).unwrap();
        assert!(line.len() < CAUSES * (SHOWN + 30), "{}", line.len());
    }
}
