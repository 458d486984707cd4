//! `portcullis inspect`: what a token says, without any proof that it is true.

mod json;

use std::process::ExitCode;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use portcullis::{Clock as _, SystemClock, Timestamp};
use serde_json::{Value, json};

use crate::exit::{Failure, Outcome};
use crate::output::{self, harmless, note, warn};
use crate::{input, span};

/// Shows what a token says, without verifying anything.
///
/// Anybody can write such a token: what is shown is a claim and no proof. To judge a token use `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  pbpaste | portcullis inspect -")]
pub(crate) struct Args {
    /// The token; `-` reads it from standard input, which other users of this machine can't see.
    token: String,

    /// One JSON object with `header` and `payload`, for scripts. It is not verified either.
    #[arg(long)]
    json: bool,
}

/// What people copy is padded or in the other alphabet at times; that is told and read all the same.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(crate) fn run(args: &Args) -> Outcome {
    let token = input::token(&args.token)?;
    let parts: Vec<_> = token.split('.').collect();
    let (header, payload) = match parts.as_slice() {
        [header, payload, _] => (part(header, "header")?, Some(part(payload, "payload")?)),
        [header, _, _, _, _] => {
            note("five parts are an encrypted token (JWE): only its header can be read");
            (part(header, "header")?, None)
        }
        [_] => {
            return Err(Failure::usage(
                "there is no dot in it: this looks like an opaque token, which means something to its \
                 issuer alone",
            ));
        }
        parts => {
            return Err(Failure::usage(format_args!(
                "a token has three parts with dots between them; this has {}",
                parts.len()
            )));
        }
    };
    warn("NOT VERIFIED: anybody could have written this");
    if args.json {
        print_json(&header, payload.as_deref())?;
    } else {
        print_text(&header, payload.as_deref(), parts.last().copied().unwrap_or_default())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The JSON in one part of the token, as text.
fn part(text: &str, name: &str) -> Result<String, Failure> {
    let url_safe = text.replace('+', "-").replace('/', "_");
    if url_safe != text || text.contains('=') {
        note(&format!("the {name} is not base64url without padding: verifiers refuse that"));
    }
    let bytes = LENIENT
        .decode(url_safe)
        .map_err(|_| Failure::usage(format_args!("the {name} is no base64url")))?;
    String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format_args!("the {name} is no UTF-8 text")))
}

fn print_text(header: &str, payload: Option<&str>, last: &str) -> Result<(), Failure> {
    let mut text = "NOT VERIFIED\n\nheader\n".to_owned();
    text += &shown(header, "header");
    if let Some(payload) = payload {
        text += "\npayload\n";
        text += &shown(payload, "payload");
        text += &times(payload);
        text += match last {
            "" => "\nno signature\n",
            _ => "\nsignature not checked\n",
        };
    }
    output::print(&text)
}

/// JSON with line breaks, as it was written otherwise: with repeated members and every digit.
fn shown(text: &str, name: &str) -> String {
    match json::indented(text) {
        Ok(pretty) => {
            for name in pretty.repeated {
                warn(&harmless(&format!("{name:?} is there twice: verifiers refuse that")));
            }
            format!("{}\n", harmless(&pretty.text))
        }
        Err(why) => {
            warn(&format!("the {name} is no JSON object: {why}"));
            format!("{}\n", harmless(text))
        }
    }
}

/// The times in the payload, for people.
fn times(payload: &str) -> String {
    let now = SystemClock::new().now();
    let claims: Value = serde_json::from_str(payload).unwrap_or_default();
    let mut text = String::new();
    for name in ["iat", "nbf", "exp", "auth_time"] {
        let Some(time) = claims[name].as_f64().and_then(Timestamp::from_secs_f64) else { continue };
        let (date, ago) = (span::rfc3339(time), span::relative(time, now));
        let expired = if name == "exp" && time <= now { ": expired" } else { "" };
        text += &format!("{name:9} {date}, {ago}{expired}\n");
    }
    if text.is_empty() { text } else { format!("\ntimes by this machine's clock\n{text}") }
}

fn print_json(header: &str, payload: Option<&str>) -> Result<(), Failure> {
    let value = |text: &str, name: &str| {
        serde_json::from_str::<Value>(text)
            .map_err(|_| Failure::usage(format_args!("the {name} is no JSON")))
    };
    let all = json!({
        "verified": false,
        "header": value(header, "header")?,
        "payload": payload.map(|payload| value(payload, "payload")).transpose()?,
    });
    output::print(&format!("{}\n", harmless(&format!("{all:#}"))))
}
