//! What a broken rule expects and what to do about it, where nothing is told that is special to the token.

use portcullis::{RejectionKind as Kind, Rule, RuleReport};

/// What the rule expects.
pub(super) fn expected(report: &RuleReport) -> &str {
    match (report.expected(), report.rule()) {
        ("", Rule::Header) => "distinct parameters, none that is refused",
        ("", Rule::Key) => "a key of the issuer",
        ("", Rule::Signature) => "made with a key of the issuer",
        ("", Rule::Claims) => "distinct claims, each of its type",
        ("", Rule::Binding) => "no `cnf`",
        ("", Rule::Event) => "no `events`",
        (told, _) => told,
    }
}

/// What to do about a rule that is broken.
pub(super) fn hint(report: &RuleReport) -> Option<&str> {
    let kind = report.rejection()?.kind();
    Some(report.hint().unwrap_or_else(|| usual(report.rule(), kind)))
}

fn usual(rule: Rule, kind: Kind) -> &'static str {
    match (kind, rule) {
        (Kind::KeysUnavailable, _) => {
            "it says nothing about the token; `portcullis doctor` looks at the issuer"
        }
        (Kind::TokenTooLarge, _) => {
            "have the issuer put less into it: it is sent with each request"
        }
        (Kind::MalformedToken, _) => "was it cut, or pasted with something else?",
        (Kind::ForbiddenHeader, _) => {
            "have the issuer leave it out; keys are never taken from a token"
        }
        (Kind::AlgorithmNotAllowed, _) => {
            "compare the `alg` of the issuer's keys; the token may be another issuer's"
        }
        (Kind::UntrustedIssuer, _) => {
            "names are compared to the letter, a slash at the end included; the token may be from another \
             environment"
        }
        (Kind::UnknownKey, _) => "the token may be from another environment",
        (Kind::InvalidSignature, _) => {
            "it was changed on its way, or signed by somebody else whose key has the same name"
        }
        (Kind::WrongType, _) => {
            "an access token is asked for; --type and PORTCULLIS_TYPES accept others"
        }
        (Kind::DuplicateClaim, _) => {
            "have the issuer write it once: readers differ in which of two counts"
        }
        (Kind::Expired, _) => "get a fresh token",
        (Kind::NotYetValid | Kind::IssuedInFuture, _) => {
            "wait, or set the clocks: those of the issuer and of this machine may differ"
        }
        (Kind::TooOld, _) => "have the user sign in again",
        (Kind::LifetimeTooLong, _) => "have the issuer give it less time, or allow more",
        (Kind::WrongAudience, _) => {
            "ask the issuer for a token for this service, or name the audience here if it is one of its own"
        }
        (Kind::WrongClaim, _) => {
            "it is somebody else's, or not of the kind that is meant for this service"
        }
        (Kind::MissingClaim, Rule::Audience) => {
            "ask for a token for this service by its audience; some issuers write none unless asked"
        }
        (Kind::MissingClaim, _) => {
            "have the issuer write it; where it never does, it may be an ID token or another issuer's"
        }
        (Kind::InvalidClaim | Kind::InvalidClaims, _) => {
            "compare it with what `portcullis inspect` shows, and the settings with the issuer's documentation"
        }
        (Kind::BoundToken, _) => "ask for a token that is not bound to a key",
        _ => "docs/errors.md has a section on this kind of refusal",
    }
}
