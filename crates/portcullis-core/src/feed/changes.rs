//! Many changes in one buffer, so that a snapshot of millions needs no allocation for each.

use std::fmt;

use crate::state::{Change, Fact};
use crate::{Target, TargetKind, Timestamp};

/// Changes on their way from a store into a state.
///
/// Their texts lie in one buffer, one after the other; an issuer that is the same as the one before
/// is written once.
///
/// # Example
///
/// ```
/// use portcullis_core::feed::Changes;
/// use portcullis_core::state::{Change, Fact};
/// use portcullis_core::Target;
///
/// let bob = Target::subject("https://idp.example.com", "bob");
/// let mut changes = Changes::new();
/// changes.push(&Change::new(bob, Fact::MinGeneration(7), None));
/// assert_eq!(changes.iter().next().map(|change| change.target()), Some(bob));
/// ```
#[derive(Clone, Default)]
pub struct Changes {
    text: String,
    rows: Vec<Row>,
}

/// A change without its texts.
#[derive(Clone, Copy)]
struct Row {
    kind: TargetKind,
    issuer: Span,
    id: Span,
    /// Of a listing.
    subject: Option<Span>,
    fact: Fact<'static>,
    keep_until: Option<Timestamp>,
}

/// A part of the buffer.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

impl Changes {
    /// No changes.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: String::new(), rows: Vec::new() }
    }

    /// Adds one.
    pub fn push(&mut self, change: &Change<'_>) {
        let target = change.target();
        let issuer = match self.rows.last() {
            Some(last) if self.text(last.issuer) == target.issuer() => last.issuer,
            _ => self.write(target.issuer()),
        };
        let id = self.write(target.id());
        let (fact, subject) = match change.fact() {
            Fact::Allowed { position, subject } => {
                (Fact::Allowed { position, subject: None }, subject.map(|text| self.write(text)))
            }
            Fact::Denied { effective_at } => (Fact::Denied { effective_at }, None),
            Fact::NotBefore(cutoff) => (Fact::NotBefore(cutoff), None),
            Fact::Collapsed(cutoff) => (Fact::Collapsed(cutoff), None),
            Fact::MinGeneration(minimum) => (Fact::MinGeneration(minimum), None),
            Fact::Removed { position } => (Fact::Removed { position }, None),
        };
        let keep_until = change.keep_until();
        self.rows.push(Row { kind: target.kind(), issuer, id, subject, fact, keep_until });
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The changes, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = Change<'_>> {
        self.rows.iter().map(|row| {
            let target = Target::from_parts(row.kind, self.text(row.issuer), self.text(row.id));
            let fact = match row.fact {
                Fact::Allowed { position, .. } => {
                    Fact::Allowed { position, subject: row.subject.map(|span| self.text(span)) }
                }
                other => other,
            };
            Change::new(target, fact, row.keep_until)
        })
    }

    fn write(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        Span { start, end: self.text.len() }
    }

    fn text(&self, span: Span) -> &str {
        &self.text[span.start..span.end]
    }
}

impl<'a> FromIterator<Change<'a>> for Changes {
    fn from_iter<I: IntoIterator<Item = Change<'a>>>(changes: I) -> Self {
        let mut all = Self::new();
        all.extend(changes);
        all
    }
}

impl<'a> Extend<Change<'a>> for Changes {
    fn extend<I: IntoIterator<Item = Change<'a>>>(&mut self, changes: I) {
        for change in changes {
            self.push(&change);
        }
    }
}

/// How many there are. Whom they are about is nobody's business.
impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;

    #[test]
    fn what_is_read_is_what_was_written() {
        let time = Timestamp::from_millis(1_700_000_000_123);
        let position = Position::new(7);
        let facts = [
            Fact::Denied { effective_at: None },
            Fact::Denied { effective_at: Some(time) },
            Fact::NotBefore(time),
            Fact::Collapsed(time),
            Fact::MinGeneration(u64::MAX),
            Fact::Allowed { position, subject: None },
            Fact::Allowed { position, subject: Some("b\u{f6}b") },
            Fact::Removed { position },
        ];
        let targets = [
            Target::token("a", "1"),
            Target::token("a", ""),
            Target::subject("", "b\u{f6}b"),
            Target::issuer_wide("b"),
            Target::everything(),
            Target::key("b", "x"),
        ];
        let mut written = Vec::new();
        for target in targets {
            for fact in facts {
                written.push(Change::new(target, fact, None));
                written.push(Change::new(target, fact, Some(time)));
            }
        }
        let changes: Changes = written.iter().copied().collect();
        assert_eq!(changes.len(), written.len());
        assert!(!changes.is_empty() && Changes::new().is_empty());
        assert_eq!(changes.iter().collect::<Vec<_>>(), written);
    }

    #[test]
    fn an_issuer_is_written_once() {
        let denied = Fact::Denied { effective_at: None };
        let ids: Vec<String> = (0..1_000).map(|n| format!("{n:03}")).collect();
        let changes: Changes = ids
            .iter()
            .map(|id| Change::new(Target::token("https://idp.example.com", id), denied, None))
            .collect();
        assert_eq!(changes.text.len(), "https://idp.example.com".len() + 3 * 1_000);
    }

    #[test]
    fn debug_shows_nobody() {
        let bob = Change::new(Target::subject("idp", "bob"), Fact::MinGeneration(1), None);
        let shown = format!("{:?}", Changes::from_iter([bob]));
        assert_eq!(shown, "Changes { len: 1, .. }");
    }
}
