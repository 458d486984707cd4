//! What verification gives: [`Authentic`] when the token itself is good, [`Verified`] when it was
//! not revoked either.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use portcullis_core::{
    Assertable, Outage, Requirement, Revocation, Target, TargetBuf, TargetKind, Timestamp,
    TokenView, Verdict,
};

use crate::error::{Diagnosis, Rejection, RejectionKind};
use crate::verifier::TrustedIssuer;

/// The registered claims of a verified token, whatever the type of the claims is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registered {
    pub(crate) subject: Option<Box<str>>,
    pub(crate) audience: Box<[Box<str>]>,
    pub(crate) token_id: Option<Box<str>>,
    pub(crate) session: Option<Box<str>>,
    pub(crate) client: Option<Box<str>>,
    pub(crate) fingerprint: Option<Box<str>>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) issued_at: Option<Timestamp>,
    pub(crate) auth_time: Option<Timestamp>,
    pub(crate) generation: Option<u64>,
}

/// A token whose signature and claims are good.
pub(crate) struct Token<C> {
    pub(crate) claims: C,
    pub(crate) registered: Registered,
    pub(crate) issuer: Arc<TrustedIssuer>,
    /// The RFC 7638 thumbprint of the key that signed it.
    pub(crate) key: Arc<str>,
}

impl<C> Token<C> {
    pub(crate) fn view(&self) -> TokenView<'_> {
        let r = &self.registered;
        let mut view = TokenView::new(self.issuer.name()).with_key(&self.key);
        if let Some(id) = &r.token_id {
            view = view.with_token_id(id);
        }
        if let Some(fingerprint) = &r.fingerprint {
            view = view.with_fingerprint(fingerprint);
        }
        if let Some(session) = &r.session {
            view = view.with_session(session);
        }
        if let Some(subject) = &r.subject {
            view = view.with_subject(subject);
        }
        if let Some(client) = &r.client {
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
pub struct Authentic<C>(pub(crate) Arc<Token<C>>);

impl<C> Authentic<C> {
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
        let verdict = revocation.check(&self.0.view()).await;
        self.judged(verdict)
    }

    /// Takes it as verified where tokens cannot be revoked.
    #[must_use]
    pub fn without_revocation(self) -> Verified<C> {
        Verified { token: self.0, unchecked: None }
    }

    pub(crate) fn judged(self, verdict: Verdict) -> Result<Verified<C>, Rejection> {
        match verdict {
            Verdict::Allowed => Ok(Verified { token: self.0, unchecked: None }),
            Verdict::AllowedUnchecked(outage) => {
                Ok(Verified { token: self.0, unchecked: Some(Arc::new(outage)) })
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
    token: Arc<Token<C>>,
    unchecked: Option<Arc<Outage>>,
}

impl<C> Verified<C> {
    /// The issuer, by the name that it was configured with.
    #[must_use]
    pub fn issuer(this: &Self) -> &str {
        this.token.issuer.name()
    }

    /// `sub`: whom the token speaks for.
    #[must_use]
    pub fn subject(this: &Self) -> Option<&str> {
        this.token.registered.subject.as_deref()
    }

    /// `aud`: whom the token is for.
    pub fn audience(this: &Self) -> impl Iterator<Item = &str> {
        this.token.registered.audience.iter().map(|aud| &**aud)
    }

    /// `jti`: the identifier of this one token.
    #[must_use]
    pub fn token_id(this: &Self) -> Option<&str> {
        this.token.registered.token_id.as_deref()
    }

    /// `sid`: the session.
    #[must_use]
    pub fn session(this: &Self) -> Option<&str> {
        this.token.registered.session.as_deref()
    }

    /// `client_id`, else `azp`: who obtained the token.
    #[must_use]
    pub fn client(this: &Self) -> Option<&str> {
        this.token.registered.client.as_deref()
    }

    /// `exp`: from when on the token is expired.
    #[must_use]
    pub fn expires_at(this: &Self) -> Option<Timestamp> {
        this.token.registered.expires_at
    }

    /// `nbf`: from when on the token is valid.
    #[must_use]
    pub fn not_before(this: &Self) -> Option<Timestamp> {
        this.token.registered.not_before
    }

    /// `iat`: when the token was issued.
    #[must_use]
    pub fn issued_at(this: &Self) -> Option<Timestamp> {
        this.token.registered.issued_at
    }

    /// `auth_time`: when the subject last signed in.
    #[must_use]
    pub fn auth_time(this: &Self) -> Option<Timestamp> {
        this.token.registered.auth_time
    }

    /// The subject's generation when the token was issued, from the claim that its issuer names.
    #[must_use]
    pub fn generation(this: &Self) -> Option<u64> {
        this.token.registered.generation
    }

    /// The [RFC 7638](https://www.rfc-editor.org/rfc/rfc7638) thumbprint (SHA-256, base64url) of the key
    /// that signed the token.
    #[must_use]
    pub fn key_thumbprint(this: &Self) -> &str {
        &this.token.key
    }

    /// What to aim a revocation of this kind at, if the token has the claim for it.
    #[must_use]
    pub fn target(this: &Self, kind: TargetKind) -> Option<Target<'_>> {
        this.token.view().target(kind)
    }

    /// What to aim a revocation of this one token at: its `jti`, or else the fingerprint of its
    /// signing input.
    #[must_use]
    pub fn token_target(this: &Self) -> TargetBuf {
        let view = this.token.view();
        view.target(TargetKind::Token)
            .or_else(|| view.target(TargetKind::Fingerprint))
            // a verified token without `jti` always has a fingerprint; issuer-wide would be stricter
            .unwrap_or_else(|| Target::issuer_wide(this.token.issuer.name()))
            .to_owned()
    }

    /// The view of the token that revocation gets to see.
    #[must_use]
    pub fn view(this: &Self) -> TokenView<'_> {
        this.token.view()
    }

    /// The roles and scopes that the token's issuer may assert.
    #[must_use]
    pub fn assertable(this: &Self) -> &Assertable {
        this.token.issuer.assertable()
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
        }
        let rejection = diagnosis.reject(RejectionKind::InsufficientScope);
        Err(rejection.with_scopes(info.challenge_scopes()))
    }
}

impl<C> Deref for Verified<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.token.claims
    }
}

impl<C> Deref for Authentic<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0.claims
    }
}

impl<C> Clone for Verified<C> {
    fn clone(&self) -> Self {
        Self { token: Arc::clone(&self.token), unchecked: self.unchecked.clone() }
    }
}

impl<C> Clone for Authentic<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
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
        f.debug_struct("Authentic").field("issuer", &self.0.issuer.name()).finish_non_exhaustive()
    }
}

/// Stands in a request's extensions where a layer let it through without looking at a credential or
/// without there being one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Anonymous;
