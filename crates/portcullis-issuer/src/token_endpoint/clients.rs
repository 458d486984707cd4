//! Which clients are trusted: the trait, and a directory of their public keys.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};

use portcullis::keys::{KeySet, VerificationKey};
use portcullis_core::BoxError;

/// The clients that may have tokens, each with its public keys.
///
/// It is asked at each request, so that a client that is struck off gets no further token. A false answer with keys lets
/// somebody have tokens; a false `None` locks a client out.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not know the clients",
    note = "implement `ClientRegistry`: one async method; or use `ClientDirectory`"
)]
pub trait ClientRegistry: Send + Sync + 'static {
    /// What it can fail with.
    type Error: Into<BoxError> + Send;

    /// The keys of this client; `None` if there is no such client. The name is a stranger's.
    ///
    /// # Errors
    ///
    /// If that could not be found out, which is an outage (503) and neither a yes nor a no.
    fn keys(
        &self,
        client: &str,
    ) -> impl Future<Output = Result<Option<KeySet>, Self::Error>> + Send;
}

/// A directory with the public keys of each client: `NAME.pem`, one key, or `NAME.jwk`, one key, or `NAME.jwks`, a set.
///
/// The files are read at each request, off the async threads, so what is added, changed or removed counts from the next
/// request on. A client may have several of the files, while it changes keys. Names are 1 to 64 of small letters, digits, `-`,
/// `_` and `.`, and begin with a letter or digit; who asks for another is nobody. A file that can't be read is an outage
/// for its client, not an absence; a private key among them is refused as well.
///
/// # Example
///
/// ```
/// use portcullis::Algorithm;
/// use portcullis_issuer::SigningKey;
/// use portcullis_issuer::token_endpoint::{ClientDirectory, ClientRegistry as _};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), portcullis::BoxError> {
/// # let folder = std::env::temp_dir().join(format!("portcullis-clients-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let clients = ClientDirectory::new(&folder);
/// assert!(clients.keys("nightly").await?.is_none());
///
/// let key = SigningKey::generate(Algorithm::ES256)?;
/// std::fs::write(folder.join("nightly.pem"), key.public_pem().unwrap_or_default())?;
/// assert!(clients.keys("nightly").await?.is_some());
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ClientDirectory {
    folder: PathBuf,
}

/// Larger files hold no keys of one client; they are not read into memory.
const LARGEST: u64 = 64 * 1024;

impl ClientDirectory {
    /// The clients in this directory.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// True if a client may have this name, which is then the name of its files.
    #[must_use]
    pub fn is_name(text: &str) -> bool {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| legal(b) || b"-_.".contains(&b))
            && text.bytes().next().is_some_and(legal)
    }
}

impl ClientRegistry for ClientDirectory {
    type Error = BoxError;

    async fn keys(&self, client: &str) -> Result<Option<KeySet>, BoxError> {
        if !Self::is_name(client) {
            return Ok(None);
        }
        let (folder, client) = (self.folder.clone(), client.to_owned());
        tokio::task::spawn_blocking(move || read(&folder, &client)).await?
    }
}

fn read(folder: &Path, client: &str) -> Result<Option<KeySet>, BoxError> {
    let mut found = Vec::new();
    for ending in ["pem", "jwk", "jwks"] {
        let path = folder.join(format!("{client}.{ending}"));
        let Some(text) = read_file(&path).map_err(|error| failed(&path, &error))? else { continue };
        let mut keys = match ending {
            "pem" => vec![VerificationKey::from_pem(text).map_err(|error| failed(&path, &error))?],
            "jwk" => vec![VerificationKey::from_jwk(text).map_err(|error| failed(&path, &error))?],
            _ => {
                let set = KeySet::from_jwk_set(text).map_err(|error| failed(&path, &error))?;
                set.keys().cloned().collect()
            }
        };
        // whoever may read the directory could sign with it
        if keys.iter().any(|key| key.algorithm().is_symmetric()) {
            return Err(failed(&path, &"a secret is no public key"));
        }
        found.append(&mut keys);
    }
    if found.is_empty() {
        // a missing directory would look as if every client had been struck off
        std::fs::metadata(folder).map_err(|error| failed(folder, &error))?;
        return Ok(None);
    }
    Ok(Some(KeySet::new(found)))
}

fn read_file(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::metadata(path) {
        Ok(file) if file.len() > LARGEST => Err(io::Error::other("the file is too large for keys")),
        Ok(_) => std::fs::read(path).map(Some),
        Err(error) => Err(error),
    }
    .or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(None),
        _ => Err(error),
    })
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> BoxError {
    format!("{}: {error}", path.display()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_plain_name_of_a_file() {
        for good in ["a", "nightly", "a-b_c.d", "0", &"a".repeat(64)] {
            assert!(ClientDirectory::is_name(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "../a",
            "a/b",
            "a\\b",
            "A",
            "ä",
            "a b",
            "a\0",
            "-a",
            ".a",
            "~",
            &"a".repeat(65),
        ] {
            assert!(!ClientDirectory::is_name(bad), "{bad}");
        }
    }
}
