//! The explanation as a person or a script reads it.

use portcullis::{AccessClaims, Explanation, RuleOutcome, RuleReport, Timestamp};
use serde_json::{Value, json};

use super::hints;
use crate::output::harmless;
use crate::span;

/// A line a rule, what is expected and found below where it is broken.
pub(super) fn text(
    explanation: &Explanation,
    claims: Option<&AccessClaims>,
    now: Timestamp,
) -> String {
    let mut text = match explanation.rejection() {
        None => "ACCEPTED".to_owned(),
        Some(rejection) if rejection.kind().is_outage() => {
            format!("UNKNOWN: {}", rejection.kind().title())
        }
        Some(rejection) => {
            format!("REFUSED ({}): {}", rejection.kind().code(), rejection.kind().title())
        }
    };
    if let Some(issuer) = explanation.issuer() {
        text += &format!("\nby the rules for {issuer:?}");
    }
    text += &format!("\nat {} ({now})\n\n", span::rfc3339(now));
    for report in explanation.rules() {
        text += &line(report, now);
    }
    if let Some(claims) = claims.filter(|_| explanation.is_accepted()) {
        let list = |names: &[String]| {
            let names: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        text += &format!("\nroles   {}\nscopes  {}\n", list(claims.roles()), list(claims.scopes()));
        text += "\nWhether it was revoked was not asked.\n";
    }
    harmless(&text)
}

fn line(report: &RuleReport, now: Timestamp) -> String {
    let rule = report.rule().name();
    let found = match report.found() {
        "" => "–".to_owned(),
        found => dated(report, found, now),
    };
    match report.outcome() {
        RuleOutcome::Kept => format!("  ok       {rule:16} {found}\n"),
        RuleOutcome::Unknown => format!("  unknown  {rule:16} {found}\n"),
        RuleOutcome::Broken => {
            let mut text = format!("  BROKEN   {rule:16} {found}\n");
            let mut more = |name: &str, value: &str| {
                if !value.is_empty() {
                    text += &format!("           {:16} {name}: {value}\n", "");
                }
            };
            more("expected", hints::expected(report));
            let rejection = report.rejection();
            if let Some(rejection) = rejection {
                let diagnosis = rejection.diagnosis();
                more("key", diagnosis.key_tried().unwrap_or_default());
                more("off by", &diagnosis.clock_delta().map(span::rough).unwrap_or_default());
                more("refused with", rejection.kind().code());
                more("because", &causes(rejection));
            }
            more("hint", hints::hint(report).unwrap_or_default());
            text
        }
    }
}

fn causes(rejection: &portcullis::Rejection) -> String {
    use std::error::Error as _;
    let causes = std::iter::successors(rejection.source(), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A time with its date.
fn dated(report: &RuleReport, found: &str, now: Timestamp) -> String {
    let time = report.rule().is_about_time().then(|| found.parse().ok()).flatten();
    match time.and_then(Timestamp::from_secs_f64) {
        Some(time) => format!("{found} = {}, {}", span::rfc3339(time), span::relative(time, now)),
        None => found.to_owned(),
    }
}

/// The same for scripts. `kind` is one of the kinds of rejection, `rules` are in the order of checking.
pub(super) fn json(explanation: &Explanation, claims: Option<&AccessClaims>) -> String {
    let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    let rules: Vec<_> = explanation
        .rules()
        .iter()
        .map(|report| {
            let rejection = report.rejection();
            json!({
                "rule": report.rule().name(),
                "outcome": match report.outcome() {
                    RuleOutcome::Kept => "kept",
                    RuleOutcome::Broken => "broken",
                    RuleOutcome::Unknown => "unknown",
                },
                "expected": text(hints::expected(report)),
                "found": text(report.found()),
                "kind": rejection.map(|rejection| rejection.kind().code()),
                "hint": hints::hint(report),
            })
        })
        .collect();
    let outage = explanation.rejection().is_some_and(|rejection| rejection.kind().is_outage());
    let all = json!({
        "accepted": if outage { Value::Null } else { explanation.is_accepted().into() },
        "kind": explanation.rejection().map(|rejection| rejection.kind().code()),
        "issuer": explanation.issuer(),
        "roles": claims.map(AccessClaims::roles),
        "scopes": claims.map(AccessClaims::scopes),
        "rules": rules,
    });
    format!("{}\n", harmless(&format!("{all:#}")))
}
