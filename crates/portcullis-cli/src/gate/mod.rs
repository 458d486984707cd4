//! `portcullis gate`: answers a proxy that asks whether a request may pass.
//!
//! `settings` is what it reads, `server` the sockets, `routes` the four paths, `verify` the judgement,
//! `answer` the headers that the proxy passes on, `metrics` the counts.

mod answer;
mod metrics;
mod routes;
mod server;
pub(crate) mod settings;
mod verify;

use std::process::ExitCode;

use crate::exit::{Failure, Outcome};
use crate::runtime;

/// Serves a proxy that asks whether a request may pass: nginx auth_request, Traefik, Caddy, Envoy.
///
/// It is configured by variables; docs/configuration.md lists them, docs/gate.md has recipes for proxies.
/// `GET /verify` with the headers of the request in question is answered with 200 and who the caller is
/// (X-Auth-Issuer, X-Auth-Subject, X-Auth-Roles, X-Auth-Scope), or with 400, 401, 403 or 503.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    PORTCULLIS_ISSUER=https://idp.example.com PORTCULLIS_AUDIENCE=payroll portcullis gate")]
pub(crate) struct Args {
    /// Reads the configuration, says what it makes of it, and ends: 0 if it is good, 2 if not.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let settings = settings::Settings::from_env().map_err(Failure::usage)?;
    runtime()?.block_on(async {
        let gate = verify::Gate::new(&settings)?;
        if args.check {
            crate::output::print("the configuration is good\n")?;
            return Ok(ExitCode::SUCCESS);
        }
        server::serve(&settings, gate).await?;
        Ok(ExitCode::SUCCESS)
    })
}
