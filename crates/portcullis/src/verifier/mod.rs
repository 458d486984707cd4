//! The verifier: from the text of a token to an [`Authentic`] one.
//!
//! Data moves forward only: split, read the header, choose the issuer, check the signature, read the
//! claims, apply the rules. Each step is a module with one job and fails with its own kind.

mod builder;
mod carrier;
mod expectations;
mod explain;
mod header_rules;
mod issuer;
mod key_issuer;
mod look_alike;
mod registry;
mod rules;
mod table;
mod tenants;
mod trust;
mod trusted;
mod window;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::{AccessClaims, Clock};
use serde::de::DeserializeOwned;

pub use builder::VerifierBuilder;
pub use explain::{Explanation, Rule, RuleOutcome, RuleReport};
pub use issuer::{ClaimPath, Issuer};
pub use look_alike::LookAlike;
pub use registry::Issuers;
use trust::Trust;
pub(crate) use trusted::TrustedIssuer;
pub(crate) use window::Window;

use crate::cache::{Handle, Remember};
use crate::claims::{self, Captured, Capturing};
use crate::error::Rejection;
use crate::jws::{Compact, Header, Limits, OfThread, Parts, Scratch, check_signature, find_signer};
use crate::keys::Refusal;
use crate::registered::{Names, Registered};
use crate::source::Source;
use crate::verified::Token;
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

struct Inner<C> {
    trust: Trust,
    clock: Arc<dyn Clock>,
    limits: Limits,
    scratch: Scratch,
    cache: Option<Box<dyn Remember<C>>>,
    layers: AtomicU64,
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
        self.verify_by(source, token, Seeking::Allowed)
    }

    /// Verifies a token whose key was waited for. If it is not there now, it is not there.
    pub(crate) fn finish(
        &self,
        source: Option<&Source>,
        token: &[u8],
    ) -> Result<Authentic<C>, Rejection> {
        self.verify_by(source, token, Seeking::Over).map_err(Refusal::now)
    }

    fn verify_by(
        &self,
        source: Option<&Source>,
        token: &[u8],
        seeking: Seeking,
    ) -> Result<Authentic<C>, Refusal> {
        let anew = || self.inner.verify(source, token, seeking);
        let Some(cache) = &self.inner.cache else {
            return anew().map(Authentic::fresh);
        };
        // a token over the limit is in no cache
        let place = cache.place(token);
        if let Some(handle) = cache.get(place, token) {
            let issuer = &handle.entry.token.issuer;
            if !self.inner.trust.may_come_from(issuer, source) {
                // it is refused here, and good where it belongs: what is remembered of it stays
                return anew().map(Authentic::fresh);
            }
            // first of all: keys that are too old to be trusted may have been withdrawn long ago
            issuer.check_keys()?;
            if self.inner.is_trusted(&handle) {
                self.inner.check_times(&handle.entry.token)?;
                return Ok(Authentic::remembered(handle));
            }
            cache.remove(place, token);
        }
        let verified = anew()?;
        cache.offer(place, token, &verified);
        Ok(Authentic::fresh(verified))
    }
}

/// Whether a key that is not in the set may be looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seeking {
    Allowed,
    Over,
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

impl<C: DeserializeOwned + Send + Sync + 'static> Inner<C> {
    /// Everything, from the text on.
    fn verify(
        &self,
        source: Option<&Source>,
        token: &[u8],
        seeking: Seeking,
    ) -> Result<Arc<Token<C>>, Refusal> {
        self.scratch.with(|OfThread { headers, parts }| {
            let padded = self.trust.is_padded(source);
            let known = if padded { None } else { headers.take_apart(token, self.limits) };
            if let Some((compact, header)) = known {
                let verified = self.verify_with(source, &compact, header, seeking, parts);
                return verified.map_err(|refusal| self.refuse(token, refusal));
            }
            let compact = self.split(source, token)?;
            if let Some(header) = headers.get(&compact) {
                return self.verify_with(source, &compact, header, seeking, parts);
            }
            let header = Header::read(&compact)?;
            let verified = self.verify_with(source, &compact, &header, seeking, parts)?;
            headers.insert(&compact, header);
            Ok(verified)
        })
    }

    /// The same, with the memory that it takes.
    fn verify_with(
        &self,
        source: Option<&Source>,
        compact: &Compact<'_>,
        header: &Header,
        seeking: Seeking,
        parts: &mut Parts,
    ) -> Result<Arc<Token<C>>, Refusal> {
        parts.decode(compact, &self.scratch.decoder);
        let issuer = match self.trust.only(source) {
            Some(only) => Arc::clone(only),
            None => self.trust.select(compact, parts.payload(compact)?, source)?,
        };
        issuer.check_keys()?;
        let explain = |rejection: Rejection| {
            let rejection = rejection.prefer_hint(|| issuer.hint_of_another(compact));
            self.trust.explain(rejection, compact, source)
        };
        let key = find_signer(
            || issuer.keys(),
            |keys| {
                let allowed = |algorithm| issuer.allows(algorithm);
                check_signature(compact, header, keys, parts, allowed)
                    .map_err(|unsigned| unsigned.map(explain))
            },
            |wanted, rejection| match seeking {
                Seeking::Allowed => issuer.seek(wanted, rejection),
                Seeking::Over => Refusal::Final(rejection),
            },
        )?;
        rules::check_type(&issuer, header)?;
        let mut capturing = Capturing::new(issuer.claim_names());
        let mut claims: C =
            claims::read(parts.payload(compact)?, &mut capturing, &issuer.places())?;
        let captured = capturing.captured();
        if issuer.reads_header() {
            header_rules::check(&issuer, compact, captured)?;
        }
        let window = Window::of(&issuer.settings, &rules::Times::of(captured));
        let within = window.holds_now(&*self.clock);
        let now = (!within).then(|| self.clock.now());
        rules::check_claims(&issuer, captured, now)
            .map_err(|rejection| self.trust.explain(rejection, compact, source))?;
        key_issuer::check(&issuer, &key, captured.issuer.as_deref())?;
        if let Some(access) = (&mut claims as &mut dyn Any).downcast_mut::<AccessClaims>() {
            issuer.fill(access, captured)?;
        }
        let registered = registered(captured, &issuer, compact, window);
        Ok(Arc::new(Token { claims, registered, issuer, key }))
    }

    /// True if the key that signed a remembered token is still one of its issuer's. The generation is
    /// read before the set, as [`Keys::replace`] asks.
    fn is_trusted(&self, handle: &Handle<C>) -> bool {
        let issuer = &handle.entry.token.issuer;
        if issuer.is_withdrawn() {
            return false;
        }
        let generation = issuer.keys_generation();
        if handle.keys_generation.load(Ordering::Relaxed) == generation {
            return true;
        }
        let trusted = issuer.keys().has(&handle.entry.token.key);
        if trusted {
            handle.keys_generation.store(generation, Ordering::Relaxed);
        }
        trusted
    }

    /// The rules that the clock decides, for a token that was verified before.
    fn check_times(&self, token: &Token<C>) -> Result<(), Rejection> {
        if token.registered.window.holds_now(&*self.clock) {
            return Ok(());
        }
        let now = self.clock.now();
        let times = rules::Times {
            expires_at: token.registered.expires_at,
            not_before: token.registered.not_before,
            issued_at: token.registered.issued_at,
        };
        rules::check_times(&token.issuer, &times, now)
    }
}

impl<C> Inner<C> {
    /// Says of a token that was taken apart in haste whether it has three parts at all, before anything else.
    #[cold]
    fn refuse(&self, token: &[u8], refusal: Refusal) -> Refusal {
        match (refusal, Compact::split(token, self.limits)) {
            (Refusal::Final(_), Err(rejection)) => rejection.into(),
            (refusal, _) => refusal,
        }
    }

    /// Takes a token from this place apart.
    fn split<'a>(
        &self,
        source: Option<&Source>,
        token: &'a [u8],
    ) -> Result<Compact<'a>, Rejection> {
        let compact = Compact::split(token, self.limits)?;
        if self.trust.is_padded(source) { compact.without_padding() } else { Ok(compact) }
    }
}

fn registered(
    captured: &Captured<'_>,
    issuer: &TrustedIssuer,
    compact: &Compact<'_>,
    window: Window,
) -> Registered {
    // RFC 7515 §5.2: the signing input, and not the signature, which may have several valid forms
    let fingerprint = || {
        let hash = digest::digest(&digest::SHA256, compact.signing_input);
        URL_SAFE_NO_PAD.encode(hash)
    };
    let fingerprint = captured.token_id.is_none().then(fingerprint);
    let client = if issuer.claim_names().client.is_some() {
        &captured.named_client
    } else {
        captured.client_id.as_ref().map_or(&captured.authorized_party, |_| &captured.client_id)
    };
    let names = Names {
        issuer: captured.issuer.as_deref().and_then(|iss| issuer.identity(iss)),
        self_asserted: captured.self_asserted,
        subject: captured.subject.as_deref(),
        token_id: captured.token_id.as_deref(),
        session: captured.session.as_deref(),
        client: client.as_deref(),
        fingerprint: fingerprint.as_deref(),
        audience: captured.audience().unwrap_or_default(),
    };
    let mut registered = Registered::of(&names);
    registered.expires_at = captured.expires_at;
    registered.not_before = captured.not_before;
    registered.issued_at = captured.issued_at;
    registered.auth_time = captured.auth_time;
    registered.generation = captured.generation;
    registered.window = window;
    registered
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
