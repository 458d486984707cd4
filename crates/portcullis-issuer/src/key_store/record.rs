//! A key as it is written down: its private JWK, and its dates.

use portcullis_core::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::error::IssuerError;
use crate::{KeyEntry, SigningKey};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record<'a> {
    /// Milliseconds since 1970, as is `signs_from`.
    created_at: i64,
    signs_from: i64,
    #[serde(borrow)]
    key: &'a RawValue,
}

/// As JSON.
pub(super) fn write(entry: &KeyEntry) -> Result<Zeroizing<String>, IssuerError> {
    let key = entry.key().to_jwk()?;
    let key = std::str::from_utf8(&key)
        .map_err(|error| IssuerError::key("a private JWK is no text").with_source(error))?;
    Ok(Zeroizing::new(format!(
        r#"{{"created_at":{},"signs_from":{},"key":{key}}}"#,
        entry.created_at().as_millis(),
        entry.signs_from().as_millis(),
    )))
}

/// What was written. `name` is for the error.
pub(super) fn read(text: &str, name: &str) -> Result<KeyEntry, IssuerError> {
    let record: Record<'_> = serde_json::from_str(text).map_err(|error| {
        // what serde says may repeat a part of the key
        IssuerError::key(format!(
            "{name} is no signing key that was written down (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    let key = SigningKey::from_jwk(record.key.get()).map_err(|error| {
        IssuerError::key(format!("the key in {name} can't be read")).with_source(error)
    })?;
    Ok(KeyEntry::new(key, Timestamp::from_millis(record.created_at))
        .with_signs_from(Timestamp::from_millis(record.signs_from)))
}
