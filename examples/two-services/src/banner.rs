//! What a first-time visitor reads: where the services listen, tokens, and what to paste.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use crate::certificates::AUTHORITY;

/// The end of every banner of a service.
const END: &str = "\nPress Ctrl-C to stop.\n";

/// Prints it to standard output. Whether anybody reads it does not matter to the services.
pub(crate) fn print(text: String) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        tracing::warn!(%error, "nobody reads the banner");
    }
}

/// For one service.
pub(crate) fn one(service: &str, url: &str, tokens: &[(&str, String)]) -> String {
    format!("{service} is listening on {url}\n\n{}{END}", variables(tokens))
}

/// For all of them.
pub(crate) fn all(
    folder: &Path,
    orders: &str,
    billing: &str,
    google: &str,
    tokens: &[(&str, String)],
) -> String {
    let mut text = format!(
        "Orders is listening on {orders}, Billing on {billing}, and what stands in for Google on {google}.\n\n\
         Paste this into a shell: tokens, which are good for an hour, and the authority to trust.\n\n\
         CA='{}'\n{}",
        folder.join(AUTHORITY).display().to_string().replace('\'', r"'\''"),
        variables(tokens),
    );
    for (heading, lines) in [
        (
            "Bob places an order. Orders mints a token for Billing and charges him there.",
            &[
                Line::post(201, orders, "/orders").token("CUSTOMER").json(ORDER),
                Line::post(401, orders, "/orders").json(ORDER),
            ][..],
        ),
        (
            "Billing trusts Orders by its keys, for tokens that name Billing and that Orders may have issued.",
            &[
                Line::get(200, orders, "/.well-known/oauth-authorization-server"),
                Line::get(200, orders, "/keys"),
                Line::get(401, billing, "/totals"),
                Line::post(201, billing, "/charges").token("FOR_BILLING").json(ORDER),
                Line::get(401, billing, "/totals").token("FOR_SHIPPING"),
                Line::get(401, billing, "/totals").token("CUSTOMER"),
                Line::get(401, billing, "/totals").token("POSING"),
                Line::post(401, orders, "/orders").token("FOR_BILLING").json(ORDER),
            ],
        ),
        (
            "A service account of Google signs for itself. Billing lets it look, and not charge.",
            &[
                Line::get(200, billing, "/totals").token("NIGHTLY"),
                Line::post(403, billing, "/charges").token("NIGHTLY").json(ORDER),
                Line::get(401, billing, "/totals").token("NIGHTLY_ELSEWHERE"),
                Line::get(401, billing, "/totals").token("NIGHTLY_TOO_LONG"),
                Line::get(401, billing, "/totals").token("NIGHTLY_FORGED"),
                Line::get(401, billing, "/totals").token("STRANGER"),
            ],
        ),
        (
            "Orders signs with a new key. Billing fetches it when it meets it; what the old one signed still works.",
            &[
                Line::post(403, orders, "/keys/rotate").token("CUSTOMER"),
                Line::post(204, orders, "/keys/rotate").token("OPERATOR"),
                Line::post(201, orders, "/orders").token("CUSTOMER").json(ORDER),
                Line::get(200, billing, "/totals").token("FOR_BILLING"),
            ],
        ),
    ] {
        let _ = writeln!(text, "\n{heading}\n");
        for line in lines {
            let _ = writeln!(text, "{}", line.command());
        }
    }
    text + END
}

const ORDER: &str = r#"{"cents":4200}"#;

fn variables(tokens: &[(&str, String)]) -> String {
    tokens.iter().map(|(name, token)| format!("{name}={token}\n")).collect()
}

/// One request to paste, and the status to expect.
struct Line<'a> {
    status: u16,
    post: bool,
    service: &'a str,
    path: &'static str,
    /// The shell variable that holds the token.
    token: Option<&'static str>,
    json: Option<&'static str>,
}

impl<'a> Line<'a> {
    const fn get(status: u16, service: &'a str, path: &'static str) -> Self {
        Self { status, post: false, service, path, token: None, json: None }
    }

    const fn post(status: u16, service: &'a str, path: &'static str) -> Self {
        Self { post: true, ..Self::get(status, service, path) }
    }

    const fn token(self, variable: &'static str) -> Self {
        Self { token: Some(variable), ..self }
    }

    const fn json(self, json: &'static str) -> Self {
        Self { json: Some(json), ..self }
    }

    /// Plain curl, for any shell: no comments, which zsh would take for arguments.
    fn command(&self) -> String {
        let Self { status, post, service, path, .. } = self;
        let mut command =
            format!("curl -sS --cacert \"$CA\" -w ' -> %{{http_code}}, expect {status}\\n'");
        if *post && self.json.is_none() {
            command += " -X POST";
        }
        if let Some(variable) = self.token {
            command += &format!(" -H \"Authorization: Bearer ${variable}\"");
        }
        if let Some(json) = self.json {
            command += &format!(" -H 'Content-Type: application/json' -d '{json}'");
        }
        command + &format!(" '{service}{path}'")
    }
}
