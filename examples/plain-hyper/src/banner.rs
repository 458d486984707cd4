//! What a first-time visitor reads: lines to paste, each with the status to expect.

use std::io::{self, Write};
use std::net::SocketAddr;

use portcullis_issuer::TokenIssuer;

use crate::issuer::token;

/// Prints it to standard output.
pub(crate) fn print(address: SocketAddr, issuer: &TokenIssuer) -> anyhow::Result<()> {
    let bob = token(issuer, "bob", &["reader"])?;
    let alice = token(issuer, "alice", &["admin"])?;
    let forged = format!("{}AAAA", &alice[..alice.len() - 4]);
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "Listening on http://{address}. Paste these lines into another terminal; each request says which status\n\
         it got and which to expect.\n\n\
         BOB={bob}\n\
         ALICE={alice}\n\
         FORGED={forged}\n"
    )?;
    for (method, path, who, status) in [
        ("GET", "/healthz", None, 200),
        ("GET", "/me", None, 401),
        ("GET", "/me", Some("BOB"), 200),
        ("GET", "/me", Some("FORGED"), 401),
        ("DELETE", "/cache", Some("BOB"), 403),
        ("DELETE", "/cache", Some("ALICE"), 204),
        ("GET", "/elsewhere", None, 401),
        ("GET", "/elsewhere", Some("ALICE"), 404),
    ] {
        let method = if method == "GET" { String::new() } else { format!(" -X {method}") };
        let token =
            who.map(|who| format!(" -H \"Authorization: Bearer ${who}\"")).unwrap_or_default();
        // no comment, which zsh would take for arguments
        let say = format!("-w ' -> %{{http_code}}, expect {status}\\n'");
        writeln!(out, "curl -sSi {say}{method}{token} http://{address}{path}")?;
    }
    writeln!(out, "\nThe tokens are good for an hour. Ctrl-C stops the service.")?;
    out.flush()?;
    Ok(())
}
