//! What an issuer's settings ask of a claim beyond its being there: which values it may have.

use serde_json::{Map, Value};

use super::caught::Caught;
use crate::error::{Diagnosis, Rejection, RejectionKind, quoted};
use crate::verifier::ClaimPath;

/// What one claim of a token has to be, for
/// [`Issuer::check_claim`](crate::Issuer::check_claim) and
/// [`Issuer::check_header`](crate::Issuer::check_header).
///
/// The claim must be there, unless the rule is [`none_of`](Self::none_of), and have exactly one of the
/// values. A value that is wrong is not shown in the log, since claims may be private; one that the
/// rule [recognises](Self::recognise) is, and so is every one after [`shown`](Self::shown).
///
/// # Example
///
/// ```
/// use portcullis::{ClaimRule, Issuer};
///
/// let issuer = Issuer::new("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example")
///     .check_claim(
///         ClaimRule::one_of("token_use", ["access"])
///             .recognise("id", "this is an ID token, which is for the client and not for an API"),
///     )
///     .check_claim(ClaimRule::none_of("sts", ["pending"]))
///     .check_claim(ClaimRule::one_of(["kubernetes.io", "namespace"], ["payroll"]).shown());
/// # let _ = issuer;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ClaimRule {
    path: Box<[String]>,
    condition: Condition,
    values: Vec<ClaimValue>,
    known: Vec<(Value, Box<str>)>,
    if_missing: Option<Box<str>>,
    shown: bool,
    kind: RejectionKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    OneOf,
    NoneOf,
    Present,
}

/// A value that a claim is compared with: a text, a number or a boolean, each equal only to its like.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimValue(Value);

impl From<&str> for ClaimValue {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for ClaimValue {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<bool> for ClaimValue {
    fn from(flag: bool) -> Self {
        Self(flag.into())
    }
}

impl From<i64> for ClaimValue {
    fn from(number: i64) -> Self {
        Self(number.into())
    }
}

/// What became of a rule when its claim was read.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Met,
    /// It has another value, which is the one recognised at this place, or shown as this.
    Broken {
        recognised: Option<usize>,
        shown: Box<str>,
    },
    /// The claim has a member of this name and not the one that the path leads to.
    Missing,
}

impl ClaimRule {
    fn new(path: impl Into<ClaimPath>, condition: Condition) -> Self {
        Self {
            path: path.into().0,
            condition,
            values: Vec::new(),
            known: Vec::new(),
            if_missing: None,
            shown: false,
            kind: RejectionKind::WrongClaim,
        }
    }

    /// The claim is one of these.
    pub fn one_of<V: Into<ClaimValue>>(
        path: impl Into<ClaimPath>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let mut rule = Self::new(path, Condition::OneOf);
        rule.values = values.into_iter().map(Into::into).collect();
        rule
    }

    /// The claim is not there, or is none of these.
    pub fn none_of<V: Into<ClaimValue>>(
        path: impl Into<ClaimPath>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self { condition: Condition::NoneOf, ..Self::one_of(path, values) }
    }

    /// The claim is there and not null, whatever it is.
    pub fn present(path: impl Into<ClaimPath>) -> Self {
        Self::new(path, Condition::Present)
    }

    /// What it means if the claim has this value, for the log: `"id"` may say that it is an ID token.
    pub fn recognise(mut self, value: impl Into<ClaimValue>, hint: impl Into<String>) -> Self {
        self.known.push((value.into().0, hint.into().into()));
        self
    }

    /// What it means if the claim is not there, for the log.
    pub fn hint_if_missing(mut self, hint: impl Into<String>) -> Self {
        self.if_missing = Some(hint.into().into());
        self
    }

    /// Shows a wrong value in the log, because it is not private: the name of a tenant, not of a person.
    pub fn shown(mut self) -> Self {
        self.shown = true;
        self
    }

    /// It says whom the token is for, in place of `aud`.
    pub(crate) fn about_audience(mut self) -> Self {
        self.kind = RejectionKind::WrongAudience;
        self.shown()
    }

    /// The name of the member of the payload that the claim is or is in.
    pub(crate) fn first(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }

    /// What makes no sense about it.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let compares = self.condition != Condition::Present;
        if self.path.is_empty() || self.path.iter().any(String::is_empty) {
            Some("a path must have names, and none may be empty")
        } else if compares && self.values.is_empty() {
            Some("a claim must have a value to be compared with")
        } else if self.values.iter().any(|value| value.0 == "") {
            Some("an empty value is none to compare with")
        } else {
            None
        }
    }

    /// Judges the member that [`first`](Self::first) names.
    pub(super) fn judge(&self, member: &Caught<'_>) -> Outcome {
        match self.path.get(1..) {
            None | Some([]) => self.judge_value(&member.to_value()),
            Some(deeper) => match member {
                Caught::Other(value) => self.judge_at(value, deeper),
                _ => Outcome::Missing,
            },
        }
    }

    /// Judges the header, read as JSON.
    pub(crate) fn judge_in(&self, object: &Map<String, Value>) -> Outcome {
        match self.path.split_first().map(|(first, deeper)| (object.get(first), deeper)) {
            Some((Some(value), deeper)) => self.judge_at(value, deeper),
            _ => Outcome::Missing,
        }
    }

    fn judge_at(&self, value: &Value, deeper: &[String]) -> Outcome {
        let found = deeper.iter().try_fold(value, |value, name| value.get(name));
        found.map_or(Outcome::Missing, |found| self.judge_value(found))
    }

    fn judge_value(&self, found: &Value) -> Outcome {
        let listed = || self.values.iter().any(|value| value.0 == *found);
        let met = match self.condition {
            _ if found.is_null() => return Outcome::Missing,
            Condition::OneOf => listed(),
            Condition::NoneOf => !listed(),
            Condition::Present => true,
        };
        if met {
            return Outcome::Met;
        }
        let recognised = self.known.iter().position(|(known, _)| known == found);
        let may_be_shown =
            self.shown || recognised.is_some() || self.condition == Condition::NoneOf;
        let shown = match found {
            Value::String(text) if may_be_shown => quoted(text),
            Value::Number(_) | Value::Bool(_) if may_be_shown => found.to_string(),
            Value::String(_) => "another text".to_owned(),
            other => Caught::kind_of(other).to_owned(),
        };
        Outcome::Broken { recognised, shown: shown.into() }
    }

    /// What the rule makes of how its claim was found.
    pub(crate) fn check(&self, outcome: &Outcome) -> Result<(), Rejection> {
        match outcome {
            Outcome::Met => Ok(()),
            Outcome::Missing if self.condition == Condition::NoneOf => Ok(()),
            Outcome::Missing => Err(Diagnosis::new()
                .expected(self.expectation())
                .found("none")
                .maybe_hint(self.if_missing.as_deref().map(str::to_owned))
                .reject(RejectionKind::MissingClaim)),
            Outcome::Broken { recognised, shown } => {
                let hint = recognised.and_then(|at| self.known.get(at)).map(|(_, hint)| hint);
                Err(Diagnosis::new()
                    .expected(self.expectation())
                    .found(shown.to_string())
                    .maybe_hint(hint.map(|hint| hint.to_string()))
                    .reject(self.kind))
            }
        }
    }

    fn expectation(&self) -> String {
        let name = self.path.join(".").escape_default().to_string();
        let shown = self.values.iter().take(4).map(|value| match &value.0 {
            Value::String(text) => quoted(text),
            other => other.to_string(),
        });
        let mut values = shown.collect::<Vec<_>>().join(" or ");
        if self.values.len() > 4 {
            values.push_str(&format!(" or one of {} more", self.values.len() - 4));
        }
        match self.condition {
            Condition::OneOf => format!("`{name}` to be {values}"),
            Condition::NoneOf => format!("`{name}` not to be {values}"),
            Condition::Present => format!("`{name}`"),
        }
    }
}
