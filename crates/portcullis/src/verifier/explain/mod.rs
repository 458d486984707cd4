//! Why a token is accepted or refused: the verdict of every rule, not just of the first that is broken.

mod report;
mod walk;

use std::fmt;

use crate::error::Rejection;

/// A rule that a token is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// It is a compact JWS, within the limits of size
    /// ([RFC 7515 §7.1](https://www.rfc-editor.org/rfc/rfc7515#section-7.1)).
    Form,
    /// The header is an object of distinct parameters, and none is there that is refused.
    Header,
    /// Its `iss` is one of several trusted issuers. Where one alone is trusted nothing is chosen.
    TrustedIssuer,
    /// The algorithm is one that the issuer may use
    /// ([RFC 8725 §3.1](https://www.rfc-editor.org/rfc/rfc8725#section-3.1)).
    Algorithm,
    /// The issuer has a key of that name for that algorithm.
    Key,
    /// The signature is good ([RFC 7515 §5.2](https://www.rfc-editor.org/rfc/rfc7515#section-5.2)).
    Signature,
    /// It is of a type that is accepted
    /// ([RFC 8725 §3.11](https://www.rfc-editor.org/rfc/rfc8725#section-3.11)).
    Type,
    /// The payload is an object of distinct claims, each of its JSON type, and is what the service's own
    /// type of claims wants.
    Claims,
    /// `iss` is the issuer, to the letter
    /// ([RFC 7519 §4.1.1](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.1)).
    Issuer,
    /// The parameters of the header have the values that the issuer's settings ask for, where any are
    /// named.
    HeaderValues,
    /// The claims have the values that the issuer's settings ask for, where any are named.
    ClaimValues,
    /// The claims that must be there are.
    RequiredClaims,
    /// It has not expired ([RFC 7519 §4.1.4](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4)).
    Expiry,
    /// It is valid already ([RFC 7519 §4.1.5](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.5)).
    NotBefore,
    /// It was not issued in the future.
    IssuedAt,
    /// It was issued recently enough, where [`Issuer::max_age`](crate::Issuer::max_age) is set.
    Age,
    /// It does not live too long, where [`Issuer::max_lifetime`](crate::Issuer::max_lifetime) is set.
    Lifetime,
    /// It is for this service ([RFC 7519 §4.1.3](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3)).
    Audience,
    /// It is not bound to a key of its sender
    /// ([RFC 9449 §7.2](https://www.rfc-editor.org/rfc/rfc9449#section-7.2)).
    Binding,
    /// It is no security event
    /// ([RFC 8417 §2.2](https://www.rfc-editor.org/rfc/rfc8417#section-2.2)).
    Event,
    /// The key that signed it is one that may sign for this issuer, where
    /// [`Issuer::key_issuer`](crate::Issuer::key_issuer) is set.
    KeyIssuer,
    /// Roles and scopes can be read from where the issuer keeps them.
    Grants,
}

impl Rule {
    /// A short name in kebab case, which never changes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Header => "header",
            Self::TrustedIssuer => "trusted-issuer",
            Self::Algorithm => "algorithm",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Type => "type",
            Self::Claims => "claims",
            Self::Issuer => "issuer",
            Self::HeaderValues => "header-values",
            Self::ClaimValues => "claim-values",
            Self::RequiredClaims => "required-claims",
            Self::Expiry => "expiry",
            Self::NotBefore => "not-before",
            Self::IssuedAt => "issued-at",
            Self::Age => "age",
            Self::Lifetime => "lifetime",
            Self::Audience => "audience",
            Self::Binding => "binding",
            Self::Event => "event",
            Self::KeyIssuer => "key-issuer",
            Self::Grants => "grants",
        }
    }

    /// What decides it that is a point in time: `found` is then one, in seconds since 1970.
    #[must_use]
    pub const fn is_about_time(self) -> bool {
        matches!(self, Self::Expiry | Self::NotBefore | Self::IssuedAt | Self::Age)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What came of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleOutcome {
    /// The token is as the rule wants it.
    Kept,
    /// The token is refused for it.
    Broken,
    /// It can't be told, because of a rule before that is broken.
    Unknown,
}

/// One rule and what came of it.
///
/// What the sender of the token chose is quoted, escaped and cut, as it is in a
/// [`Diagnosis`](crate::Diagnosis).
#[derive(Clone, Debug)]
pub struct RuleReport {
    rule: Rule,
    expected: String,
    found: String,
    verdict: Verdict,
}

#[derive(Clone, Debug)]
enum Verdict {
    Kept,
    Broken(Rejection),
    Unknown,
}

impl RuleReport {
    /// Which rule it is.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// What came of it.
    #[must_use]
    pub fn outcome(&self) -> RuleOutcome {
        match self.verdict {
            Verdict::Kept => RuleOutcome::Kept,
            Verdict::Broken(_) => RuleOutcome::Broken,
            Verdict::Unknown => RuleOutcome::Unknown,
        }
    }

    /// What would be accepted. Empty where the rule was not looked at.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// What the token has; why it is not known, where the rule was not looked at.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }

    /// What the request would be refused with, if this were the first rule that is broken.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        match &self.verdict {
            Verdict::Broken(rejection) => Some(rejection),
            Verdict::Kept | Verdict::Unknown => None,
        }
    }

    /// What is likely wrong.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.rejection()?.diagnosis().hint_text()
    }
}

/// The verdict of every rule on one token. See [`Verifier::explain`](crate::Verifier::explain).
#[derive(Clone, Debug)]
pub struct Explanation {
    issuer: Option<String>,
    rules: Vec<RuleReport>,
}

impl Explanation {
    /// True if the token is accepted: every rule is kept.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.rejection().is_none()
    }

    /// What [`verify`](crate::Verifier::verify) refuses the token with: the first rule that is broken.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        self.rules.iter().find_map(RuleReport::rejection)
    }

    /// The rules in the order in which they are checked. Those that the issuer's settings switch off are
    /// left out.
    #[must_use]
    pub fn rules(&self) -> &[RuleReport] {
        &self.rules
    }

    /// By whose settings the token was judged: the name of the issuer as it is configured. `None` where
    /// that could not be told.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }
}

/// One line a rule.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for report in &self.rules {
            match &report.verdict {
                Verdict::Kept => writeln!(f, "kept    {}: {}", report.rule, report.found)?,
                Verdict::Broken(rejection) => writeln!(f, "broken  {}: {rejection}", report.rule)?,
                Verdict::Unknown => writeln!(f, "unknown {}: {}", report.rule, report.found)?,
            }
        }
        Ok(())
    }
}
