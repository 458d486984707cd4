//! `portcullis mint`: a token for tests and trials.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::{Algorithm, Clock as _, SystemClock, Timestamp};
use portcullis_issuer::{JwsHeader, SigningKey};
use portcullis_oidc::config::Span;
use serde_json::{Map, Value};

use crate::exit::{Failure, Outcome};
use crate::output::{self, warn};
use crate::{input, keyfile};

/// Mints a token, for tests and trials.
///
/// It holds iss, iat, exp, jti and what you add. Whoever has the key can be anybody: a service that hands
/// out tokens uses the library portcullis-issuer, and asks first who it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    portcullis mint --key key.pem --issuer https://me.example --audience payroll --subject bob\n  \
    portcullis mint --key key.pem --issuer https://me.example --audience payroll \\\n    \
    --role admin --scope 'pay look' --claim team=blue --claim level:=3 --claim exp:=0")]
pub(crate) struct Args {
    /// The private key: PEM, DER or a JWK; `-` reads standard input.
    #[arg(long, value_name = "FILE", required_unless_present = "secret_file")]
    key: Option<PathBuf>,

    /// A shared secret in place of a key: the text of this file, without a line break at its end.
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    secret_file: Option<PathBuf>,

    /// What to sign with, where the key leaves it open: RS256 for RSA and HS256 for a secret, unless set.
    #[arg(long, short, value_name = "ALG")]
    algorithm: Option<Algorithm>,

    /// What the key is called in the token; its own name, or else its thumbprint, unless set.
    #[arg(long)]
    kid: Option<String>,

    /// Who issues it (`iss`).
    #[arg(long, value_name = "URL")]
    issuer: String,

    /// Whom it is for (`aud`); repeat it for several.
    #[arg(long, value_name = "NAME")]
    audience: Vec<String>,

    /// Whom it is about (`sub`).
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,

    /// A role (`roles`); repeat it for several.
    #[arg(long, value_name = "NAME")]
    role: Vec<String>,

    /// Scopes (`scope`), separated by spaces.
    #[arg(long, value_name = "SCOPES")]
    scope: Option<String>,

    /// A claim: NAME=TEXT, or NAME:=JSON. It replaces any other of that name; `NAME:=null` takes it out.
    #[arg(long = "claim", value_name = "NAME=TEXT")]
    claims: Vec<String>,

    /// A file with a JSON object of claims; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    claims_file: Option<PathBuf>,

    /// How long it lives, up to a day: 90s, 15m, 2h.
    #[arg(long, value_name = "TIME", value_parser = lifetime, default_value = "5m")]
    lifetime: Duration,

    /// The `typ` of its header: JWT, at+jwt and so on. None unless set.
    #[arg(long, value_name = "TYPE")]
    typ: Option<String>,

    /// Does not remind you that this is for tests.
    #[arg(long, short)]
    quiet: bool,
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let Span(lifetime) = text.parse()?;
    if lifetime > Duration::from_secs(86_400) {
        return Err("a day is the most for a token that nobody keeps track of".to_owned());
    }
    Ok(lifetime)
}

pub(crate) fn run(args: &Args) -> Outcome {
    let key = signing_key(args)?;
    let claims = claims(args)?;
    let mut header = JwsHeader::new();
    if let Some(typ) = &args.typ {
        header = header.with_typ(typ);
    }
    let token = key.sign(&header, Value::from(claims).to_string()).map_err(Failure::usage)?;
    if !args.quiet {
        warn("this token is for tests: whoever holds the key can be anybody");
    }
    output::print(&format!("{token}\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn signing_key(args: &Args) -> Result<SigningKey, Failure> {
    let key = match (&args.key, &args.secret_file) {
        (_, Some(path)) => {
            let secret = input::file(path)?;
            let secret = input::without_line_break(&secret);
            let algorithm = args.algorithm.unwrap_or(Algorithm::HS256);
            SigningKey::from_secret(algorithm, secret)
                .map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))?
        }
        (Some(path), None) => keyfile::read_private(path, args.algorithm)?,
        (None, None) => return Err(Failure::usage("say --key or --secret-file")),
    };
    Ok(match &args.kid {
        Some(kid) => key.with_key_id(kid.as_str()),
        None => key,
    })
}

fn claims(args: &Args) -> Result<Map<String, Value>, Failure> {
    let now = SystemClock::new().now();
    let seconds = |time: Timestamp| Value::from(time.as_secs());
    let mut claims = Map::new();
    claims.insert("iss".into(), args.issuer.as_str().into());
    if let Some(subject) = &args.subject {
        claims.insert("sub".into(), subject.as_str().into());
    }
    match args.audience.as_slice() {
        [] => {}
        [one] => drop(claims.insert("aud".into(), one.as_str().into())),
        many => drop(claims.insert("aud".into(), many.into())),
    }
    claims.insert("iat".into(), seconds(now));
    claims.insert("exp".into(), seconds(now.saturating_add(args.lifetime)));
    claims.insert("jti".into(), random_id()?.into());
    if !args.role.is_empty() {
        claims.insert("roles".into(), args.role.as_slice().into());
    }
    if let Some(scope) = &args.scope {
        claims.insert("scope".into(), scope.as_str().into());
    }
    if let Some(path) = &args.claims_file {
        let about = |what: String| Failure::usage(format_args!("{}: {what}", path.display()));
        let json = input::file(path)?;
        let more: Map<String, Value> = serde_json::from_slice(&json).map_err(|error| {
            about(format!("no JSON object: line {} column {}", error.line(), error.column()))
        })?;
        more.into_iter().for_each(|(name, value)| set(&mut claims, name, value));
    }
    for claim in &args.claims {
        let (name, value) = claim_of(claim)
            .map_err(|error| Failure::usage(format_args!("--claim {claim:?}: {error}")))?;
        set(&mut claims, name, value);
    }
    Ok(claims)
}

fn set(claims: &mut Map<String, Value>, name: String, value: Value) {
    if value.is_null() {
        claims.remove(&name);
    } else {
        claims.insert(name, value);
    }
}

/// `name=text` or `name:=json`: whichever sign comes first.
fn claim_of(text: &str) -> Result<(String, Value), &'static str> {
    let (name, value) = text.split_once('=').ok_or("write NAME=TEXT or NAME:=JSON")?;
    let (name, value) = match name.strip_suffix(':') {
        None => (name, Value::from(value)),
        Some(name) => {
            (name, serde_json::from_str(value).map_err(|_| "what follows := is no JSON")?)
        }
    };
    if name.is_empty() {
        return Err("the name is empty");
    }
    Ok((name.to_owned(), value))
}

/// 128 random bits.
fn random_id() -> Result<String, Failure> {
    let random = SigningKey::generate(Algorithm::HS256).and_then(|key| key.to_private_bytes());
    Ok(URL_SAFE_NO_PAD.encode(&random.map_err(Failure::usage)?[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_text_or_json() {
        let of = |text| claim_of(text).map(|(name, value)| (name, value.to_string()));
        let is = |name: &str, json: &str| Ok((name.to_owned(), json.to_owned()));
        assert_eq!(of("team=blue"), is("team", "\"blue\""));
        assert_eq!(of("level=3"), is("level", "\"3\""));
        assert_eq!(of("level:=3"), is("level", "3"));
        assert_eq!(of("a=b:=c"), is("a", "\"b:=c\""));
        assert_eq!(
            of("https://me.example/roles:=[\"a\"]"),
            is("https://me.example/roles", "[\"a\"]")
        );
        for bad in ["team", "=blue", ":=3", "level:=", "level:={"] {
            assert!(claim_of(bad).is_err(), "{bad}");
        }
    }
}
