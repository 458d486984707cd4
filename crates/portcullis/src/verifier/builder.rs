//! Building a verifier: what makes no sense fails here and never at a request.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use portcullis_core::{Clock, SystemClock};
use serde::de::DeserializeOwned;

use super::{Inner, Issuer, TrustedIssuer, Verifier};
use crate::error::{BuildError, quoted};
use crate::jws::Limits;

/// Builds a [`Verifier`].
#[must_use]
pub struct VerifierBuilder {
    issuers: Vec<Issuer>,
    clock: Arc<dyn Clock>,
    limits: Limits,
}

impl VerifierBuilder {
    pub(super) fn new() -> Self {
        Self { issuers: Vec::new(), clock: Arc::new(SystemClock::new()), limits: Limits::default() }
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
        for issuer in self.issuers {
            let issuer = Arc::new(TrustedIssuer::new(issuer, alone)?);
            for spelling in issuer.spellings() {
                if by_spelling.insert(spelling.into(), issuers.len()).is_some() {
                    return Err(BuildError::new(format!(
                        "issuer {}: trust: it is there twice",
                        quoted(spelling)
                    )));
                }
            }
            issuers.push(issuer);
        }
        let inner = Inner { issuers, by_spelling, clock: self.clock, limits: self.limits };
        Ok(Verifier { inner: Arc::new(inner), claims: PhantomData })
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
