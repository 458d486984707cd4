//! Building a verifier: what makes no sense fails here and never at a request.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use portcullis_core::{Clock, SystemClock};
use serde::de::DeserializeOwned;

use super::pipeline::Inner;
use super::trust::Trust;
use super::{Issuer, Issuers, Verifier};
use crate::cache::{self, Cache};
use crate::error::BuildError;
use crate::jws::{Limits, Scratch};

/// Builds a [`Verifier`].
#[must_use]
pub struct VerifierBuilder {
    issuers: Vec<Issuer>,
    changing: Option<Issuers>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    cache: Cache,
}

impl VerifierBuilder {
    pub(super) fn new() -> Self {
        Self {
            issuers: Vec::new(),
            changing: None,
            clock: Arc::new(SystemClock::new()),
            limits: Limits::default(),
            cache: Cache::default(),
        }
    }

    /// Trusts this issuer, beside those that were added before. A token selects one of them by its
    /// exact `iss`, and only that issuer's settings apply.
    pub fn trust(mut self, issuer: Issuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Trusts these issuers, beside those that were added before.
    pub fn trust_all(mut self, issuers: impl IntoIterator<Item = Issuer>) -> Self {
        self.issuers.extend(issuers);
        self
    }

    /// Trusts issuers that come and go, in place of a set of them that was named before. One that
    /// [`trust`](Self::trust) names goes before one of the same name here.
    pub fn trust_changing(mut self, issuers: Issuers) -> Self {
        self.changing = Some(issuers);
        self
    }

    /// The clock: the machine's, unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How large a token may be: 16 KiB, of which 4 KiB for the header, unless set.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How many verified tokens are remembered. A token that is remembered is found by its text; its times,
    /// its key and its revocation are checked as ever.
    pub fn cache(mut self, cache: Cache) -> Self {
        self.cache = cache;
        self
    }

    /// The verifier, for claims of type `C`.
    ///
    /// # Errors
    ///
    /// If a setting is missing or makes no sense; the error names it.
    pub fn build<C: DeserializeOwned + Send + Sync + 'static>(
        self,
    ) -> Result<Verifier<C>, BuildError> {
        if self.issuers.is_empty() && self.changing.is_none() {
            return Err(BuildError::new("no issuer is trusted; call VerifierBuilder::trust"));
        }
        let trust = Trust::new(self.issuers, self.changing)?;
        Ok(Verifier {
            inner: Arc::new(Inner {
                trust,
                clock: self.clock,
                limits: self.limits,
                scratch: Scratch::new(),
                cache: cache::new(self.cache),
                // 0 is no layer
                layers: AtomicU64::new(1),
            }),
        })
    }
}

impl fmt::Debug for VerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifierBuilder")
            .field("issuers", &self.issuers)
            .field("changing", &self.changing)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
