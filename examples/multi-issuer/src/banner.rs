//! What to try, and what to expect.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::issuers::Tenants;
use crate::stand_ins::StandIns;

/// One token to get and one request to send with it.
struct Line {
    /// Where the token comes from.
    token: String,
    request: &'static str,
    status: u16,
    why: &'static str,
}

pub(crate) fn text(address: SocketAddr, tenants: &Tenants, stand_ins: Option<&StandIns>) -> String {
    let mut text = format!("multi-issuer is listening on http://{address}\n\nTrusted issuers:\n");
    let names = [
        ("Auth0, domain", &tenants.auth0),
        ("Entra ID, tenant", &tenants.entra),
        ("Cognito, user pool", &tenants.cognito),
    ];
    for (what, tenant) in names {
        if let Some(tenant) = tenant {
            // writing to a String does not fail
            let _ = writeln!(text, "  {what} {}", tenant.name);
        }
    }
    let Some(stand_ins) = stand_ins else {
        text += "\nGet a token from one of them, and send it:\n\n";
        let _ = writeln!(text, "  curl -H \"Authorization: Bearer $TOKEN\" 'http://{address}/me'");
        return text + "\nPress Ctrl-C to stop.\n";
    };
    text += "\nStand-ins on this machine have their keys and sign tokens as they do. The README says how to configure\n\
             real ones. Paste these lines into a shell; each says which status it got and which to expect.\n";
    let mut about = "";
    for line in lines(stand_ins) {
        if line.why != about {
            about = line.why;
            let _ = writeln!(text, "\n{about}:\n");
        }
        let Line { token, request, status, .. } = line;
        let _ = writeln!(
            text,
            "curl -sS -w ' -> %{{http_code}}, expect {status}\\n' -H \"Authorization: Bearer $(curl -sS '{token}')\" \
             {request}",
            request = request.replace('@', &format!("http://{address}")),
        );
    }
    text + "\nPress Ctrl-C to stop.\n"
}

fn lines(at: &StandIns) -> Vec<Line> {
    let line = |issuer: &str, kind: &str, request, status, why| {
        let token = format!("{issuer}/token/{kind}");
        Line { token, request, status, why }
    };
    let (me, workers, pay) = ("'@/me'", "'@/workers'", "-X POST '@/payments'");
    let good = "Good tokens of each issuer";
    let assert = "A role counts only from the issuer that may give it";
    let alike = "Look-alikes: an ID token, another tenant, another client";
    vec![
        line(&at.auth0, "access", me, 200, good),
        line(&at.auth0, "access", workers, 200, good),
        line(&at.entra, "reader", workers, 200, good),
        line(&at.entra, "admin", pay, 200, good),
        line(&at.cognito, "access", workers, 200, good),
        line(&at.cognito, "access", pay, 200, good),
        line(&at.auth0, "access", pay, 403, assert),
        line(&at.auth0, "admin", pay, 403, assert),
        line(&at.entra, "reader", pay, 403, assert),
        line(&at.auth0, "id", me, 401, alike),
        line(&at.entra, "stranger", me, 401, alike),
        line(&at.cognito, "id", me, 401, alike),
        line(&at.cognito, "other", me, 401, alike),
    ]
}
