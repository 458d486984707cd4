//! `portcullis jwks`: the public JWK Set of keys, for an issuer to publish.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;

use portcullis::Algorithm;
use portcullis::keys::VerificationKey;

use crate::exit::{Failure, Outcome};
use crate::keyfile;
use crate::output::{self, note};

/// Writes the public JWK Set of some keys.
///
/// Of a private key only the public half is written. The kid is the key's own where it is a JWK that has
/// one, else the thumbprint of RFC 7638, which is also what `mint` puts into tokens.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis jwks key.pem old-key.pub.pem > jwks.json")]
pub(crate) struct Args {
    /// Keys in PEM or DER, JWKs or JWK Sets, private or public; `-` reads standard input.
    #[arg(required = true, value_name = "FILE")]
    keys: Vec<PathBuf>,

    /// What RSA keys are for that do not say it themselves: RS256 unless set.
    #[arg(long, short, value_name = "ALG")]
    algorithm: Option<Algorithm>,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let mut by_id: HashMap<String, VerificationKey> = HashMap::new();
    let mut set = Vec::new();
    for path in &args.keys {
        let about = |what: &str| Failure::usage(format_args!("{}: {what}", path.display()));
        for key in keyfile::read(path, args.algorithm)? {
            let key = key.public();
            let Some(jwk) = key.public_jwk() else {
                return Err(about("a shared secret has no public half and must not be published"));
            };
            let id = key.key_id().unwrap_or_default().to_owned();
            match by_id.get(&id) {
                None => set.push(jwk),
                Some(known) if known.thumbprint() == key.thumbprint() => {
                    note(&format!(
                        "{}: the key {id:?} is there twice; once is enough",
                        path.display()
                    ));
                }
                Some(_) => {
                    return Err(about(&format!("another key is called {id:?} too; rename one")));
                }
            }
            by_id.insert(id, key);
        }
    }
    output::print(&format!("{{\"keys\":[\n  {}\n]}}\n", set.join(",\n  ")))?;
    Ok(ExitCode::SUCCESS)
}
