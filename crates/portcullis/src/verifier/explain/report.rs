//! What is written down about a rule that is kept, where no diagnosis says it.

use portcullis_core::Timestamp;

use super::super::TrustedIssuer;
use super::super::issuer::Issuer;
use super::super::rules::{expected_audience, expected_types, shown_audience};
use super::{Explanation, Rule, RuleReport, Verdict};
use crate::claims::Captured;
use crate::error::{Rejection, quoted};
use crate::jws::Header;

impl Explanation {
    pub(super) fn new() -> Self {
        Self { issuer: None, rules: Vec::new() }
    }

    pub(super) fn judged_by(&mut self, issuer: &str) {
        self.issuer = Some(issuer.to_owned());
    }

    pub(super) fn kept(&mut self, rule: Rule, (expected, found): (String, String)) {
        self.rules.push(RuleReport { rule, expected, found, verdict: Verdict::Kept });
    }

    pub(super) fn broken(&mut self, rule: Rule, rejection: Rejection) {
        let diagnosis = rejection.diagnosis();
        let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
        self.rules.push(RuleReport {
            rule,
            expected: owned(diagnosis.expected_value()),
            found: owned(diagnosis.found_value()),
            verdict: Verdict::Broken(rejection),
        });
    }

    pub(super) fn unknown(&mut self, rules: &[Rule], why: &str) {
        for &rule in rules {
            let (expected, found) = (String::new(), why.to_owned());
            self.rules.push(RuleReport { rule, expected, found, verdict: Verdict::Unknown });
        }
    }

    pub(super) fn verdict(
        &mut self,
        rule: Rule,
        verdict: Result<(), Rejection>,
        texts: impl FnOnce() -> (String, String),
    ) {
        match verdict {
            Ok(()) => self.kept(rule, texts()),
            Err(rejection) => self.broken(rule, rejection),
        }
    }
}

/// What a good header says that matters.
pub(super) fn header(header: &Header) -> (String, String) {
    let mut found = format!("alg {}", quoted(header.algorithm()));
    for (name, value) in [("kid", header.key_id()), ("typ", header.typ())] {
        if let Some(value) = value {
            found += &format!(", {name} {}", quoted(value));
        }
    }
    ("distinct parameters, none that is refused".into(), found)
}

pub(super) fn typ(settings: &Issuer, header: &Header) -> (String, String) {
    (expected_types(&settings.types), header.typ().map_or_else(|| "none".to_owned(), quoted))
}

/// What a rule about the claims wanted, and what it was content with.
pub(super) fn claim_rule(
    rule: Rule,
    issuer: &TrustedIssuer,
    claims: &Captured<'_>,
    now: Timestamp,
) -> (String, String) {
    let settings = &issuer.settings;
    let leeway = settings.leeway;
    let time = |time: Option<Timestamp>| time.map_or_else(|| "none".to_owned(), |t| t.to_string());
    match rule {
        Rule::Issuer => {
            let other = issuer.settings.other_names.iter().map(String::as_str);
            let names: Vec<_> = std::iter::once(issuer.name()).chain(other).map(quoted).collect();
            (names.join(" or "), quoted(claims.issuer.as_deref().unwrap_or_default()))
        }
        Rule::ClaimValues => ("the values that are asked for".into(), "these".into()),
        Rule::RequiredClaims => {
            let required = &issuer.claim_names().required;
            let names: Vec<_> = required.iter().map(|name| quoted(name)).collect();
            match names.as_slice() {
                [] => ("none".into(), "none are asked for".into()),
                names => (names.join(", "), "all".into()),
            }
        }
        Rule::Expiry => (format!("`exp` after {now} (leeway {leeway:?})"), time(claims.expires_at)),
        Rule::NotBefore => {
            (format!("`nbf` up to {now} (leeway {leeway:?})"), time(claims.not_before))
        }
        Rule::IssuedAt => {
            (format!("`iat` up to {now} (leeway {leeway:?})"), time(claims.issued_at))
        }
        Rule::Age => {
            let age = settings.max_age.unwrap_or_default();
            (format!("`iat` at most {age:?} ago"), time(claims.issued_at))
        }
        Rule::Lifetime => {
            let longest = settings.max_lifetime.unwrap_or_default();
            let ends = claims.expires_at.zip(claims.issued_at);
            let lifetime = ends.map(|(exp, iat)| exp.saturating_since(iat)).unwrap_or_default();
            (format!("a lifetime of at most {longest:?}"), format!("{lifetime:?}"))
        }
        Rule::Audience => {
            let found = claims.audience();
            let found = found.map_or_else(|| "no `aud`".to_owned(), shown_audience);
            (expected_audience(&settings.audience), found)
        }
        Rule::Binding => match claims.bound {
            false => ("no `cnf`".into(), "none".into()),
            true => ("nothing: `cnf` is ignored by setting".into(), "`cnf`".into()),
        },
        Rule::Event => ("no `events`".into(), "none".into()),
        // the others are about no claim
        _ => (String::new(), String::new()),
    }
}
