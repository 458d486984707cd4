//! A family: all refresh tokens that follow from one sign-in, of which the last one works.

use std::fmt;
use std::time::Duration;

use portcullis_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::token::Presented;

/// How many tokens that were replaced just now are remembered. Whoever rotates more often than that within the grace
/// is taken for a thief.
const REMEMBERED: usize = 32;

/// What is kept of one sign-in: whose it is, and the hash of the one refresh token that works.
///
/// A store keeps it whole (it can be serialised) and finds it again by its [`id`](Self::id) and its
/// [`subject`](Self::subject). Nothing in it lets anybody refresh.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    id: String,
    session: String,
    subject: String,
    client: Option<String>,
    scope: Option<String>,
    data: Option<String>,
    authenticated_at: Timestamp,
    expires_at: Timestamp,
    used_at: Timestamp,
    generation: u32,
    hash: String,
    /// Tokens that were replaced, and when.
    replaced: Vec<(u32, Timestamp)>,
}

impl Family {
    pub(super) fn new(
        token: &Presented,
        session: String,
        grant: Grant,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            id: token.family(),
            session,
            subject: grant.subject,
            client: grant.client,
            scope: grant.scope,
            data: grant.data,
            authenticated_at: now,
            expires_at,
            used_at: now,
            generation: 0,
            hash: token.hash(),
            replaced: Vec::new(),
        }
    }

    /// The family after this token took the place of the one before.
    pub(super) fn advanced(&self, token: &Presented, now: Timestamp, grace: Duration) -> Self {
        let mut next = self.clone();
        next.replaced.retain(|(_, at)| at.saturating_add(grace) > now);
        next.replaced.push((self.generation, now));
        let surplus = next.replaced.len().saturating_sub(REMEMBERED);
        next.replaced.drain(..surplus);
        next.generation = token.generation();
        next.hash = token.hash();
        next.used_at = now;
        next
    }

    /// True if it is the one token that works.
    pub(super) fn is_current(&self, token: &Presented) -> bool {
        token.generation() == self.generation && token.matches(&self.hash)
    }

    /// True if the token was replaced so short a time ago that its holder may just not know it yet.
    pub(super) fn was_just_replaced(
        &self,
        generation: u32,
        now: Timestamp,
        grace: Duration,
    ) -> bool {
        self.replaced
            .iter()
            .any(|(replaced, at)| *replaced == generation && at.saturating_add(grace) > now)
    }

    /// True if nobody may refresh any more.
    pub(super) fn is_over(&self, now: Timestamp, idle: Duration) -> bool {
        now >= self.expires_at || now >= self.used_at.saturating_add(idle)
    }

    /// What a store finds it by. It is not secret, and it is not the session's identifier.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `sid` of the access tokens: what is denied when the session ends.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// `sub`: who signed in.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// `client_id`: who may refresh, if not anybody who holds the token.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// `scope`: what was granted at sign-in.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// What the application wanted to have kept.
    #[must_use]
    pub fn data(&self) -> Option<&str> {
        self.data.as_deref()
    }

    /// `auth_time`: when they signed in. Refreshing does not change it.
    #[must_use]
    pub const fn authenticated_at(&self) -> Timestamp {
        self.authenticated_at
    }

    /// When they have to sign in again, however often they refreshed. From then on a store may forget it.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// How often it was refreshed: what a store compares before it replaces one.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Who it is and what the application keeps stay out of logs.
        f.debug_struct("Family").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// Who signs in, and what their session is for.
///
/// # Example
///
/// ```
/// use portcullis_issuer::refresh::Grant;
///
/// let grant = Grant::new("bob").client("web").scope("read write");
/// # let _ = grant;
/// ```
#[derive(Clone)]
pub struct Grant {
    subject: String,
    client: Option<String>,
    scope: Option<String>,
    data: Option<String>,
}

impl Grant {
    /// A session of this subject.
    #[must_use]
    pub fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), client: None, scope: None, data: None }
    }

    /// Only this client may refresh it ([RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6)): it has to be
    /// named at [`rotate_for`](super::RefreshTokens::rotate_for).
    #[must_use]
    pub fn client(self, client: impl Into<String>) -> Self {
        Self { client: Some(client.into()), ..self }
    }

    /// What was granted.
    #[must_use]
    pub fn scope(self, scope: impl Into<String>) -> Self {
        Self { scope: Some(scope.into()), ..self }
    }

    /// Something of the application's own, to be had back at every refresh. No secrets: it is stored as it is.
    #[must_use]
    pub fn data(self, data: impl Into<String>) -> Self {
        Self { data: Some(data.into()), ..self }
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").finish_non_exhaustive()
    }
}
