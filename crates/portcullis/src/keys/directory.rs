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

#[cfg(test)]
mod tests {
    use super::*;

    const JWK: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"2026","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    /// What a file of this name makes of the text: how many keys, or why there are none.
    fn load(name: &str, text: &str) -> Result<usize, String> {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(name), text).unwrap();
        let set = read_all(directory.path()).unwrap();
        match set.skipped() {
            [] => Ok(set.keys().count()),
            [skipped] => Err(skipped.reason().to_string()),
            more => panic!("{more:?}"),
        }
    }

    #[test]
    fn a_file_of_a_mebibyte_is_read_and_none_that_is_larger() {
        let padded = |len: usize| format!("{JWK}{}", " ".repeat(len - JWK.len()));
        assert_eq!(load("a.jwk", &padded(1024 * 1024)), Ok(1));
        let error = load("a.jwk", &padded(1024 * 1024 + 1)).unwrap_err();
        assert!(error.contains("1048577 bytes are too many"), "{error}");
    }

    #[test]
    fn of_a_key_that_is_broken_it_is_told_what_is_wrong_with_the_key() {
        for name in ["a.json", "a.jwks"] {
            assert_eq!(load(name, JWK), Ok(1));
            let off_curve = JWK.replace("Ed25519", "Ed448");
            assert_eq!(load(name, &off_curve), load("a.jwk", &off_curve), "{name}");
        }
    }

    #[test]
    fn of_a_set_that_is_broken_it_is_told_what_is_wrong_with_the_set() {
        for text in ["{}", "[]", "", r#"{"keys":7}"#, "no JSON at all", r#"{"Keys":[]}"#] {
            let told = load("a.json", text).unwrap_err();
            let of_the_set = jwk::read_set(text.as_bytes()).unwrap_err().to_string();
            assert!(told.ends_with(&of_the_set), "{text}: {told}");
            assert_ne!(Err(told), load("a.jwk", text), "{text}");
        }
    }
}
