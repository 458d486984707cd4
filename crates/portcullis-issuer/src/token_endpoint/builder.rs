//! The settings of the endpoint.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis::Algorithm;

use super::assertion::Rules;
use super::clients::ClientRegistry;
use super::replay::{MemoryReplayStore, ReplayStore};
use super::{Inner, Policy, TokenEndpoint};
use crate::TokenIssuer;
use crate::error::IssuerError;

/// Settings of a [`TokenEndpoint`].
#[must_use]
pub struct TokenEndpointBuilder<R, S = MemoryReplayStore> {
    issuer: TokenIssuer,
    clients: R,
    replays: S,
    rules: Rules,
    policy: Policy,
}

impl<R> TokenEndpointBuilder<R> {
    pub(super) fn new(issuer: TokenIssuer, clients: R) -> Self {
        let rules = Rules {
            audiences: vec![issuer.name().to_owned()],
            algorithms: vec![
                Algorithm::RS256,
                Algorithm::PS256,
                Algorithm::ES256,
                Algorithm::ES384,
                Algorithm::EdDSA,
            ],
            max_lifetime: Duration::from_secs(5 * 60),
            leeway: Duration::from_secs(60),
        };
        let policy = Policy {
            scopes: Box::new(|_| Vec::new()),
            acts_for: Box::new(|client, subject| client == subject),
        };
        Self { issuer, clients, replays: MemoryReplayStore::new(), rules, policy }
    }
}

impl<R, S> TokenEndpointBuilder<R, S> {
    /// Remembers in this store which assertions were used: in one that several instances share, where there are several.
    /// In memory, unless set.
    pub fn replay_store<T>(self, replays: T) -> TokenEndpointBuilder<R, T> {
        let Self { issuer, clients, replays: _, rules, policy } = self;
        TokenEndpointBuilder { issuer, clients, replays, rules, policy }
    }

    /// The scopes that a client may have: none, unless set. One that asks for none gets all of them.
    pub fn scopes(mut self, scopes: impl Fn(&str) -> Vec<String> + Send + Sync + 'static) -> Self {
        self.policy.scopes = Box::new(scopes);
        self
    }

    /// For which subjects a client (the first) may ask for tokens by the JWT bearer grant: for itself only, unless set.
    pub fn acts_for(
        mut self,
        acts_for: impl Fn(&str, &str) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.policy.acts_for = Box::new(acts_for);
        self
    }

    /// Takes assertions for this audience too, such as the URL of the endpoint, for clients that know no better.
    ///
    /// The usual rule is that of the draft that updates RFC 7523 (`draft-ietf-oauth-rfc7523bis`): the name of the issuer is
    /// the only audience. RFC 7523 itself lets clients name the URL that they post to, and a server that they were tricked
    /// into posting to could then use what they sent. However many are accepted, an assertion has one.
    pub fn accept_audience(mut self, audience: impl Into<String>) -> Self {
        self.rules.audiences.push(audience.into());
        self
    }

    /// The algorithms that clients may sign with: RS256, PS256, ES256, ES384 and EdDSA unless set.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.rules.algorithms = algorithms.into_iter().collect();
        self
    }

    /// How far ahead the `exp` of an assertion may lie: five minutes unless set, and the leeway.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.rules.max_lifetime = lifetime;
        self
    }

    /// By how much the clocks of clients may differ from ours: one minute unless set.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.rules.leeway = leeway;
        self
    }

    /// The endpoint.
    ///
    /// # Errors
    ///
    /// If no algorithm is left or one is symmetric, if an audience is empty, or if assertions may live for no time or for
    /// more than an hour. The message names the setting.
    pub fn build(self) -> Result<TokenEndpoint<R, S>, IssuerError>
    where
        R: ClientRegistry,
        S: ReplayStore,
    {
        let Rules { audiences, algorithms, max_lifetime, .. } = &self.rules;
        if algorithms.is_empty() || algorithms.iter().any(|algorithm| algorithm.is_symmetric()) {
            return Err(IssuerError::setting(
                "`algorithms` is empty, or names one that the server could sign with too",
            ));
        }
        if audiences.iter().any(String::is_empty) {
            return Err(IssuerError::setting("`accept_audience` is empty"));
        }
        if max_lifetime.is_zero() || *max_lifetime > Duration::from_secs(3600) {
            return Err(IssuerError::setting("`max_lifetime` is not between nothing and an hour"));
        }
        let Self { issuer, clients, replays, rules, policy } = self;
        Ok(TokenEndpoint { inner: Arc::new(Inner { issuer, clients, replays, rules, policy }) })
    }
}

impl<R, S> fmt::Debug for TokenEndpointBuilder<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEndpointBuilder")
            .field("issuer", &self.issuer)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
