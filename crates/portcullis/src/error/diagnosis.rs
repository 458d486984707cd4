//! What the log gets to read about a rejection: expected and found, the key, the clock, a hint.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use portcullis_core::Timestamp;

use super::{Rejection, RejectionKind};

/// What was expected and what was found. For the log, never for the client.
///
/// What the sender of the token chose is quoted, escaped and cut to a readable length, so that it
/// can neither break a log line nor fill the disk. The token is never part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    expected: Option<Cow<'static, str>>,
    found: Option<Cow<'static, str>>,
    key: Option<String>,
    clock_delta: Option<Duration>,
    hint: Option<Cow<'static, str>>,
}

impl Diagnosis {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn expected(mut self, expected: impl Into<Cow<'static, str>>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    pub(crate) fn found(mut self, found: impl Into<Cow<'static, str>>) -> Self {
        self.found = Some(found.into());
        self
    }

    /// What was found, chosen by the sender: quoted and cut.
    pub(crate) fn found_text(self, found: &str) -> Self {
        let quoted = quoted(found);
        self.found(quoted)
    }

    pub(crate) fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// How far the time in the token is from the limit that it broke.
    pub(crate) fn clock(mut self, a: Timestamp, b: Timestamp) -> Self {
        self.clock_delta = Some(a.saturating_since(b).max(b.saturating_since(a)));
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn maybe_hint(mut self, hint: Option<impl Into<Cow<'static, str>>>) -> Self {
        self.hint = hint.map(Into::into).or(self.hint);
        self
    }

    pub(crate) fn reject(self, kind: RejectionKind) -> Rejection {
        Rejection::with_diagnosis(kind, self)
    }

    /// What would have been accepted.
    #[must_use]
    pub fn expected_value(&self) -> Option<&str> {
        self.expected.as_deref()
    }

    /// What was there instead.
    #[must_use]
    pub fn found_value(&self) -> Option<&str> {
        self.found.as_deref()
    }

    /// The key or keys that were tried, by `kid` or thumbprint.
    #[must_use]
    pub fn key_tried(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// By how much a time in the token missed its limit, leeway included.
    #[must_use]
    pub const fn clock_delta(&self) -> Option<Duration> {
        self.clock_delta
    }

    /// What is likely wrong.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// `: expected …, found …, key …, off by … (hint)`, or nothing.
impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = ": ";
        let mut part = |f: &mut fmt::Formatter<'_>, name: &str, value: &dyn fmt::Display| {
            let written = write!(f, "{separator}{name} {value}");
            separator = ", ";
            written
        };
        if let Some(expected) = &self.expected {
            part(f, "expected", expected)?;
        }
        if let Some(found) = &self.found {
            part(f, "found", found)?;
        }
        if let Some(key) = &self.key {
            part(f, "key", key)?;
        }
        if let Some(delta) = self.clock_delta {
            part(f, "off by", &format_args!("{delta:?}"))?;
        }
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// How much of what a sender chose is shown, in characters.
const SHOWN: usize = 80;

/// Quotes what a sender chose: control characters and quotes escaped, long text cut.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown = String::from("\"");
    let mut chars = text.chars();
    for c in chars.by_ref().take(SHOWN) {
        // ASCII only: right-to-left marks and look-alikes are escaped as well
        shown.extend(c.escape_default());
    }
    shown.push('"');
    if chars.next().is_some() {
        shown.push_str(&format!("… ({} bytes)", text.len()));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sender_chose_cannot_break_a_line_or_fill_the_disk() {
        assert_eq!(quoted("a\nb\u{202e}\"\\\x1b[31m"), r#""a\nb\u{202e}\"\\\u{1b}[31m""#);
        let long = "x".repeat(10_000);
        let shown = quoted(&long);
        assert!(shown.len() < 120 && shown.ends_with("(10000 bytes)"), "{shown}");
    }

    #[test]
    fn reads_as_one_line() {
        let full = Diagnosis::new()
            .expected("one of \"a\"")
            .found_text("b")
            .key("k1")
            .clock(Timestamp::from_secs(10), Timestamp::from_millis(8_500))
            .hint("try a");
        assert_eq!(
            full.to_string(),
            r#": expected one of "a", found "b", key k1, off by 1.5s (try a)"#
        );
        assert_eq!(Diagnosis::new().to_string(), "");
        assert_eq!(Diagnosis::new().hint("h").to_string(), " (h)");
    }
}
