//! What a client does: makes a key once, and signs an assertion whenever it needs a token.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use portcullis_issuer::token_endpoint::ClientDirectory;
use portcullis_issuer::{SigningKey, TokenIssuer};
use serde_json::json;

use crate::cli::{Keygen, Sign};

/// Makes a key, and says where the halves of it are.
pub(crate) fn keygen(options: &Keygen) -> anyhow::Result<String> {
    let Keygen { name, alg, private, public } = options;
    anyhow::ensure!(
        ClientDirectory::is_name(name),
        "{name:?} is no name of a client: 1 to 64 of small letters, digits, dash, underscore and dot"
    );
    let key = SigningKey::generate((*alg).into())?;
    let public_pem = key.public_pem().context("the key has no public half")?;
    let private_file = private.join(format!("{name}.key.pem"));
    let public_file = public.join(format!("{name}.pem"));
    // the private one first: without it the public one is of no use to anybody
    create(&private_file, key.to_pem()?.as_ref(), 0o600)?;
    create(&public_file, public_pem.as_bytes(), 0o644)?;
    Ok(format!(
        "{} is for the client, {} for the server",
        private_file.display(),
        public_file.display()
    ))
}

/// Nothing is overwritten, and nobody else may read it at any moment.
fn create(path: &Path, text: &[u8], mode: u32) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        #[cfg(not(unix))]
        let _ = mode;
        options.open(path)?.write_all(text)
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// Signs an assertion (RFC 7523 §3). It is a token like any other: the client is its issuer and its subject, the server its
/// only audience; `jti` is random, so that it works once.
pub(crate) fn sign(options: &Sign) -> anyhow::Result<String> {
    let Sign { name, key, audience, lifetime } = options;
    let pem = fs::read(key).with_context(|| format!("reading {}", key.display()))?;
    let key = SigningKey::from_pem(pem)?;
    let issuer = TokenIssuer::builder(name, key)
        .audience(audience)
        .plain_jwt()
        .lifetime(Duration::from_secs((*lifetime).into()))
        .build()?;
    Ok(issuer.mint(&json!({ "sub": name }))?.into_token())
}
