//! `portcullis keygen`: a new key, where only its owner can read it.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::ValueEnum;
use portcullis::Algorithm;
use portcullis_issuer::{SecretBytes, SigningKey};
use zeroize::Zeroizing;

use crate::exit::{Failure, Outcome};
use crate::output::{self, Readers, note};

/// Makes a new key for signing tokens.
///
/// The private key goes to --out, a file that only you can read, or to standard output if that is a pipe
/// or a file. A file that is there already is never overwritten.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    portcullis keygen --out key.pem\n  \
    portcullis keygen --algorithm EdDSA --format jwk --out key.jwk --public jwks.json\n  \
    portcullis keygen --algorithm HS256 --out secret.txt")]
pub(crate) struct Args {
    /// What the key signs with, such as ES256, EdDSA, RS256 or HS256.
    #[arg(long, short, value_name = "ALG", default_value = "ES256")]
    algorithm: Algorithm,

    /// The size of an RSA key: 2048, 3072, 4096 or 8192 bits.
    #[arg(long, value_name = "BITS")]
    bits: Option<usize>,

    /// How the key is written: `pem` unless set, `text` for a shared secret. Only `jwk` carries the
    /// algorithm and the kid along.
    #[arg(long, short, value_enum)]
    format: Option<Format>,

    /// What the key is called; the thumbprint of RFC 7638 unless set.
    #[arg(long, requires = "format")]
    kid: Option<String>,

    /// Where the private key goes; `-` is standard output, even where it is a terminal.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Where the public half goes as well: PEM, or a JWK Set where the format is `jwk`.
    #[arg(long, value_name = "FILE")]
    public: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// PKCS #8 in PEM, which every tool reads.
    Pem,
    /// A JWK, with `alg` and `kid`.
    Jwk,
    /// A shared secret as 64 or 86 letters and digits: the text itself is the secret.
    Text,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let format = format(args)?;
    if args.public.is_some() && args.algorithm.is_symmetric() {
        return Err(Failure::usage(
            "--public: a shared secret has no public half; whoever can verify with it can also sign",
        ));
    }
    // before anything is written
    if let Some(path) = args.out.iter().chain(&args.public).find(|path| path.exists()) {
        return Err(output::exists(path));
    }
    if args.out.is_none() && io::stdout().is_terminal() {
        return Err(Failure::usage(
            "standard output is a terminal, which would keep the private key in its history: say \
             --out FILE, or --out - if that is what you want",
        ));
    }
    let key = make(args)?;
    write_private(args, &private_text(&key, format)?)?;
    if let Some(path) = &args.public {
        output::create(path, public_text(&key, format)?.as_bytes(), Readers::Everybody)?;
        note(&format!("{}: the public half, for those who verify", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn format(args: &Args) -> Result<Format, Failure> {
    let secret = args.algorithm.is_symmetric();
    match args.format {
        None => Ok(if secret { Format::Text } else { Format::Pem }),
        Some(Format::Pem) if secret => {
            Err(Failure::usage("--format pem: a shared secret has no PEM form; say text or jwk"))
        }
        Some(Format::Text) if !secret => Err(Failure::usage(format_args!(
            "--format text: that is for a shared secret, and {} has a private key; say pem or jwk",
            args.algorithm
        ))),
        Some(Format::Pem | Format::Text) if args.kid.is_some() => {
            Err(Failure::usage("--kid: only a JWK can hold it; say --format jwk"))
        }
        Some(format) => Ok(format),
    }
}

fn make(args: &Args) -> Result<SigningKey, Failure> {
    let key = match args.bits {
        Some(bits) if matches!(args.algorithm.name().as_bytes(), [b'R' | b'P', b'S', ..]) => {
            SigningKey::generate_rsa(args.algorithm, bits)
        }
        Some(_) => {
            return Err(Failure::usage(format_args!(
                "--bits: {} has keys of one size only",
                args.algorithm
            )));
        }
        None if args.algorithm.is_symmetric() => secret(args.algorithm)?,
        None => SigningKey::generate(args.algorithm),
    };
    let key = key.map_err(|error| match args.bits {
        Some(_) => Failure::usage(format_args!("--bits: {error}")),
        None => Failure::usage(error),
    })?;
    Ok(match &args.kid {
        Some(kid) => key.with_key_id(kid.as_str()),
        None => key,
    })
}

/// A secret that is text, so that environments, files and other languages mean the same bytes by it.
fn secret(
    algorithm: Algorithm,
) -> Result<Result<SigningKey, portcullis_issuer::IssuerError>, Failure> {
    let random = SigningKey::generate(Algorithm::HS512).and_then(|key| key.to_private_bytes());
    let random = random.map_err(Failure::usage)?;
    // 384 bits in 64 characters, or 512 in 86 where the hash is as long
    let random = if algorithm == Algorithm::HS512 { &random[..] } else { &random[..48] };
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(random));
    Ok(SigningKey::from_secret(algorithm, text.as_bytes()))
}

fn private_text(key: &SigningKey, format: Format) -> Result<SecretBytes, Failure> {
    let text = match format {
        Format::Pem => key.to_pem(),
        Format::Jwk => key.to_jwk(),
        Format::Text => key.to_private_bytes(),
    };
    text.map_err(Failure::usage)
}

fn public_text(key: &SigningKey, format: Format) -> Result<String, Failure> {
    let text = match format {
        Format::Jwk => key.public_jwk().map(|jwk| format!("{{\"keys\":[{jwk}]}}\n")),
        Format::Pem | Format::Text => key.public_pem(),
    };
    // secrets, which have none, were refused before
    text.ok_or_else(|| Failure::usage("the key has no public half"))
}

fn write_private(args: &Args, text: &SecretBytes) -> Result<(), Failure> {
    match &args.out {
        Some(path) if path.as_os_str() != "-" => {
            output::create(path, text, Readers::Owner)?;
            note(&format!("{}: the private key, readable by you alone", path.display()));
        }
        _ => {
            let mut out = io::stdout().lock();
            out.write_all(text)?;
            if !text.ends_with(b"\n") {
                out.write_all(b"\n")?;
            }
            out.flush()?;
        }
    }
    Ok(())
}
