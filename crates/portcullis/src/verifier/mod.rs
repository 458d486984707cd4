//! The verifier: from the text of a token to an [`Authentic`] one. What it does with a token is in `pipeline`.

mod builder;
mod carrier;
mod expectations;
mod explain;
mod header_rules;
mod issuer;
mod key_issuer;
mod look_alike;
mod pipeline;
mod registry;
mod rules;
mod table;
mod tenants;
mod trust;
mod trusted;
mod window;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::de::DeserializeOwned;

pub use builder::VerifierBuilder;
pub use explain::{Explanation, Rule, RuleOutcome, RuleReport};
pub use issuer::{ClaimPath, Issuer};
pub use look_alike::LookAlike;
use pipeline::{Inner, Seeking};
pub use registry::Issuers;
pub(crate) use trusted::TrustedIssuer;
pub(crate) use window::Window;

use crate::error::Rejection;
use crate::keys::Refusal;
use crate::source::Source;
use crate::{Algorithm, Authentic, BuildError, Keys};

/// Verifies tokens and reads their claims as `C`.
///
/// It trusts the issuers that it was built with and nobody else. Cloning it is cheap.
///
/// # Example
///
/// ```
/// use portcullis::{Algorithm, Issuer, Keys, Verifier};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Payroll {
///     sub: String,
///     #[serde(default)]
///     roles: Vec<String>,
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret = "a secret that is shared, of 32 bytes or more";
/// let verifier = Verifier::builder()
///     .trust(
///         Issuer::new("https://idp.example.com")
///             .audience("payroll")
///             .keys(Keys::from_secret(Algorithm::HS256, secret)?),
///     )
///     .build::<Payroll>()?;
///
/// let refused = verifier.verify("not a token").unwrap_err();
/// assert_eq!(refused.kind(), portcullis::RejectionKind::MalformedToken);
/// # Ok(())
/// # }
/// ```
pub struct Verifier<C = ()> {
    inner: Arc<Inner<C>>,
}

impl Verifier {
    /// Starts to build a verifier.
    pub fn builder() -> VerifierBuilder {
        VerifierBuilder::new()
    }

    /// A verifier for one issuer that signs with a shared secret, by HS256.
    ///
    /// # Errors
    ///
    /// If the secret is shorter than 32 bytes, or another setting makes no sense.
    ///
    /// # Example
    ///
    /// ```
    /// # #[derive(serde::Deserialize)] struct Payroll { sub: String }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let secret = "a secret that is shared, of 32 bytes or more";
    /// use portcullis::Verifier;
    ///
    /// let verifier = Verifier::from_secret::<Payroll>("https://me.example", "payroll", secret)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_secret<C: DeserializeOwned + Send + Sync + 'static>(
        issuer: &str,
        audience: &str,
        secret: impl AsRef<[u8]>,
    ) -> Result<Verifier<C>, BuildError> {
        let keys = Keys::from_secret(Algorithm::HS256, secret)?;
        Self::builder().trust(Issuer::new(issuer).audience(audience).keys(keys)).build()
    }
}

impl<C: DeserializeOwned + Send + Sync + 'static> Verifier<C> {
    /// Verifies a token: everything but whether it was revoked. Issuers that are
    /// [bound to a place](Issuer::taken_from) of the request are not looked at.
    ///
    /// It does not wait. Where the keys of the issuer have a [source](crate::keys::KeySource) that has to look
    /// for the key of this token first, the token is refused with
    /// [`KeysUnavailable`](crate::RejectionKind::KeysUnavailable), and may be good a moment later:
    /// [`verify_async`](Self::verify_async) waits for that.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] whose kind says what was wrong.
    pub fn verify(&self, token: impl AsRef<[u8]>) -> Result<Authentic<C>, Rejection> {
        self.begin(None, token.as_ref()).map_err(Refusal::now)
    }

    /// Verifies a token that was taken from this place of a request. Where issuers are
    /// [bound](Issuer::taken_from) to it, only those are looked at, and otherwise only those that are
    /// bound to none. It does not wait, as [`verify`](Self::verify) does not.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] whose kind says what was wrong.
    pub fn verify_from(
        &self,
        source: &Source,
        token: impl AsRef<[u8]>,
    ) -> Result<Authentic<C>, Rejection> {
        self.begin(Some(source), token.as_ref()).map_err(Refusal::now)
    }

    /// Verifies a token: everything but whether it was revoked. Where its key is not known yet, and the keys of
    /// its issuer come from elsewhere, it waits until that was asked, once and for a limited time. It is what
    /// the layer does; no other token waits.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] whose kind says what was wrong.
    ///
    /// # Example
    ///
    /// ```
    /// # use portcullis::{RejectionKind, Verifier};
    /// # #[derive(serde::Deserialize)] struct Payroll { sub: String }
    /// async fn whose_message(verifier: &Verifier<Payroll>, token: &str) -> Option<String> {
    ///     verifier.verify_async(token).await.ok().map(|payroll| payroll.sub.clone())
    /// }
    /// ```
    pub async fn verify_async(
        &self,
        token: impl AsRef<[u8]> + Send,
    ) -> Result<Authentic<C>, Rejection> {
        self.wait_and_verify(None, token.as_ref()).await
    }

    /// As [`verify_async`](Self::verify_async), for a token that was taken from this place of a request: see
    /// [`verify_from`](Self::verify_from).
    ///
    /// # Errors
    ///
    /// A [`Rejection`] whose kind says what was wrong.
    pub async fn verify_async_from(
        &self,
        source: &Source,
        token: impl AsRef<[u8]> + Send,
    ) -> Result<Authentic<C>, Rejection> {
        self.wait_and_verify(Some(source), token.as_ref()).await
    }

    async fn wait_and_verify(
        &self,
        source: Option<&Source>,
        token: &[u8],
    ) -> Result<Authentic<C>, Rejection> {
        match self.begin(source, token) {
            Ok(authentic) => Ok(authentic),
            Err(Refusal::Final(rejection)) => Err(rejection),
            Err(Refusal::Missing(missing)) => {
                missing.wait().await?;
                self.finish(source, token)
            }
        }
    }

    /// Verifies a token, or says that its key has to be waited for.
    pub(crate) fn begin(
        &self,
        source: Option<&Source>,
        token: &[u8],
    ) -> Result<Authentic<C>, Refusal> {
        self.inner.verify_by(source, token, Seeking::Allowed)
    }

    /// Verifies a token whose key was waited for. If it is not there now, it is not there.
    pub(crate) fn finish(
        &self,
        source: Option<&Source>,
        token: &[u8],
    ) -> Result<Authentic<C>, Rejection> {
        self.inner.verify_by(source, token, Seeking::Over).map_err(Refusal::now)
    }
}

impl<C> Verifier<C> {
    /// A number for a layer, that no other layer over this verifier has.
    pub(crate) fn number_a_layer(&self) -> u64 {
        self.inner.layers.fetch_add(1, Ordering::Relaxed)
    }

    /// The places that a layer looks at, unless it is told others.
    pub(crate) fn sources(&self) -> Vec<Source> {
        self.inner.trust.sources()
    }

    /// True if an issuer that is bound to this place says that its credential is ambient.
    pub(crate) fn is_ambient(&self, source: &Source) -> bool {
        self.inner.trust.is_ambient(source)
    }

    /// True if the tokens in this place are padded.
    pub(crate) fn is_padded(&self, source: &Source) -> bool {
        self.inner.trust.is_padded(Some(source))
    }
}

impl<C> Clone for Verifier<C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<C> fmt::Debug for Verifier<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuers", &self.inner.trust.names())
            .finish_non_exhaustive()
    }
}
