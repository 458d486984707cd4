//! `portcullis doctor`: fetches what an issuer publishes, as a verifier would, and judges it.

mod judge;
mod record;

use std::process::ExitCode;
use std::time::Duration;

use portcullis_oidc::config::Span;
use portcullis_oidc::{FetchError, FetchErrorKind, HttpClient, RemoteKeys};
use serde_json::json;

use crate::exit::{Failure, Outcome, REFUSED, UNKNOWN};
use crate::output::{self, harmless, without_tokens};
use crate::{input, runtime};
use record::Recorder;

/// Fetches the metadata and the keys of an issuer and judges them.
///
/// It fetches as a verifier does: https only, no redirects, the issuer's own name in the metadata, keys at the
/// same origin. Then it looks at the keys, at how long they may be cached, and at the clock.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis doctor https://idp.example.com\n\n\
    Exit codes: 0 nothing is wrong, though there may be advice; 1 there is a fault; 2 wrong usage; 3 the \
    issuer is out of reach.")]
pub(crate) struct Args {
    /// Who issues the tokens, exactly as their `iss` has it.
    issuer: String,

    /// By the metadata of an OAuth authorization server (RFC 8414) in place of OpenID's.
    #[arg(long)]
    oauth: bool,

    /// An origin at which the metadata may place the keys, beside their own; repeat it for several.
    #[arg(long, value_name = "ORIGIN")]
    jwks_origin: Vec<String>,

    /// Authorities to trust beside the system's: a file of certificates in PEM.
    #[arg(long, value_name = "FILE")]
    root_certificates: Option<std::path::PathBuf>,

    /// How long each document may take.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    timeout: Span,

    /// One JSON object, for scripts.
    #[arg(long)]
    json: bool,
}

/// How a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Good,
    Advice,
    Unknown,
    Fault,
}

impl Weight {
    const fn name(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Advice => "advice",
            Self::Unknown => "unknown",
            Self::Fault => "FAULT",
        }
    }
}

/// Something that was looked at.
struct Finding {
    weight: Weight,
    about: &'static str,
    text: String,
}

fn finding(weight: Weight, about: &'static str, text: impl Into<String>) -> Finding {
    Finding { weight, about, text: text.into() }
}

pub(crate) fn run(args: &Args) -> Outcome {
    let mut client = HttpClient::builder();
    if let Some(path) = &args.root_certificates {
        client = client.more_root_certificates(input::file(path)?.to_vec());
    }
    let client = client.build().map_err(Failure::usage)?;
    runtime()?.block_on(async {
        let recorder = Recorder::new(client);
        let keys = match args.oauth {
            true => RemoteKeys::discover_oauth(&args.issuer),
            false => RemoteKeys::discover(&args.issuer),
        };
        let keys =
            args.jwks_origin.iter().fold(keys, portcullis_oidc::RemoteKeysBuilder::allow_keys_at);
        let keys =
            keys.timeout(args.timeout.0).spawn_with(recorder.clone()).map_err(Failure::usage)?;
        // two documents, each with its own limit
        let limit = args.timeout.0.saturating_mul(2) + Duration::from_secs(1);
        let fetched = tokio::time::timeout(limit, keys.refresh()).await;
        keys.shutdown();
        let mut findings = Vec::new();
        match &fetched {
            Ok(Ok(())) => findings.push(finding(
                Weight::Good,
                "fetching",
                "the metadata are the issuer's, and its keys can be had",
            )),
            Ok(Err(error)) => {
                findings.push(finding(weight_of(error), "fetching", chain(error)));
                let had_metadata = !recorder.documents().is_empty();
                let advice = advice(error, args.oauth, had_metadata);
                findings.extend(advice.map(|text| finding(Weight::Advice, "fetching", text)));
            }
            Err(_) => findings.push(finding(Weight::Unknown, "fetching", "no answer in time")),
        }
        findings.extend(judge::all(&recorder.documents()));
        report(args, &findings)
    })
}

/// An issuer that does not answer may be well; one that answers wrongly is not.
fn weight_of(error: &FetchError) -> Weight {
    match error.kind() {
        FetchErrorKind::Transport | FetchErrorKind::Timeout | FetchErrorKind::NotFetchedYet => {
            Weight::Unknown
        }
        FetchErrorKind::Status
            if error.status().is_some_and(|status| status.is_server_error() || status == 429) =>
        {
            Weight::Unknown
        }
        _ => Weight::Fault,
    }
}

/// What to do about it, where that is not the issuer's part.
fn advice(error: &FetchError, oauth: bool, had_metadata: bool) -> Option<&'static str> {
    let is_absent = |status: http::StatusCode| status == 404 && !had_metadata;
    match error.kind() {
        FetchErrorKind::WrongIssuer => Some(
            "write the issuer to the letter as its metadata, and the `iss` of its tokens, have it",
        ),
        FetchErrorKind::ForbiddenAddress => Some(
            "if its keys belong there, say so: --jwks-origin here, PORTCULLIS_JWKS_ORIGIN for the gate",
        ),
        FetchErrorKind::Status if error.status().is_some_and(is_absent) => Some(match oauth {
            false => {
                "is the issuer's name right? Servers without OpenID have other metadata: --oauth"
            }
            true => "is the issuer's name right? Most have OpenID's metadata: leave out --oauth",
        }),
        _ => None,
    }
}

fn chain(error: &FetchError) -> String {
    use std::error::Error as _;
    let causes = std::iter::successors(error.source(), |&error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn report(args: &Args, findings: &[Finding]) -> Outcome {
    let worst = findings.iter().map(|finding| finding.weight).max().unwrap_or(Weight::Good);
    let text = if args.json {
        let findings: Vec<_> = findings
            .iter()
            .map(|finding| {
                json!({"weight": finding.weight.name().to_lowercase(), "about": finding.about, "text": finding.text})
            })
            .collect();
        let all = json!({"issuer": args.issuer, "healthy": worst <= Weight::Advice, "findings": findings});
        format!("{all:#}\n")
    } else {
        let line = |finding: &Finding| {
            format!("  {:8} {:10} {}\n", finding.weight.name(), finding.about, finding.text)
        };
        findings.iter().map(line).collect()
    };
    output::print(&harmless(&without_tokens(&text)))?;
    Ok(match worst {
        Weight::Good | Weight::Advice => ExitCode::SUCCESS,
        Weight::Unknown => ExitCode::from(UNKNOWN),
        Weight::Fault => ExitCode::from(REFUSED),
    })
}
