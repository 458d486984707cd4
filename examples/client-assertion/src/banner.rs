//! What a first-time visitor reads: what to paste, and the status to expect.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

/// Prints it to standard output. Whether anybody reads it does not matter to the service.
pub(crate) fn print(url: &str, folder: &Path, clients: &Path) {
    let program = std::env::current_exe()
        .map_or_else(|_| "client-assertion".to_owned(), |path| quoted(&path));
    let text = text(url, &program, folder, clients);
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        tracing::warn!(%error, "nobody reads the banner");
    }
}

fn text(url: &str, program: &str, folder: &Path, clients: &Path) -> String {
    let mut text = format!(
        "Listening on {url}; the public keys of trusted clients are in {}\n\n\
         Paste these lines into a shell, in this order; each request says which status it got and which to expect.\n\n\
         PROGRAM={program}\nMINE={}\nCLIENTS={}\n",
        clients.display(),
        quoted(folder),
        quoted(clients),
    );
    for (heading, lines) in [
        (
            "Nightly makes a key. The server trusts it as soon as the public half is in the directory.",
            &[
                Line::Run("\"$PROGRAM\" keygen nightly --private \"$MINE\" --public \"$CLIENTS\""),
                Line::Sign("A", "nightly", ""),
                Line::Token("TOKEN", "A", CREDENTIALS),
                Line::Get("/me", "TOKEN", 200),
                Line::Get("/reports", "TOKEN", 200),
                Line::Post("/reports", "TOKEN", 403),
                Line::Get("/reports", "A", 401),
            ][..],
        ),
        ("An assertion works once.", &[Line::Ask("A", CREDENTIALS, 401)]),
        (
            "It must not live long, and it must be for this server.",
            &[
                Line::Sign("A", "nightly", " --lifetime 3600"),
                Line::Ask("A", CREDENTIALS, 401),
                Line::SignFor("A", "nightly", "https://elsewhere.example"),
                Line::Ask("A", CREDENTIALS, 401),
            ],
        ),
        (
            "The JWT bearer grant, with a key of another kind.",
            &[
                Line::Run(
                    "\"$PROGRAM\" keygen weekly --alg rs256 --private \"$MINE\" --public \"$CLIENTS\"",
                ),
                Line::Sign("A", "weekly", ""),
                Line::Token("WEEKLY", "A", GRANT),
                Line::Get("/me", "WEEKLY", 200),
                Line::Ask("A", GRANT, 400),
            ],
        ),
        (
            "Nobody knows this client, and soon nobody knows nightly: its key is taken away.",
            &[
                Line::Run("\"$PROGRAM\" keygen stranger --private \"$MINE\" --public \"$MINE\""),
                Line::Sign("A", "stranger", ""),
                Line::Ask("A", CREDENTIALS, 401),
                Line::Run("mv \"$CLIENTS/nightly.pem\" \"$MINE\""),
                Line::Sign("A", "nightly", ""),
                Line::Ask("A", CREDENTIALS, 401),
                Line::Sign("A", "nightly", ""),
                Line::Ask("A", GRANT, 400),
            ],
        ),
    ] {
        let _ = writeln!(text, "\n{heading}\n");
        for line in lines {
            let _ = writeln!(text, "{}", line.command(url));
        }
    }
    text + "\nPress Ctrl-C to stop.\n"
}

/// For a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// The client says who it is, and asks for a token for itself (RFC 7523 §2.2).
const CREDENTIALS: &str = "-d grant_type=client_credentials \
    -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer -d \"client_assertion=";

/// The assertion itself is what a token is given for (RFC 7523 §2.1).
const GRANT: &str = "-d grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer -d \"assertion=";

/// A line to paste.
enum Line {
    Run(&'static str),
    /// An assertion of a client into a variable, with these options.
    Sign(&'static str, &'static str, &'static str),
    /// For somebody else.
    SignFor(&'static str, &'static str, &'static str),
    /// A token into a variable, for the assertion in another.
    Token(&'static str, &'static str, &'static str),
    /// As `Token`, which is refused.
    Ask(&'static str, &'static str, u16),
    Get(&'static str, &'static str, u16),
    Post(&'static str, &'static str, u16),
}

impl Line {
    /// Plain curl, for any shell: no comments, which zsh would take for arguments.
    fn command(&self, url: &str) -> String {
        match self {
            Self::Run(command) => (*command).to_owned(),
            Self::Sign(variable, client, options) => sign(variable, client, url, options),
            Self::SignFor(variable, client, audience) => sign(variable, client, audience, ""),
            Self::Token(variable, assertion, grant) => {
                // the status goes round the pipe that cuts out the token
                let ask = ask("%{stderr}", grant, assertion, url, 200);
                let cut = r#"sed 's/.*"access_token":"\([^"]*\)".*/\1/'"#;
                format!("{variable}=$({ask} | {cut})")
            }
            Self::Ask(assertion, grant, status) => ask("", grant, assertion, url, *status),
            Self::Get(path, token, status) => request("", path, token, url, *status),
            Self::Post(path, token, status) => request(" -X POST", path, token, url, *status),
        }
    }
}

fn sign(variable: &str, client: &str, audience: &str, options: &str) -> String {
    format!(
        "{variable}=$(\"$PROGRAM\" sign {client} --key \"$MINE/{client}.key.pem\" --audience '{audience}'{options})"
    )
}

fn ask(to: &str, grant: &str, assertion: &str, url: &str, status: u16) -> String {
    format!("{} {grant}${assertion}\" '{url}/token'", curl(to, status))
}

fn request(method: &str, path: &str, token: &str, url: &str, status: u16) -> String {
    format!("{}{method} -H \"Authorization: Bearer ${token}\" '{url}{path}'", curl("", status))
}

fn curl(to: &str, status: u16) -> String {
    format!("curl -sS -w '{to} -> %{{http_code}}, expect {status}\\n'")
}
