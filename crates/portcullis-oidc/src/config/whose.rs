//! What makes a token ours: values that claims must have, and issuers that sign for strangers as well.

use std::str::FromStr;

use portcullis::{ClaimRule, ClaimValue, Issuer};
use serde::de::{self, Deserialize, Deserializer};
use serde_json::Value;

use super::{ClaimPlace, ConfigError, IssuerConfig};
use crate::known::{foreign_audiences, signs_for_strangers};

/// A value that a claim must have: `NAME=TEXT`, or `NAME:=JSON` for a number, `true` and `false`. The name may be a JSON
/// Pointer, as in [`ClaimPlace`].
#[derive(Clone, Debug, PartialEq)]
pub struct RequiredValue {
    place: ClaimPlace,
    value: ClaimValue,
}

impl FromStr for RequiredValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "is neither NAME=TEXT nor NAME:=JSON";
        let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} {form}"))?;
        let (name, value) = match name.strip_suffix(':') {
            None => (name, Some(ClaimValue::from(value.trim()))),
            Some(name) => (name, json(value)),
        };
        let value = value.ok_or_else(|| {
            format!(
                "what follows {name}:= is neither a text in quotes, a whole number, true nor false"
            )
        })?;
        if value == ClaimValue::from("") {
            return Err(format!("the value of {name} is empty"));
        }
        Ok(Self { place: name.parse()?, value })
    }
}

fn json(text: &str) -> Option<ClaimValue> {
    match serde_json::from_str(text).ok()? {
        Value::String(text) => Some(text.into()),
        Value::Bool(flag) => Some(flag.into()),
        Value::Number(number) => number.as_i64().map(ClaimValue::from),
        _ => None,
    }
}

impl<'de> Deserialize<'de> for RequiredValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl IssuerConfig {
    /// Has claims checked that must have a value. One that is named more than once may have any of its values.
    pub(super) fn with_required_values(&self, mut issuer: Issuer) -> Issuer {
        let mut rest: Vec<_> = self.required_values.iter().collect();
        while let Some(first) = rest.first().copied() {
            let (same, others): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|other| other.place == first.place);
            let values = same.into_iter().map(|one| one.value.clone());
            issuer = issuer.check_claim(ClaimRule::one_of(first.place.path(), values));
            rest = others;
        }
        issuer
    }

    /// Refuses an issuer that signs for strangers, unless it is said which tokens are ours, and audiences that
    /// are the issuer's own.
    pub(super) fn check_whose(&self, issuer: &str) -> Result<(), ConfigError> {
        let foreign = foreign_audiences(issuer);
        let foreign = foreign.iter().find(|(name, _)| self.audience.iter().any(|a| a == name));
        if let Some((name, why)) = foreign {
            return Err(self.wrong("audience", format_args!("{name:?}: {why}")));
        }
        let (values, all) = (self.written("required_values"), self.written("trust_strangers"));
        let Some(known) = signs_for_strangers(issuer) else {
            return match self.trust_strangers {
                true => Err(self.wrong(
                    "trust_strangers",
                    "nothing is known of this issuer's signing for strangers; unset it",
                )),
                false => Ok(()),
            };
        };
        let asks = |claim: &&str| self.required_values.iter().any(|one| one.place.is(claim));
        match (known.ours.iter().any(|claims| claims.iter().all(asks)), self.trust_strangers) {
            (true, false) | (false, true) => Ok(()),
            (true, true) => {
                let what = format!("{values} says which tokens are yours; unset this");
                Err(self.wrong("trust_strangers", what))
            }
            (false, false) => Err(self.wrong(
                "issuer",
                format_args!(
                    "it signs for {}: say which tokens are yours by {values}, such as {}, or let all of \
                     them in by {all}",
                    known.whom, known.example
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_text_or_json() {
        let of = |text: &str| text.parse::<RequiredValue>();
        let is = |name: &str, value: ClaimValue| {
            Ok(RequiredValue { place: name.parse().unwrap(), value })
        };
        assert_eq!(of("repository_owner_id=65"), is("repository_owner_id", "65".into()));
        assert_eq!(of("ref = refs/heads/a=b "), is("ref", "refs/heads/a=b".into()));
        assert_eq!(of("level:=3"), is("level", 3.into()));
        assert_eq!(of("email_verified:= true"), is("email_verified", true.into()));
        assert_eq!(of("a:=\"x\""), is("a", "x".into()));
        let pointer = "/kubernetes.io/namespace";
        assert_eq!(of("/kubernetes.io/namespace=jobs"), is(pointer, "jobs".into()));
        for bad in ["", "team", "=blue", "team=", "team= ", "a:=", "a:=1.5", "a:=[1]", "a:=null"] {
            assert!(of(bad).is_err(), "{bad}");
        }
        assert!(of("kubernetes.io=x").unwrap_err().contains("two things"));
    }
}
