//! What is wrong with the configuration, and where it was written.

use std::error::Error;
use std::fmt;

/// A setting that is missing, unknown or makes no sense. It names the setting as the user wrote it (the
/// variable, the file, the field), and never the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    message: String,
}

impl ConfigError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// Something is wrong with this setting, which may be one of your own.
    pub fn about(setting: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self::new(format!("{setting}: {what}"))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ConfigError {}
