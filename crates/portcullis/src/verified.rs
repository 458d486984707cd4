//! What verification gives: [`Authentic`] when the token itself is good, [`Verified`] when it was
//! not revoked either.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use portcullis_core::{
    Assertable, Outage, Requirement, Revocation, Target, TargetBuf, TargetKind, Timestamp,
    TokenHash, TokenView, Verdict,
};

use crate::cache::Handle;
use crate::error::{Diagnosis, Rejection, RejectionKind};
use crate::keys::VerificationKey;
use crate::registered::Registered;
use crate::verifier::TrustedIssuer;

/// A token whose signature and claims are good.
pub(crate) struct Token<C> {
    pub(crate) claims: C,
    pub(crate) registered: Registered,
    pub(crate) issuer: Arc<TrustedIssuer>,
    /// The key that signed it.
    pub(crate) key: Arc<VerificationKey>,
    /// Of its identifier: revocation asks about it again and again.
    pub(crate) hash: TokenHash,
}

impl<C> Token<C> {
    /// The name under which revocation knows the issuer.
    fn issuer_name(&self) -> &str {
        self.registered.issuer().unwrap_or_else(|| self.issuer.name())
    }

    // where nobody asks for anything of it, nothing of it is done
    #[inline(always)]
    pub(crate) fn view(&self) -> TokenView<'_> {
        let r = &self.registered;
        let mut view = TokenView::new(self.issuer_name()).with_key(self.key.thumbprint());
        if let Some(id) = r.token_id() {
            view = view.with_token_id(id).with_token_hash(&self.hash);
        }
        if let Some(fingerprint) = r.fingerprint() {
            view = view.with_fingerprint(fingerprint);
        }
        if let Some(session) = r.session() {
            view = view.with_session(session);
        }
        if let Some(subject) = r.subject() {
            view = view.with_subject(subject);
        }
        if let Some(client) = r.client() {
            view = view.with_client(client);
        }
        if let Some(time) = r.issued_at {
            view = view.with_issued_at(time);
        }
        if let Some(time) = r.auth_time {
            view = view.with_auth_time(time);
        }
        if let Some(time) = r.expires_at {
            view = view.with_expires_at(time);
        }
        if let Some(generation) = r.generation {
            view = view.with_generation(generation);
        }
        view
    }
}

/// A token whose signature and claims are good, before anybody asked whether it was revoked.
///
/// The layer does the asking by itself. Elsewhere (a message queue, a WebSocket's first frame) turn
/// it into a [`Verified`] by [`check`](Self::check), or say in so many words that there is
/// [no revocation](Self::without_revocation).
pub struct Authentic<C>(Held<C>);

/// A token, held directly, or by way of what the thread that verified it remembers.
enum Held<C> {
    Fresh(Arc<Token<C>>),
    Remembered(Arc<Handle<C>>),
}

impl<C> Held<C> {
    fn token(&self) -> &Token<C> {
        match self {
            Self::Fresh(token) => token,
            Self::Remembered(handle) => &handle.entry.token,
        }
    }
}

impl<C> Clone for Held<C> {
    fn clone(&self) -> Self {
        match self {
            Self::Fresh(token) => Self::Fresh(Arc::clone(token)),
            Self::Remembered(handle) => Self::Remembered(Arc::clone(handle)),
        }
    }
}

impl<C> Authentic<C> {
    pub(crate) fn fresh(token: Arc<Token<C>>) -> Self {
        Self(Held::Fresh(token))
    }

    pub(crate) fn remembered(handle: Arc<Handle<C>>) -> Self {
        Self(Held::Remembered(handle))
    }

    /// What the thread remembers of it, if it does.
    pub(crate) fn handle(&self) -> Option<&Handle<C>> {
        match &self.0 {
            Held::Fresh(_) => None,
            Held::Remembered(handle) => Some(handle),
        }
    }

    #[inline(always)]
    pub(crate) fn view(&self) -> TokenView<'_> {
        self.0.token().view()
    }

    /// Asks the rules of revocation.
    ///
    /// # Errors
    ///
    /// [`Revoked`](RejectionKind::Revoked), or
    /// [`RevocationUnavailable`](RejectionKind::RevocationUnavailable) if a store could not be asked.
    pub async fn check(self, revocation: &impl Revocation) -> Result<Verified<C>, Rejection>
    where
        C: Send + Sync,
    {
        let verdict = revocation.check(&self.view()).await;
        self.judged(verdict)
    }

    /// Takes it as verified where tokens cannot be revoked.
    #[must_use]
    pub fn without_revocation(self) -> Verified<C> {
        self.allowed()
    }

    /// As the rules let it pass.
    #[inline]
    pub(crate) fn allowed(self) -> Verified<C> {
        Verified { held: self.0, unchecked: None }
    }

    pub(crate) fn judged(self, verdict: Verdict) -> Result<Verified<C>, Rejection> {
        match verdict {
            Verdict::Allowed => Ok(self.allowed()),
            Verdict::AllowedUnchecked(outage) => {
                Ok(Verified { held: self.0, unchecked: Some(Arc::new(outage)) })
            }
            Verdict::Denied(denial) => {
                Err(Diagnosis::new().found(denial.to_string()).reject(RejectionKind::Revoked))
            }
            Verdict::Unavailable(outage) => {
                Err(Rejection::new(RejectionKind::RevocationUnavailable).with_source(outage))
            }
            // `Verdict` may grow; what this version does not know is no pass
            other => Err(Diagnosis::new()
                .found(format!("the verdict {other:?}"))
                .reject(RejectionKind::RevocationUnavailable)),
        }
    }
}

/// A token that passed everything: carrier, signature, rules, claims and revocation. It derefs to
/// the claims.
///
/// There is no way to make one but to verify a token: holding it is the proof. What belongs to the
/// token and not to the claims is read by associated functions, as with `Arc`, so that no name of
/// yours is hidden.
///
/// # Example
///
/// ```
/// use portcullis::Verified;
///
/// # #[derive(serde::Deserialize)] struct Payroll { name: String }
/// fn greet(caller: &Verified<Payroll>) -> String {
///     format!("{} ({:?})", caller.name, Verified::subject(caller))
/// }
/// ```
pub struct Verified<C> {
    held: Held<C>,
    unchecked: Option<Arc<Outage>>,
}

impl<C> Verified<C> {
    // an associated function, so that no claim of this name is hidden
    fn token(this: &Self) -> &Token<C> {
        this.held.token()
    }

    /// The issuer, by the name that it was configured with; one of many
    /// [tenants](crate::Issuer::per_tenant) by its own.
    #[must_use]
    pub fn issuer(this: &Self) -> &str {
        Self::token(this).issuer_name()
    }

    /// `sub`: whom the token speaks for.
    #[must_use]
    pub fn subject(this: &Self) -> Option<&str> {
        Self::token(this).registered.subject()
    }

    /// `aud`: whom the token is for.
    pub fn audience(this: &Self) -> impl Iterator<Item = &str> {
        Self::token(this).registered.audience()
    }

    /// `jti`, or what the issuer has in its place: the identifier of this one token.
    #[must_use]
    pub fn token_id(this: &Self) -> Option<&str> {
        Self::token(this).registered.token_id()
    }

    /// `sid`, or what the issuer has in its place: the session.
    #[must_use]
    pub fn session(this: &Self) -> Option<&str> {
        Self::token(this).registered.session()
    }

    /// `client_id`, else `azp`, or what the issuer has in their place: who obtained the token.
    #[must_use]
    pub fn client(this: &Self) -> Option<&str> {
        Self::token(this).registered.client()
    }

    /// `exp`: from when on the token is expired.
    #[must_use]
    pub fn expires_at(this: &Self) -> Option<Timestamp> {
        Self::token(this).registered.expires_at
    }

    /// `nbf`: from when on the token is valid.
    #[must_use]
    pub fn not_before(this: &Self) -> Option<Timestamp> {
        Self::token(this).registered.not_before
    }

    /// `iat`: when the token was issued.
    #[must_use]
    pub fn issued_at(this: &Self) -> Option<Timestamp> {
        Self::token(this).registered.issued_at
    }

    /// `auth_time`: when the subject last signed in.
    #[must_use]
    pub fn auth_time(this: &Self) -> Option<Timestamp> {
        Self::token(this).registered.auth_time
    }

    /// The subject's generation when the token was issued, from the claim that its issuer names.
    #[must_use]
    pub fn generation(this: &Self) -> Option<u64> {
        Self::token(this).registered.generation
    }

    /// The [RFC 7638](https://www.rfc-editor.org/rfc/rfc7638) thumbprint (SHA-256, base64url) of the key
    /// that signed the token.
    #[must_use]
    pub fn key_thumbprint(this: &Self) -> &str {
        Self::token(this).key.thumbprint()
    }

    /// What to aim a revocation of this kind at, if the token has the claim for it.
    #[must_use]
    pub fn target(this: &Self, kind: TargetKind) -> Option<Target<'_>> {
        Self::token(this).view().target(kind)
    }

    /// What to aim a revocation of this one token at: its `jti`, or else the fingerprint of its
    /// signing input.
    #[must_use]
    pub fn token_target(this: &Self) -> TargetBuf {
        let view = Self::token(this).view();
        view.target(TargetKind::Token)
            .or_else(|| view.target(TargetKind::Fingerprint))
            // a verified token without `jti` always has a fingerprint; issuer-wide would be stricter
            .unwrap_or_else(|| Target::issuer_wide(Self::token(this).issuer_name()))
            .to_owned()
    }

    /// The view of the token that revocation gets to see.
    #[must_use]
    pub fn view(this: &Self) -> TokenView<'_> {
        Self::token(this).view()
    }

    /// The roles and scopes that the token's issuer may assert.
    #[must_use]
    pub fn assertable(this: &Self) -> &Assertable {
        Self::token(this).issuer.assertable()
    }

    /// Why revocation was not checked: a store was out, and the policy is to let tokens pass. `None`
    /// is the rule.
    #[must_use]
    pub fn unchecked(this: &Self) -> Option<&Outage> {
        this.unchecked.as_deref()
    }

    /// Checks a requirement, counting only what the issuer may assert.
    ///
    /// # Errors
    ///
    /// [`InsufficientScope`](RejectionKind::InsufficientScope), with the scopes for the challenge.
    pub fn require<R: Requirement<C>>(this: &Self) -> Result<(), Rejection> {
        if R::is_met(this, Self::assertable(this)) {
            return Ok(());
        }
        let info = R::info();
        let mut diagnosis = Diagnosis::new().expected(info.to_string());
        if R::is_met(this, &Assertable::anything()) {
            diagnosis = diagnosis.hint(format!(
                "the token has it, but its issuer {} may not assert it: see Issuer::may_assert_roles \
                 and Issuer::may_assert_scopes",
                crate::error::quoted(Self::issuer(this))
            ));
        } else if let Some(claim) = Self::token(this).registered.self_asserted() {
            diagnosis = diagnosis.hint(format!(
                "the token has `{claim}` among claims that its subject can write himself, where it \
                 never counts: see Issuer::self_asserted"
            ));
        }
        let rejection = diagnosis.reject(RejectionKind::InsufficientScope);
        Err(rejection.with_scopes(info.challenge_scopes()))
    }
}

impl<C> Deref for Verified<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.held.token().claims
    }
}

impl<C> Deref for Authentic<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0.token().claims
    }
}

impl<C> Clone for Verified<C> {
    fn clone(&self) -> Self {
        Self { held: self.held.clone(), unchecked: self.unchecked.clone() }
    }
}

impl<C> Clone for Authentic<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Names the issuer and shows no claim: claims may be private.
impl<C> fmt::Debug for Verified<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("issuer", &Self::issuer(self)).finish_non_exhaustive()
    }
}

/// Names the issuer and shows no claim: claims may be private.
impl<C> fmt::Debug for Authentic<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentic")
            .field("issuer", &self.0.token().issuer_name())
            .finish_non_exhaustive()
    }
}

/// Stands in a request's extensions where a layer let it through without looking at a credential or
/// without there being one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Anonymous;
