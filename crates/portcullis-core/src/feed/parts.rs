//! What a feed answers with.

use std::fmt;
use std::sync::Arc;

use super::Changes;
use crate::Position;

/// A stretch of time in which a store has kept all that it acknowledged. See
/// [epochs](super#epochs).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Epoch(Arc<str>);

impl Epoch {
    /// The epoch of this name: something random, or what tells a store from its own earlier or other
    /// self. It is shown in logs.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_debug())
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// Where to begin: the epoch, and the end of the log before the snapshot.
#[derive(Clone, Debug)]
pub struct Start<C> {
    epoch: Epoch,
    cursor: C,
}

impl<C> Start<C> {
    /// In this epoch, where the log ends at this cursor.
    #[must_use]
    pub const fn new(epoch: Epoch, cursor: C) -> Self {
        Self { epoch, cursor }
    }

    /// The epoch.
    #[must_use]
    pub const fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// Where the log ended.
    #[must_use]
    pub const fn cursor(&self) -> &C {
        &self.cursor
    }

    /// The epoch, and where the log ended.
    #[must_use]
    pub fn into_parts(self) -> (Epoch, C) {
        (self.epoch, self.cursor)
    }
}

/// A part of a snapshot.
#[derive(Clone, Debug)]
pub struct Chunk<P> {
    changes: Changes,
    next: Option<P>,
}

impl<P> Chunk<P> {
    /// A part that is followed by another at this place.
    #[must_use]
    pub const fn new(changes: Changes, next: P) -> Self {
        Self { changes, next: Some(next) }
    }

    /// The last part.
    #[must_use]
    pub const fn last(changes: Changes) -> Self {
        Self { changes, next: None }
    }

    /// What it holds.
    #[must_use]
    pub const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Where the next part is; `None` after the last.
    #[must_use]
    pub const fn next(&self) -> Option<&P> {
        self.next.as_ref()
    }

    /// What it holds, and where the next part is.
    #[must_use]
    pub fn into_parts(self) -> (Changes, Option<P>) {
        (self.changes, self.next)
    }
}

/// A part of a log.
#[derive(Clone, Debug)]
pub struct Batch<C> {
    epoch: Epoch,
    cursor: C,
    position: Position,
    changes: Changes,
    more: bool,
}

impl<C> Batch<C> {
    /// What was written up to this cursor, in a store of this epoch. After it, every write whose
    /// receipt has this position or an earlier one has been returned. It completes its round unless
    /// there is [more](Self::with_more).
    #[must_use]
    pub const fn new(epoch: Epoch, cursor: C, position: Position, changes: Changes) -> Self {
        Self { epoch, cursor, position, changes, more: false }
    }

    /// Says whether the round needs another read, see [rounds](super#rounds).
    #[must_use]
    pub const fn with_more(mut self, more: bool) -> Self {
        self.more = more;
        self
    }

    /// The epoch that the store was in.
    #[must_use]
    pub const fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// Where to read on.
    #[must_use]
    pub const fn cursor(&self) -> &C {
        &self.cursor
    }

    /// Up to which position everything was returned.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// What was written.
    #[must_use]
    pub const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// True if the round needs another read.
    #[must_use]
    pub const fn has_more(&self) -> bool {
        self.more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_shown_by_its_name_on_one_line() {
        let epoch = Epoch::new("7f\n1c");
        assert_eq!(epoch.as_str(), "7f\n1c");
        assert_eq!(
            (epoch.to_string().as_str(), format!("{epoch:?}").as_str()),
            ("7f\\n1c", "\"7f\\n1c\"")
        );
    }
}
