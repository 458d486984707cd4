//! Refresh tokens: opaque, stored as hashes, replaced each time they are used.
//!
//! ```text
//! sign-in ──► token 0 ──rotate──► token 1 ──rotate──► token 2     one family, one session (`sid`)
//!                │                   │                   └ works
//!                │                   └ came back within 10 s: a race; refused, the session goes on
//!                └ came back later: somebody stole it; the session ends
//! ```
//!
//! - Each token works once. Whoever uses it gets the next one
//!   ([RFC 9700 §4.14.2](https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2)).
//! - Of any number of requests that race with one token, exactly one wins. The others are refused, and for a
//!   [grace](RefreshTokensBuilder::grace) of ten seconds that is all: tabs and retries do this.
//! - A token that comes back later was copied. Thief and owner can't be told apart, so the session ends for both: its
//!   family is removed and its `sid` denied, which makes the access tokens worthless too.
//! - [Signing out](RefreshTokens::end) ends one session, [signing out everywhere](RefreshTokens::end_all) all of a
//!   subject. The revocation is written first: whatever fails then can be repeated, and nothing stays open unseen.
//! - A subject or session that was revoked by other means can't refresh, if
//!   [the rule is given](RefreshTokensBuilder::revocation): a cutoff counts from the sign-in, not from the last refresh.
//!
//! # Example
//!
//! ```
//! use portcullis::MemoryStore;
//! use portcullis_issuer::refresh::{Grant, MemoryRefreshStore, RefreshErrorKind, RefreshTokens};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let revoke = MemoryStore::new();
//! let refresh = RefreshTokens::builder("https://payroll.example.com", MemoryRefreshStore::new(), revoke).build()?;
//!
//! let session = refresh.begin(Grant::new("bob")).await?;
//! // mint an access token with session.family().session() as its `sid`, and hand out both
//! let next = refresh.rotate(session.token()).await?;
//! assert_eq!(next.family().subject(), "bob");
//!
//! // the first one has been used
//! let error = refresh.rotate(session.token()).await.unwrap_err();
//! assert_eq!(error.kind(), RefreshErrorKind::Raced);
//! # Ok(())
//! # }
//! ```

mod builder;
mod error;
mod family;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod token;

use std::fmt;
use std::sync::Arc;

use portcullis_core::{Entry, NoRevocation, Revocation, Revoke, Target, TokenView, Verdict};

pub use builder::RefreshTokensBuilder;
pub use error::{RefreshError, RefreshErrorKind};
pub use family::{Family, Grant};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteRefreshStore;
pub use store::{MemoryRefreshStore, RefreshStore};

use self::builder::Policy;
use self::token::Presented;

/// Begins, renews and ends sessions. Clones share everything.
pub struct RefreshTokens<S, R, V = NoRevocation> {
    inner: Arc<Inner<S, R, V>>,
}

struct Inner<S, R, V> {
    issuer: String,
    store: S,
    revoke: R,
    rule: V,
    policy: Policy,
}

/// A session, and the one refresh token of it that works.
pub struct Session {
    token: String,
    family: Family,
}

impl Session {
    /// The refresh token. It is not stored anywhere else: hand it out, or it is lost.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whose session it is.
    #[must_use]
    pub fn family(&self) -> &Family {
        &self.family
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("family", &self.family).finish_non_exhaustive()
    }
}

impl<S: RefreshStore, R: Revoke> RefreshTokens<S, R> {
    /// Of the sessions of this issuer (its `iss`), kept in `store`. What ends is written to `revoke`: the store that
    /// the verifiers' rules ask.
    pub fn builder(issuer: impl Into<String>, store: S, revoke: R) -> RefreshTokensBuilder<S, R> {
        RefreshTokensBuilder::new(issuer.into(), store, revoke)
    }
}

impl<S: RefreshStore, R: Revoke, V: Revocation> RefreshTokens<S, R, V> {
    /// Begins a session: somebody has just shown who they are.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](RefreshErrorKind::Unavailable) if it was not stored.
    pub async fn begin(&self, grant: Grant) -> Result<Session, RefreshError> {
        let Inner { store, policy, .. } = &*self.inner;
        let now = policy.clock.now();
        let token = Presented::first().map_err(RefreshError::unavailable)?;
        let session = token::random_id().map_err(RefreshError::unavailable)?;
        let expires_at = now.saturating_add(policy.lifetime);
        let family = Family::new(&token, session, grant, now, expires_at);
        store.insert(&family, now).await.map_err(RefreshError::unavailable)?;
        Ok(Session { token: token.text(), family })
    }

    /// Replaces a refresh token by the next one, for a session that is bound to no client.
    ///
    /// # Errors
    ///
    /// See [`RefreshErrorKind`]: all of them may come of it.
    pub async fn rotate(&self, token: &str) -> Result<Session, RefreshError> {
        self.rotate_for(None, token).await
    }

    /// Replaces a refresh token by the next one, for this client, which has shown who it is.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    pub async fn rotate_for(
        &self,
        client: Option<&str>,
        token: &str,
    ) -> Result<Session, RefreshError> {
        let Inner { store, policy, .. } = &*self.inner;
        let now = policy.clock.now();
        let presented =
            Presented::read(token).ok_or(RefreshError::new(RefreshErrorKind::Unknown))?;
        let family = self.find(&presented).await?;
        if family.client() != client {
            return Err(RefreshError::new(RefreshErrorKind::OtherClient));
        }
        if family.is_over(now, policy.idle) {
            store.remove(family.id()).await.map_err(RefreshError::unavailable)?;
            return Err(RefreshError::new(RefreshErrorKind::Expired));
        }
        if presented.generation() < family.generation() {
            if family.was_just_replaced(presented.generation(), now, policy.grace) {
                return Err(RefreshError::new(RefreshErrorKind::Raced));
            }
            self.end_family(&family).await?;
            return Err(RefreshError::new(RefreshErrorKind::Reused));
        }
        if !family.is_current(&presented) {
            return Err(RefreshError::new(RefreshErrorKind::Unknown));
        }
        self.ask_the_rule(&family).await?;
        // 2³² refreshes of one session: whoever gets there may sign in again.
        let generation = family
            .generation()
            .checked_add(1)
            .ok_or(RefreshError::new(RefreshErrorKind::Expired))?;
        let next = presented.next(generation).map_err(RefreshError::unavailable)?;
        let advanced = family.advanced(&next, now, policy.grace);
        if store.advance(&advanced).await.map_err(RefreshError::unavailable)? {
            Ok(Session { token: next.text(), family: advanced })
        } else {
            // Another request was faster, or the session ended meanwhile.
            Err(RefreshError::new(RefreshErrorKind::Raced))
        }
    }

    /// Signs out: ends the session of this refresh token, and revokes its access tokens. Returns the session that
    /// ended; `None` if there was none, which is no less an end.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](RefreshErrorKind::Unavailable) if a store can't be written to: the session may go on, and doing
    /// it again is harmless.
    pub async fn end(&self, token: &str) -> Result<Option<Family>, RefreshError> {
        let Some(presented) = Presented::read(token) else { return Ok(None) };
        let family = match self.find(&presented).await {
            Ok(family) => family,
            Err(error) if error.is_refusal() => return Ok(None),
            Err(error) => return Err(error),
        };
        // One that was replaced is good enough to sign out with.
        if presented.generation() >= family.generation() && !family.is_current(&presented) {
            return Ok(None);
        }
        self.end_family(&family).await?;
        Ok(Some(family))
    }

    /// Signs a subject out everywhere: revokes all tokens issued to them until now, and ends all of their sessions.
    /// Returns how many there were.
    ///
    /// The verifiers need a rule for cutoffs on subjects, [`IatCutoff`](portcullis_core::IatCutoff), besides the
    /// denylist that ends single sessions.
    ///
    /// # Errors
    ///
    /// As [`end`](Self::end).
    pub async fn end_all(&self, subject: &str) -> Result<usize, RefreshError> {
        let Inner { issuer, store, revoke, .. } = &*self.inner;
        let everything = Entry::not_before_now(Target::subject(issuer, subject));
        revoke.revoke(everything).await.map_err(RefreshError::unavailable)?;
        let families = store.of_subject(subject).await.map_err(RefreshError::unavailable)?;
        for family in &families {
            // A refresh that is under way may mint an access token after the cutoff: this reaches it.
            self.end_family(family).await?;
        }
        Ok(families.len())
    }

    async fn find(&self, presented: &Presented) -> Result<Family, RefreshError> {
        let found = self.inner.store.find(&presented.family()).await;
        found
            .map_err(RefreshError::unavailable)?
            .ok_or(RefreshError::new(RefreshErrorKind::Unknown))
    }

    /// Revokes first: if the second step fails, the first can be repeated, and not the other way round.
    async fn end_family(&self, family: &Family) -> Result<(), RefreshError> {
        let Inner { issuer, store, revoke, .. } = &*self.inner;
        let session = Target::session(issuer, family.session());
        let entry = Entry::deny(session).of_subject(family.subject());
        revoke.revoke(entry).await.map_err(RefreshError::unavailable)?;
        store.remove(family.id()).await.map_err(RefreshError::unavailable)
    }

    /// A session counts as a token that was issued when they signed in.
    async fn ask_the_rule(&self, family: &Family) -> Result<(), RefreshError> {
        let Inner { issuer, store, rule, .. } = &*self.inner;
        let mut view = TokenView::new(issuer)
            .with_token_id(family.id())
            .with_session(family.session())
            .with_subject(family.subject())
            .with_issued_at(family.authenticated_at())
            .with_auth_time(family.authenticated_at())
            .with_expires_at(family.expires_at());
        if let Some(client) = family.client() {
            view = view.with_client(client);
        }
        let verdict = match rule.peek(&view) {
            Some(verdict) => verdict,
            None => rule.check(&view).await,
        };
        match verdict {
            Verdict::Denied(_) => {
                store.remove(family.id()).await.map_err(RefreshError::unavailable)?;
                Err(RefreshError::new(RefreshErrorKind::Revoked))
            }
            Verdict::Unavailable(outage) => Err(RefreshError::unavailable(outage)),
            verdict if verdict.is_allowed() => Ok(()),
            // A verdict that is not known here is no reason to let anybody in.
            _ => Err(RefreshError::new(RefreshErrorKind::Revoked)),
        }
    }
}

impl<S, R, V> Clone for RefreshTokens<S, R, V> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<S, R, V> fmt::Debug for RefreshTokens<S, R, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { issuer, policy, .. } = &*self.inner;
        f.debug_struct("RefreshTokens")
            .field("issuer", issuer)
            .field("policy", policy)
            .finish_non_exhaustive()
    }
}
