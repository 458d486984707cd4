//! [`RemoteKeys`]: the keys of one issuer, fetched and kept fresh.
//!
//! ```text
//! Schedule ─► Driver ─► Attempt: metadata? ─► JWK Set ─► Shared ─► Keys (a snapshot) ─► verifiers
//!    ▲                                                      │
//!    └────────────── a key that is not in the set ──────────┘
//! ```

mod attempt;
mod builder;
mod driver;
mod hub;
mod refresher;
mod schedule;
mod settings;
mod shared;
mod status;
mod waiting;

use std::fmt;
use std::sync::Arc;

use portcullis::Keys;

pub use self::builder::RemoteKeysBuilder;
pub(crate) use self::hub::Hub;
pub use self::refresher::{Driver, Refresher};
pub(crate) use self::settings::Pace;
use self::shared::Shared;
pub use self::status::KeyStatus;
use crate::error::FetchError;

/// The keys of one issuer, fetched and kept fresh. Clones are the same.
///
/// # Rules
///
/// - **Start-up does not wait.** Before the first fetch has succeeded, tokens of this issuer are answered by 503
///   ([`KeysUnavailable`](portcullis::RejectionKind::KeysUnavailable)). [`ready`](Self::ready) waits for it.
/// - **Refresh** follows the issuer's `Cache-Control`, within [bounds](RemoteKeysBuilder::refresh_between), ahead of
///   the time at which it ends. A key that the issuer withdraws stops working at that refresh, for tokens that
///   were verified before as well. A set without keys withdraws all; one that can't be read is a failure.
/// - **Failures** change no key. They are tried again after ever longer pauses, up to a minute. Keys are trusted
///   for [a limited time](RemoteKeysBuilder::trust_for) after they were last confirmed; then tokens are answered
///   by 503, those that were verified before as well.
/// - **A key that is not known** makes the request wait for one fetch, once in a [while](RemoteKeysBuilder::cooldown),
///   however many such tokens come and whatever becomes of the fetch. If the issuer does not have the key it is
///   a 401, if it can't be asked a 503.
/// - **Nothing of a token** reaches the issuer. Addresses are configured, or come from its metadata and are
///   [checked](Self::discover). They are https, except on the loopback; redirects are not followed.
/// - Secrets (`oct`) in the set are skipped, and so is what is not for signatures.
///
/// Requests that wait, and [`ready`](Self::ready), need tokio's timers.
///
/// # Example
///
/// ```no_run
/// use std::time::Duration;
/// use portcullis::{Issuer, Verifier};
/// use portcullis_oidc::RemoteKeys;
///
/// # #[derive(serde::Deserialize)] struct Payroll { sub: String }
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = RemoteKeys::from_jwk_set_url("https://idp.example.com/keys")
///     .trust_for(Duration::from_secs(8 * 3600))
///     .spawn()?;
/// let issuer = Issuer::new("https://idp.example.com").audience("payroll").keys(keys.keys());
/// let verifier = Verifier::builder().trust(issuer).build::<Payroll>()?;
///
/// // for a health check
/// if !keys.status().is_ready() {
///     tracing::warn!(error = ?keys.status().last_error(), "no keys");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RemoteKeys {
    shared: Arc<Shared>,
}

impl RemoteKeys {
    /// The keys in the JWK Set ([RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)) at this URL.
    pub fn from_jwk_set_url(url: impl Into<String>) -> RemoteKeysBuilder {
        RemoteKeysBuilder::at(url.into())
    }

    /// The keys of the issuer with this name, found by its OpenID metadata at
    /// `{issuer}/.well-known/openid-configuration`
    /// ([OpenID Connect Discovery 1.0 §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig)).
    ///
    /// The metadata must name exactly this issuer, and an address of the keys at the same origin (scheme, host,
    /// port), unless another is [allowed](RemoteKeysBuilder::allow_keys_at). They are looked at again within
    /// a day; while they can't be had or are wrong, the keys are fetched from where they were.
    pub fn discover(issuer: impl Into<String>) -> RemoteKeysBuilder {
        RemoteKeysBuilder::openid(issuer.into())
    }

    /// As [`discover`](Self::discover), by the metadata of an OAuth authorization server at
    /// `/.well-known/oauth-authorization-server`, between the host and the path of the issuer
    /// ([RFC 8414 §3](https://www.rfc-editor.org/rfc/rfc8414#section-3)).
    pub fn discover_oauth(issuer: impl Into<String>) -> RemoteKeysBuilder {
        RemoteKeysBuilder::oauth(issuer.into())
    }

    /// The keys, to give to an [`Issuer`](portcullis::Issuer). They are kept fresh for as long as this handle or one
    /// of these is there.
    #[must_use]
    pub fn keys(&self) -> Keys {
        self.shared.keys.clone().with_source(Arc::clone(&self.shared))
    }

    /// Waits until the keys were fetched for the first time. Put a time limit around it, if you wait for it
    /// before serving.
    ///
    /// # Errors
    ///
    /// If nothing fetches them any more.
    pub async fn ready(&self) -> Result<(), FetchError> {
        let mut ended = self.shared.subscribe();
        let ready = ended.wait_for(|ended| ended.fetched || ended.is_stopped()).await;
        match ready {
            Ok(ended) if ended.fetched => Ok(()),
            _ => Err(self.shared.stopped_error()),
        }
    }

    /// Fetches now, whatever is due, and waits until that is done. One that is under way already counts.
    ///
    /// # Errors
    ///
    /// Why it failed. The keys are then as they were.
    pub async fn refresh(&self) -> Result<(), FetchError> {
        self.shared.request().await
    }

    /// How the keys are.
    #[must_use]
    pub fn status(&self) -> KeyStatus {
        self.shared.status()
    }

    /// Has the clock looked at again. The task sleeps by tokio's timers until the clock should be where something
    /// is due; a test that sets a [clock](RemoteKeysBuilder::clock) of its own calls this afterwards.
    pub fn look_at_the_clock(&self) {
        self.shared.poke();
    }

    /// Stops fetching. The keys stay good for as long as they are trusted, and are then refused with 503; a key
    /// that is not known is refused with 503 at once.
    pub fn shutdown(&self) {
        self.shared.stop();
    }
}

impl From<RemoteKeys> for Keys {
    fn from(remote: RemoteKeys) -> Self {
        remote.keys()
    }
}

impl From<&RemoteKeys> for Keys {
    fn from(remote: &RemoteKeys) -> Self {
        remote.keys()
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys").field("status", &self.status()).finish()
    }
}
