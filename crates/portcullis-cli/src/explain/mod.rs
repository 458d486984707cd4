//! `portcullis explain`: why a token is accepted or refused, rule by rule.

mod hints;
mod report;
mod whom;

use std::process::ExitCode;
use std::time::Duration;

use portcullis::{AccessClaims, Clock, Explanation, SystemClock, Timestamp, Verifier};
use portcullis_oidc::config::{Span, Started};

use crate::exit::{Failure, Outcome, REFUSED, UNKNOWN};
use crate::{input, output, runtime};

/// Says why a token is accepted or refused: every rule, what it expects, what it found, and what to do.
///
/// The rules are those of the services behind Portcullis: give --issuer, --audience and where the keys are,
/// or leave --issuer out to judge by the variables that configure `gate` (PORTCULLIS_ISSUER and so on).
/// Whether the token was revoked is not asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    portcullis explain - --issuer https://idp.example.com --audience payroll < token\n  \
    portcullis explain - --issuer https://me.example --audience payroll --jwks jwks.json < token\n\n\
    Exit codes: 0 accepted; 1 refused; 2 wrong usage or configuration; 3 it can't be known now, because \
    the keys are out of reach.")]
pub(crate) struct Args {
    /// The token; `-` reads it from standard input, which other users of this machine can't see.
    token: String,

    #[command(flatten)]
    whom: whom::Whom,

    /// Judges as if it were this time, in seconds since 1970: was the token good then?
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    at: Option<i64>,

    /// How long to wait for the keys.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    timeout: Span,

    /// One JSON object, for scripts.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let config = args.whom.config()?;
    let token = input::token(&args.token)?;
    runtime()?.block_on(async {
        let started = config.start().map_err(Failure::usage)?;
        fetch_keys(&started, args.timeout.0).await;
        // whole seconds, which are easier to read beside those of a token
        let now = args.at.unwrap_or_else(|| SystemClock::new().now().as_secs());
        let now = Timestamp::from_secs(now);
        let verifier = verifier(&started, now)?;
        // looks for a key that was not there, as a service would
        let verified = verifier.verify_async(token.as_str());
        let verified = tokio::time::timeout(args.timeout.0, verified).await;
        let claims = verified.ok().and_then(Result::ok);
        let explanation = verifier.explain(token.as_str());
        let text = if args.json {
            report::json(&explanation, claims.as_deref())
        } else {
            report::text(&explanation, claims.as_deref(), now)
        };
        output::print(&text)?;
        Ok(code(&explanation))
    })
}

fn code(explanation: &Explanation) -> ExitCode {
    match explanation.rejection() {
        None => ExitCode::SUCCESS,
        Some(rejection) if rejection.kind().is_outage() => ExitCode::from(UNKNOWN),
        Some(_) => ExitCode::from(REFUSED),
    }
}

fn verifier(started: &Started, now: Timestamp) -> Result<Verifier<AccessClaims>, Failure> {
    let builder = Verifier::builder().clock(At(now));
    let builder =
        started.issuers().iter().cloned().fold(builder, portcullis::VerifierBuilder::trust);
    builder.build().map_err(Failure::usage)
}

/// Waits for one attempt at the keys of each issuer. That they are out of reach is told by the rule about
/// keys, with the cause.
async fn fetch_keys(started: &Started, limit: Duration) {
    let end = tokio::time::Instant::now() + limit;
    for (_, keys) in started.remote_keys() {
        let _ = tokio::time::timeout_at(end, keys.refresh()).await;
    }
}

/// A clock that stands still: all rules are judged at one moment.
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}
