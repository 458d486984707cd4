//! The settings of refresh tokens.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{Clock, NoRevocation, Revocation, Revoke, SystemClock};

use super::{Inner, RefreshStore, RefreshTokens};
use crate::error::IssuerError;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long sessions last, and by which clock.
pub(super) struct Policy {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) lifetime: Duration,
    pub(super) idle: Duration,
    pub(super) grace: Duration,
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("lifetime", &self.lifetime)
            .field("idle", &self.idle)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

/// Builds [`RefreshTokens`].
#[must_use = "nothing is built until `build` is called"]
pub struct RefreshTokensBuilder<S, R, V = NoRevocation> {
    issuer: String,
    store: S,
    revoke: R,
    rule: V,
    policy: Policy,
}

impl<S: RefreshStore, R: Revoke> RefreshTokensBuilder<S, R> {
    pub(super) fn new(issuer: String, store: S, revoke: R) -> Self {
        let policy = Policy {
            clock: Arc::new(SystemClock::new()),
            lifetime: 90 * DAY,
            idle: 14 * DAY,
            grace: Duration::from_secs(10),
        };
        Self { issuer, store, revoke, rule: NoRevocation, policy }
    }
}

impl<S: RefreshStore, R: Revoke, V: Revocation> RefreshTokensBuilder<S, R, V> {
    /// How long after signing in one has to sign in again, however often one refreshed: 90 days unless set.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.policy.lifetime = lifetime;
        self
    }

    /// How long a session may lie idle: 14 days unless set.
    pub fn idle(mut self, idle: Duration) -> Self {
        self.policy.idle = idle;
        self
    }

    /// How long a token that was replaced may come back without ending the session: 10 seconds unless set. It is
    /// refused in any case.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.policy.grace = grace;
        self
    }

    /// By whose time: the system's unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.policy.clock = Arc::new(clock);
        self
    }

    /// The rule that the verifiers ask. A session that it would refuse can't be refreshed: it is shown a token of the
    /// session that was issued when they signed in, so that a cutoff since then holds.
    ///
    /// Rules by which tokens are listed, such as an allowlist, know no sessions and have no place here.
    pub fn revocation<V2: Revocation>(self, rule: V2) -> RefreshTokensBuilder<S, R, V2> {
        let Self { issuer, store, revoke, policy, .. } = self;
        RefreshTokensBuilder { issuer, store, revoke, rule, policy }
    }

    /// Builds it.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`](crate::IssuerErrorKind::InvalidSetting) if the issuer is empty, if a time is zero, or if a
    /// session could lie idle longer than it lives.
    pub fn build(self) -> Result<RefreshTokens<S, R, V>, IssuerError> {
        let Self { issuer, store, revoke, rule, policy } = self;
        let Policy { lifetime, idle, grace, .. } = &policy;
        if issuer.is_empty() {
            return Err(IssuerError::setting("the issuer of refresh tokens is empty"));
        }
        if lifetime.is_zero() || idle.is_zero() || grace.is_zero() {
            return Err(IssuerError::setting(
                "the lifetime, the idle time and the grace of refresh tokens must not be zero",
            ));
        }
        if idle > lifetime {
            return Err(IssuerError::setting(
                "a session can't lie idle longer than it lives: the idle time is above the lifetime",
            ));
        }
        Ok(RefreshTokens { inner: Arc::new(Inner { issuer, store, revoke, rule, policy }) })
    }
}

impl<S, R, V> fmt::Debug for RefreshTokensBuilder<S, R, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshTokensBuilder")
            .field("issuer", &self.issuer)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
