//! One key of a ring, with its dates.

use std::time::Duration;

use portcullis_core::Timestamp;

use crate::SigningKey;

/// A key of [`SigningKeys`](crate::SigningKeys) as it is written down: since when it exists, and since when it signs no
/// more.
#[derive(Clone, Debug)]
pub struct KeyEntry {
    key: SigningKey,
    created_at: Timestamp,
    signs_from: Timestamp,
    retired_at: Option<Timestamp>,
}

impl KeyEntry {
    /// A key that signs.
    #[must_use]
    pub fn new(key: SigningKey, created_at: Timestamp) -> Self {
        Self { key, created_at, signs_from: created_at, retired_at: None }
    }

    /// A key that is published already, and signs from then on.
    #[must_use]
    pub fn with_signs_from(mut self, signs_from: Timestamp) -> Self {
        self.signs_from = signs_from;
        self
    }

    /// A key that has signed until then, and whose tokens may still be alive.
    #[must_use]
    pub fn with_retired_at(mut self, retired_at: Timestamp) -> Self {
        self.retired_at = Some(retired_at);
        self
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Since when it exists.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// From when on it signs.
    #[must_use]
    pub fn signs_from(&self) -> Timestamp {
        self.signs_from
    }

    /// Since when it signs no more; `None` for the key that signs, and for those that will.
    #[must_use]
    pub fn retired_at(&self) -> Option<Timestamp> {
        self.retired_at
    }

    /// When the last token under it is over, if it has retired.
    pub(super) fn ends_at(&self, overlap: Duration) -> Option<Timestamp> {
        self.retired_at.map(|retired_at| retired_at.saturating_add(overlap))
    }
}
