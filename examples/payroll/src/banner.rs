//! What a first-time visitor reads: where the service listens, who may sign in, and what to paste.

use std::fmt;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;

use crate::revocation::Rules;
use crate::users::DEMO;

/// What there is to know.
pub(crate) struct Banner<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) file: &'a Path,
    pub(crate) rules: Rules,
    /// Whether demo users may sign in.
    pub(crate) demo_users: bool,
    /// Those in the database.
    pub(crate) demo_names: &'a [String],
    pub(crate) has_users: bool,
}

impl Banner<'_> {
    /// Prints it to standard output. Whether anybody reads it does not matter to the service.
    pub(crate) fn print(&self) {
        let mut out = io::stdout().lock();
        if let Err(error) = write!(out, "{self}").and_then(|()| out.flush()) {
            tracing::warn!(%error, "nobody reads the banner");
        }
    }

    /// The lines to paste.
    fn lines(&self) -> Vec<Line> {
        let (sign_out, everywhere) = (self.rules.sign_out(), self.rules.sign_out_everywhere());
        let done = |possible| if possible { 204 } else { 409 };
        let ended = |possible| if possible { 401 } else { 200 };
        let [bob, alice] = DEMO;
        vec![
            Line::new("GET", "/workers", 401),
            Line::sign_in("BOB", bob.name, bob.password),
            Line::new("GET", "/me", 200).token("BOB"),
            Line::new("GET", "/workers", 200).token("BOB"),
            Line::new("POST", "/payments", 403)
                .token("BOB")
                .json(r#"{"worker_id":1,"amount_cents":910000}"#),
            Line::sign_in("ALICE", alice.name, alice.password),
            Line::new("POST", "/payments", 201)
                .token("ALICE")
                .json(r#"{"worker_id":1,"amount_cents":910000}"#),
            Line::new("POST", "/payments", 422)
                .token("ALICE")
                .json(r#"{"worker_id":1,"amount_cents":-1}"#),
            Line::new("PATCH", "/workers/1", 200).token("ALICE").json(r#"{"salary_cents":950000}"#),
            Line::new("GET", "/payments", 200).token("BOB"),
            Line::new("POST", "/signout", done(sign_out)).token("BOB"),
            Line::new("GET", "/me", ended(sign_out)).token("BOB"),
            Line::new("POST", "/users/alice/sign-out-everywhere", done(everywhere)).token("ALICE"),
            Line::new("GET", "/me", ended(everywhere)).token("ALICE"),
            Line::sign_in("ALICE", alice.name, alice.password),
            Line::new("GET", "/me", 200).token("ALICE"),
            Line::new("POST", "/admin/rotate-key", 204).token("ALICE"),
            Line::new("GET", "/me", 200).token("ALICE"),
            Line::new("POST", "/admin/rotate-key?revoke=true", 204).token("ALICE"),
            Line::new("GET", "/me", 401).token("ALICE"),
        ]
    }

    fn demo(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Demo users:\n")?;
        for demo in DEMO {
            let role = demo.role.as_str();
            writeln!(f, "  {:5}  {role:6}  password: {}", demo.name, demo.password)?;
        }
        writeln!(
            f,
            "\nPaste these lines into a shell, in this order; each says which status it got and which\n\
             to expect.\n"
        )?;
        for line in self.lines() {
            writeln!(f, "{}", line.command(self.address))?;
        }
        Ok(())
    }
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, file, rules, .. } = self;
        writeln!(f, "Payroll is listening on http://{address}")?;
        writeln!(f, "Database: {}; revocation: {rules}\n", file.display())?;
        let add = add_user(file);
        if self.demo_users && self.demo_names.len() == DEMO.len() {
            self.demo(f)?;
        } else if !self.demo_users && !self.demo_names.is_empty() {
            writeln!(
                f,
                "Others can reach this address, so the demo users ({}) are refused. Add users by\n\n  {add}",
                self.demo_names.join(", ")
            )?;
        } else if !self.has_users {
            writeln!(
                f,
                "Others can reach this address, so there are no demo users. Add users by\n\n  {add}"
            )?;
        }
        writeln!(f, "\nPress Ctrl-C to stop.")
    }
}

/// The line that adds a user, whose password is read from a file so that no shell keeps it.
fn add_user(file: &Path) -> String {
    let file = file.display().to_string().replace('\'', r"'\''");
    format!("cargo run -p payroll -- add-user NAME --role admin --database '{file}' < password.txt")
}

/// One request to paste, and the status to expect.
struct Line {
    method: &'static str,
    path: &'static str,
    status: u16,
    /// The shell variable that holds the token.
    token: Option<&'static str>,
    json: Option<String>,
    /// The shell variable that the token is put into.
    into: Option<&'static str>,
}

impl Line {
    const fn new(method: &'static str, path: &'static str, status: u16) -> Self {
        Self { method, path, status, token: None, json: None, into: None }
    }

    fn sign_in(into: &'static str, name: &str, password: &str) -> Self {
        let json = format!(r#"{{"username":"{name}","password":"{password}"}}"#);
        Self { into: Some(into), ..Self::new("POST", "/signin", 200).json(json) }
    }

    fn token(self, variable: &'static str) -> Self {
        Self { token: Some(variable), ..self }
    }

    fn json(self, json: impl Into<String>) -> Self {
        Self { json: Some(json.into()), ..self }
    }

    /// Plain curl, for any shell: no comments, which zsh would take for arguments, and nothing
    /// unquoted that a shell could expand.
    fn command(&self, address: SocketAddr) -> String {
        let Self { method, path, status, .. } = self;
        // the status of a sign-in goes round the pipe that cuts out the token
        let to = if self.into.is_some() { "%{stderr}" } else { "" };
        let mut command = format!("curl -sS -w '{to} -> %{{http_code}}, expect {status}\\n'");
        if *method != "GET" && (self.json.is_none() || *method != "POST") {
            command += &format!(" -X {method}");
        }
        if let Some(variable) = self.token {
            command += &format!(" -H \"Authorization: Bearer ${variable}\"");
        }
        if let Some(json) = &self.json {
            command += &format!(" -H 'Content-Type: application/json' -d '{json}'");
        }
        command += &format!(" 'http://{address}{path}'");
        match self.into {
            Some(variable) => {
                let cut = r#"sed 's/.*"access_token":"\([^"]*\)".*/\1/'"#;
                format!("{variable}=$({command} | {cut})")
            }
            None => command,
        }
    }
}
