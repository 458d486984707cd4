//! A directory of public keys.

use std::fs;
use std::path::Path;

use super::{KeySet, VerificationKey, jwk};
use crate::error::KeyError;

/// Larger files hold no keys; they are not read into memory.
const MAX_FILE: u64 = 1024 * 1024;

pub(super) fn read(path: &Path) -> Result<Vec<u8>, KeyError> {
    let failed = |error: std::io::Error| KeyError::new(error.to_string()).about(path.display());
    let size = fs::metadata(path).map_err(failed)?.len();
    if size > MAX_FILE {
        return Err(
            KeyError::new(format!("{size} bytes are too many for keys")).about(path.display())
        );
    }
    fs::read(path).map_err(failed)
}

pub(super) fn read_all(directory: &Path) -> Result<KeySet, KeyError> {
    let failed =
        |error: std::io::Error| KeyError::new(error.to_string()).about(directory.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    let mut set = KeySet::default();
    for path in paths {
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if hidden || path.is_dir() {
            continue;
        }
        match read_file(&path) {
            Ok(keys) => set.extend(keys),
            Err(reason) => set.skip(path.display().to_string(), reason),
        }
    }
    Ok(set)
}

fn read_file(path: &Path) -> Result<KeySet, KeyError> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let named = |key: VerificationKey| match path.file_stem() {
        Some(stem) => key.with_key_id(stem.to_string_lossy()),
        None => key,
    };
    match ending {
        "pem" => Ok(KeySet::new([named(VerificationKey::from_pem(read(path)?)?)])),
        "der" => Ok(KeySet::new([named(VerificationKey::from_der(read(path)?)?)])),
        "jwk" => Ok(KeySet::new([VerificationKey::from_jwk(read(path)?)?])),
        "jwks" | "json" => {
            let json = read(path)?;
            jwk::read_set(&json).or_else(|no_set| match VerificationKey::from_jwk(&json) {
                Ok(key) => Ok(KeySet::new([key])),
                // a set that is broken, or a JWK that is: say what a reader would look for
                Err(no_key) if json.windows(5).any(|w| w == b"\"kty\"") => Err(no_key),
                Err(_) => Err(no_set),
            })
        }
        _ => Err(KeyError::new("the file ends neither in .pem, .der, .jwk, .jwks nor .json")),
    }
}
