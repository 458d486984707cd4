//! Building a verifier: what makes no sense fails here and never at a request.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use portcullis_core::{Clock, SystemClock};
use serde::de::DeserializeOwned;

use super::trusted::likeness;
use super::{Inner, Issuer, TrustedIssuer, Verifier};
use crate::cache::{self, Cache};
use crate::error::{BuildError, quoted};
use crate::jws::{Limits, Scratch};

/// Builds a [`Verifier`].
#[must_use]
pub struct VerifierBuilder {
    issuers: Vec<Issuer>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    cache: Cache,
}

impl VerifierBuilder {
    pub(super) fn new() -> Self {
        Self {
            issuers: Vec::new(),
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
        if self.issuers.is_empty() {
            return Err(BuildError::new("no issuer is trusted; call VerifierBuilder::trust"));
        }
        let alone = self.issuers.len() == 1;
        let mut issuers = Vec::with_capacity(self.issuers.len());
        let mut by_spelling = HashMap::new();
        let mut by_likeness = HashMap::new();
        for issuer in self.issuers {
            let issuer = Arc::new(TrustedIssuer::new(issuer, alone)?);
            for spelling in issuer.spellings() {
                if by_spelling.insert(spelling.into(), issuers.len()).is_some() {
                    return Err(BuildError::new(format!(
                        "issuer {}: trust: it is there twice",
                        quoted(spelling)
                    )));
                }
                by_likeness.insert(likeness(spelling), issuers.len());
            }
            issuers.push(issuer);
        }
        Ok(Verifier {
            inner: Arc::new(Inner {
                issuers,
                by_spelling,
                by_likeness,
                clock: self.clock,
                limits: self.limits,
                scratch: Scratch::default(),
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
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
