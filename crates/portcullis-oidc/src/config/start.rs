//! From the configuration to a verifier: keys are read, or begin to be fetched.

use portcullis::{BuildError, Issuer, JwtLayer, Verifier};
use serde::de::DeserializeOwned;

use super::issuer::KeysFrom;
use super::{Config, ConfigError, Metadata};
use crate::{Fetch, RemoteKeys};

/// Issuers with their keys: read, or being fetched.
#[derive(Clone, Debug)]
pub struct Started {
    config: Config,
    issuers: Vec<Issuer>,
    remote: Vec<(String, RemoteKeys)>,
}

impl Config {
    /// Reads the keys that are given, and starts to fetch the others by [`HttpClient`](crate::HttpClient),
    /// in a task on the present tokio runtime for each issuer. It waits for none.
    ///
    /// # Errors
    ///
    /// If a setting is missing or makes no sense.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, if keys are to be fetched.
    #[cfg(feature = "reqwest")]
    pub fn start(&self) -> Result<Started, ConfigError> {
        let mut client = crate::HttpClient::builder();
        if let Some(pem) = &self.root_certificates {
            client = client.more_root_certificates(pem.reveal());
        }
        let client = client.build();
        let client =
            client.map_err(|error| ConfigError::about(self.written("root_certificates"), error))?;
        self.start_with(client)
    }

    /// As [`start`](Self::start), by a client of your own.
    ///
    /// # Errors
    ///
    /// If a setting is missing or makes no sense.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, if keys are to be fetched.
    pub fn start_with(&self, fetch: impl Fetch + Clone) -> Result<Started, ConfigError> {
        self.start_by(|keys| keys.spawn_with(fetch.clone()))
    }

    /// The same where all keys are given: nothing is fetched, and no runtime is needed.
    ///
    /// # Errors
    ///
    /// If a setting is missing or makes no sense, or if keys would have to be fetched.
    pub fn start_with_local_keys(&self) -> Result<Started, ConfigError> {
        self.start_by(|_| {
            Err(BuildError::new(
                "its keys would have to be fetched, which is not done here: give them by a file or \
                 another setting",
            ))
        })
    }

    fn start_by(
        &self,
        spawn: impl Fn(crate::RemoteKeysBuilder) -> Result<RemoteKeys, BuildError>,
    ) -> Result<Started, ConfigError> {
        if self.issuers.is_empty() {
            return Err(ConfigError::new(
                "no issuer is configured: set PORTCULLIS_ISSUER and PORTCULLIS_AUDIENCE, or \
                 PORTCULLIS_CONFIG",
            ));
        }
        let (mut issuers, mut remote) = (Vec::new(), Vec::new());
        for config in &self.issuers {
            let issuer = config.issuer()?;
            if self.issuers.len() > 1 && !config.limits_assertions() {
                let others = ["may_assert_scopes", "may_assert_anything"];
                let [scopes, anything] = others.map(|field| config.written(field));
                return Err(ConfigError::about(
                    config.written("may_assert_roles"),
                    format_args!(
                        "several issuers are trusted, so each must say what it may give: set this, \
                         {scopes} or {anything}"
                    ),
                ));
            }
            let name = config.issuer.clone().unwrap_or_default();
            let wrong = |field, error: BuildError| ConfigError::about(config.written(field), error);
            let (field, keys) = match config.keys()? {
                KeysFrom::Here(keys) => {
                    issuers.push(issuer.keys(keys));
                    continue;
                }
                KeysFrom::Url(url) => ("jwks_url", RemoteKeys::from_jwk_set_url(url)),
                KeysFrom::Discovery(name) => {
                    let keys = match config.metadata.unwrap_or_default() {
                        Metadata::Openid => RemoteKeys::discover(name),
                        Metadata::Oauth => RemoteKeys::discover_oauth(name),
                    };
                    let origins = config.jwks_origin.iter();
                    ("issuer", origins.fold(keys, crate::RemoteKeysBuilder::allow_keys_at))
                }
            };
            let keys = spawn(keys).map_err(|error| wrong(field, error))?;
            issuers.push(issuer.keys(&keys));
            remote.push((name, keys));
        }
        let started = Started { config: self.clone(), issuers, remote };
        // what only shows when all are there is found now, and not by whoever builds a verifier
        let verifier = started.verifier::<()>();
        drop(started.layer(verifier.map_err(|error| ConfigError::new(error.to_string()))?)?);
        Ok(started)
    }
}

impl Started {
    /// The issuers, to give to a verifier with settings of your own.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// The keys that are fetched, by the name of their issuer.
    #[must_use]
    pub fn remote_keys(&self) -> &[(String, RemoteKeys)] {
        &self.remote
    }

    /// A verifier that trusts these issuers.
    ///
    /// # Errors
    ///
    /// If two issuers have one name, or one of several does not say what it may assert.
    pub fn verifier<C: DeserializeOwned + Send + Sync + 'static>(
        &self,
    ) -> Result<Verifier<C>, BuildError> {
        let builder = self.issuers.iter().cloned();
        builder.fold(Verifier::builder(), portcullis::VerifierBuilder::trust).build()
    }

    /// A layer over a verifier, that takes tokens from where the configuration says.
    ///
    /// # Errors
    ///
    /// If a trusted origin is none.
    pub fn layer<C>(&self, verifier: Verifier<C>) -> Result<JwtLayer<C>, ConfigError> {
        let mut layer = JwtLayer::new(verifier);
        for (at, place) in self.config.source.iter().enumerate() {
            let source = place.source().clone();
            layer = if at == 0 { layer.source(source) } else { layer.or_source(source) };
        }
        let written = self.config.written("trusted_origins");
        for origin in &self.config.trusted_origins {
            let wrong = |error| ConfigError::about(&written, error);
            layer = layer.trusted_origin(origin).map_err(wrong)?;
        }
        Ok(layer)
    }
}
