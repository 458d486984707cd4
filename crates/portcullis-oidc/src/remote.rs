//! [`RemoteKeys`]: the keys of one issuer, fetched and kept fresh.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis::keys::KeySet;
use portcullis::{BuildError, Keys};
use serde::Deserialize;
use tokio::sync::watch;

use crate::error::{FetchError, FetchErrorKind};
#[cfg(feature = "reqwest")]
use crate::fetch::HttpClient;
use crate::fetch::{Fetch, FetchDocument};
use crate::url::Url;

/// The keys of one issuer, fetched and kept fresh.
#[derive(Clone)]
pub struct RemoteKeys {
    keys: Keys,
    fetched: watch::Receiver<bool>,
}

/// Builds [`RemoteKeys`].
#[derive(Clone, Debug)]
#[must_use]
pub struct RemoteKeysBuilder {
    place: Place,
    timeout: Duration,
}

/// Where the keys are.
#[derive(Clone, Debug)]
enum Place {
    JwkSet(String),
    OpenId(String),
}

const MAX_BYTES: usize = 1024 * 1024;

impl RemoteKeys {
    /// The keys in the JWK Set at this URL.
    pub fn from_jwk_set_url(url: impl Into<String>) -> RemoteKeysBuilder {
        RemoteKeysBuilder::new(Place::JwkSet(url.into()))
    }

    /// The keys of the issuer with this name, found by its OpenID metadata
    /// ([OpenID Connect Discovery 1.0 §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig)).
    pub fn discover(issuer: impl Into<String>) -> RemoteKeysBuilder {
        RemoteKeysBuilder::new(Place::OpenId(issuer.into()))
    }

    /// The keys, to give to an [`Issuer`](portcullis::Issuer).
    #[must_use]
    pub fn keys(&self) -> Keys {
        self.keys.clone()
    }

    /// Waits until the keys were fetched for the first time.
    ///
    /// # Errors
    ///
    /// If the task that fetches has ended.
    pub async fn ready(&self) -> Result<(), FetchError> {
        let waited = self.fetched.clone().wait_for(|fetched| *fetched).await.map(|_| ());
        waited.map_err(|_| {
            FetchError::new(FetchErrorKind::Stopped, "keys", "nothing fetches them any more")
        })
    }
}

impl RemoteKeysBuilder {
    fn new(place: Place) -> Self {
        Self { place, timeout: Duration::from_secs(10) }
    }

    /// How long one document may take: ten seconds unless set.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Starts a task on the present tokio runtime that fetches by [`HttpClient`].
    ///
    /// # Errors
    ///
    /// If an address makes no sense or the client can't be built.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[cfg(feature = "reqwest")]
    pub fn spawn(self) -> Result<RemoteKeys, BuildError> {
        let client = HttpClient::new().map_err(|error| BuildError::new(error.to_string()))?;
        self.spawn_with(client)
    }

    /// Starts a task on the present tokio runtime that fetches by this client.
    ///
    /// # Errors
    ///
    /// If an address makes no sense.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn spawn_with(self, fetch: impl Fetch) -> Result<RemoteKeys, BuildError> {
        let (address, issuer) = match self.place {
            Place::JwkSet(url) => (url, None),
            Place::OpenId(issuer) => {
                let base = issuer.strip_suffix('/').unwrap_or(&issuer);
                (format!("{base}/.well-known/openid-configuration"), Some(issuer))
            }
        };
        let url = Url::parse(&address)
            .map_err(|why| BuildError::new(format!("the address {address:?} {why}")))?;
        let keys = Keys::from(KeySet::default());
        let (fetched_now, fetched) = watch::channel(false);
        let (fetch, ours, limit): (Arc<dyn FetchDocument>, _, _) =
            (Arc::new(fetch), keys.clone(), self.timeout);
        tokio::spawn(async move {
            while !fetched_now.is_closed() {
                let attempt = tokio::time::timeout(limit, get(&*fetch, &url, issuer.as_deref()));
                let pause = match attempt.await {
                    Ok(Ok(set)) => {
                        ours.replace(set);
                        fetched_now.send_replace(true);
                        Duration::from_secs(600)
                    }
                    Ok(Err(error)) => {
                        tracing::warn!(target: "portcullis", %error, "keys could not be fetched");
                        Duration::from_secs(5)
                    }
                    Err(_) => {
                        tracing::warn!(target: "portcullis", %url, "keys could not be fetched in time");
                        Duration::from_secs(5)
                    }
                };
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = fetched_now.closed() => {}
                }
            }
        });
        Ok(RemoteKeys { keys, fetched })
    }
}

async fn get(
    fetch: &dyn FetchDocument,
    url: &Url,
    issuer: Option<&str>,
) -> Result<KeySet, FetchError> {
    #[derive(Deserialize)]
    struct Metadata {
        issuer: String,
        jwks_uri: String,
    }
    let malformed = |url: &Url, what: String| FetchError::new(FetchErrorKind::Malformed, url, what);
    let mut place = url.clone();
    if let Some(issuer) = issuer {
        let document = fetch.document(url, MAX_BYTES).await?;
        let found: Metadata = serde_json::from_slice(&document.body)
            .map_err(|_| malformed(url, "the answer is no metadata".into()))?;
        if found.issuer != issuer {
            let message = format!("the metadata are of {:?}", found.issuer);
            return Err(FetchError::new(FetchErrorKind::WrongIssuer, url, message));
        }
        place = Url::parse(&found.jwks_uri)
            .ok()
            .filter(|place| place.origin() == url.origin())
            .ok_or_else(|| {
                let message = format!("`jwks_uri` is {:?}, of another origin", found.jwks_uri);
                FetchError::new(FetchErrorKind::ForbiddenAddress, url, message)
            })?;
    }
    let document = fetch.document(&place, MAX_BYTES).await?;
    KeySet::from_jwk_set(&document.body).map_err(|error| malformed(&place, error.to_string()))
}

impl From<&RemoteKeys> for Keys {
    fn from(remote: &RemoteKeys) -> Self {
        remote.keys()
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys").field("keys", &self.keys).finish_non_exhaustive()
    }
}
