//! Which issuers to trust, from the environment or from any format that serde reads.
//!
//! One issuer is configured by [variables](SETTINGS) such as `PORTCULLIS_ISSUER` and
//! `PORTCULLIS_AUDIENCE`; several by numbered ones (`PORTCULLIS_1_ISSUER`) or by a file in TOML or JSON
//! that `PORTCULLIS_CONFIG` names. [`Config`] can also be a part of a configuration of your own, read by
//! whatever reads that.
//!
//! # Rules
//!
//! - Every variable may be given as `…_FILE` instead, with the path of a file that holds the value, as
//!   secrets are mounted into containers. One line break at its end does not count. Both forms together
//!   are an error.
//! - A variable that starts with `PORTCULLIS_` and is no setting is an error that suggests the nearest
//!   one; so is an unknown field of a file. A misspelt rule must not be a rule that is missing.
//! - A value that is empty is an error.
//! - Errors name the variable, and the file where the value was in one. The values of secrets are in no
//!   error and in no `Debug`.
//!
//! # Example
//!
//! ```
//! use portcullis_oidc::config::{Config, Environment};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Environment::new([
//!     ("PORTCULLIS_ISSUER", "https://idp.example.com"),
//!     ("PORTCULLIS_AUDIENCE", "payroll"),
//!     ("PORTCULLIS_SECRET", "a secret that is shared, of 32 bytes or more"),
//! ])
//! .read()?;
//! let verifier = config.start_with_local_keys()?.verifier::<portcullis::AccessClaims>()?;
//!
//! // in a service: Config::from_env()?.start()?, which also fetches keys
//! let misspelt = Environment::new([("PORTCULLIS_AUDIENSE", "payroll")]).read().unwrap_err();
//! assert!(misspelt.to_string().contains("PORTCULLIS_AUDIENCE"));
//! # let _ = verifier;
//! # Ok(())
//! # }
//! ```

mod env;
mod error;
mod issuer;
mod nearest;
mod places;
mod secret;
mod settings;
mod span;
mod start;
#[cfg(test)]
mod tests;
mod value;
mod whose;

pub use env::Environment;
pub use error::ConfigError;
pub use issuer::{IssuerConfig, Metadata};
pub use places::{ClaimPlace, SourcePlace};
pub use secret::Secret;
pub use settings::{SETTINGS, Scope, Setting};
pub use span::Span;
pub use start::Started;
pub use whose::RequiredValue;

use std::collections::HashMap;

use serde::Deserialize;

/// Which issuers to trust, and where requests carry their tokens.
///
/// As a part of a configuration of your own:
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct MyConfig {
///     database: String,
///     auth: portcullis_oidc::config::Config,
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mine: MyConfig = serde_json::from_str(r#"{
///     "database": "payroll.db",
///     "auth": {"issuers": [{"issuer": "https://idp.example.com", "audience": "payroll"}]}
/// }"#)?;
/// # let _ = (mine.database, mine.auth);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Config {
    /// The issuers to trust: at least one.
    pub issuers: Vec<IssuerConfig>,
    /// Where requests carry their token: `bearer` unless set.
    #[serde(deserialize_with = "value::one_or_many")]
    pub source: Vec<SourcePlace>,
    /// Origins that may use a cookie on unsafe methods; see
    /// [`JwtLayer::trusted_origin`](portcullis::JwtLayer::trusted_origin).
    #[serde(deserialize_with = "value::one_or_many")]
    pub trusted_origins: Vec<String>,
    /// Authorities to trust beside the system's when keys are fetched: certificates in PEM.
    pub root_certificates: Option<Secret>,
    /// How the user wrote a setting, where that is not the name of the field.
    #[serde(skip)]
    written: HashMap<&'static str, String>,
}

impl Config {
    /// Says how the user wrote a setting, where that is not the name of its field: errors call it so.
    #[must_use]
    pub fn called(mut self, field: &'static str, written: impl Into<String>) -> Self {
        self.written.insert(field, written.into());
        self
    }

    /// A setting as the user wrote it.
    fn written(&self, field: &str) -> String {
        self.written.get(field).cloned().unwrap_or_else(|| field.to_owned())
    }

    /// Reads the variables of this process; see [`Environment`].
    ///
    /// # Errors
    ///
    /// If a variable is unknown, empty or makes no sense.
    pub fn from_env() -> Result<Self, ConfigError> {
        Environment::of_process()?.read()
    }
}
