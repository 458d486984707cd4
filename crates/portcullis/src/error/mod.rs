//! Why a request is refused: one opaque [`Rejection`] with a kind, a diagnosis for the log and,
//! elsewhere, an answer for the client.

mod build;
mod diagnosis;
mod kind;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

pub use build::{BuildError, KeyError};
pub use diagnosis::Diagnosis;
pub(crate) use diagnosis::quoted;
pub use kind::RejectionKind;

use portcullis_core::BoxError;

/// Why a request was refused.
///
/// The client learns the [kind](Self::kind) and no more. The [diagnosis](Self::diagnosis) is for the
/// log: it is what the layer writes to `tracing` and leaves in the response's extensions. Neither
/// holds the token.
#[derive(Clone)]
pub struct Rejection {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    kind: RejectionKind,
    diagnosis: Diagnosis,
    scopes: Vec<&'static str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Rejection {
    /// A rejection of this kind about which there is nothing more to say.
    #[must_use]
    pub fn new(kind: RejectionKind) -> Self {
        Diagnosis::new().reject(kind)
    }

    pub(crate) fn with_diagnosis(kind: RejectionKind, diagnosis: Diagnosis) -> Self {
        Self { inner: Arc::new(Inner { kind, diagnosis, scopes: Vec::new(), source: None }) }
    }

    /// With this hint in place of another, if there is one to give.
    pub(crate) fn prefer_hint(mut self, hint: impl FnOnce() -> Option<String>) -> Self {
        if let Some(hint) = hint() {
            let inner = Arc::make_mut(&mut self.inner);
            inner.diagnosis = std::mem::take(&mut inner.diagnosis).hint(hint);
        }
        self
    }

    /// With the scopes that the challenge is to name (RFC 6750 §3).
    #[must_use]
    pub fn with_scopes(mut self, scopes: &[&'static str]) -> Self {
        Arc::make_mut(&mut self.inner).scopes = scopes.to_vec();
        self
    }

    /// With this cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        Arc::make_mut(&mut self.inner).source = Some(source.into().into());
        self
    }

    /// What kind of rejection it is.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        self.inner.kind
    }

    /// What was expected and what was found, for the log.
    #[must_use]
    pub fn diagnosis(&self) -> &Diagnosis {
        &self.inner.diagnosis
    }

    /// The scopes that would be needed, for the challenge of a 403.
    #[must_use]
    pub fn scopes(&self) -> &[&'static str] {
        &self.inner.scopes
    }
}

impl From<RejectionKind> for Rejection {
    fn from(kind: RejectionKind) -> Self {
        Self::new(kind)
    }
}

/// The kind and the diagnosis; a cause, if there is one, is the [`source`](Error::source).
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind().title(), self.diagnosis())
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejection")
            .field("kind", &self.inner.kind)
            .field("diagnosis", &self.inner.diagnosis)
            .field("scopes", &self.inner.scopes)
            .field("source", &self.inner.source)
            .finish()
    }
}

impl Error for Rejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
