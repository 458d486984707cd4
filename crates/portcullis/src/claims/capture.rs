//! The registered claims, caught on their way to the user's type.

use std::borrow::Cow;

use portcullis_core::Timestamp;
use serde_json::Value;

use super::captured::{Audience, Captured};
use super::caught::Caught;
use super::names::{Claim, ClaimNames, Interest, Known};
use super::rule::Outcome;
use crate::error::{Diagnosis, Rejection, RejectionKind, quoted};
use crate::json::Names;

/// What was caught so far.
pub(crate) struct Capturing<'p, 'n> {
    names: &'n ClaimNames,
    /// True if the issuer chose none: then every name means what it always does.
    usual: bool,
    /// One bit for each of the [`Known`] names that was there.
    known: u32,
    others: Names<'p>,
    captured: Captured<'p>,
    fault: Option<Rejection>,
}

impl<'p, 'n> Capturing<'p, 'n> {
    pub(crate) fn new(names: &'n ClaimNames) -> Self {
        let (others, captured) = (Names::default(), Captured::default());
        Self { names, usual: names.are_usual(), known: 0, others, captured, fault: None }
    }

    /// As if nothing had been caught.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.names);
    }

    /// What was caught so far. It is whole once the payload was read.
    pub(crate) const fn captured(&mut self) -> &mut Captured<'p> {
        &mut self.captured
    }

    /// Notes the name of a member. `None` means that its value is of no interest here.
    #[expect(clippy::ptr_arg, reason = "a name that is borrowed is kept without a copy")]
    pub(super) fn name(&mut self, name: &Cow<'p, str>) -> Option<Interest> {
        self.any_name(Known::of(name.as_bytes()), name)
    }

    /// The same of a name that has no escapes.
    #[inline]
    pub(super) fn borrowed_name(&mut self, name: &'p str) -> Option<Interest> {
        match Known::of(name.as_bytes()) {
            Some(known) if self.usual && self.note(known) => Some(Interest::Usual(known)),
            known => self.any_name(known, &Cow::Borrowed(name)),
        }
    }

    /// Notes a name; false if it was there already.
    #[inline]
    fn note(&mut self, known: Known) -> bool {
        let bit = 1 << known as u32;
        let is_new = self.known & bit == 0;
        self.known |= bit;
        is_new
    }

    #[expect(clippy::ptr_arg, reason = "a name that is borrowed is kept without a copy")]
    fn any_name(&mut self, known: Option<Known>, name: &Cow<'p, str>) -> Option<Interest> {
        let is_new = match known {
            Some(known) => self.note(known),
            None => self.others.insert(name.clone()),
        };
        if !is_new {
            self.fault.get_or_insert_with(|| repeated(name));
        }
        if self.usual {
            return known.map(Interest::Usual);
        }
        let required = self.names.required.iter().position(|required| **required == **name);
        let required = required.map_or(0, |at| 1 << at);
        let rules = self.names.rules_about(name);
        let claim = self.claim(known, name);
        (claim.is_some() || required != 0 || rules != 0).then_some(Interest::Chosen {
            claim,
            required,
            rules,
        })
    }

    fn claim(&self, known: Option<Known>, name: &str) -> Option<Claim> {
        let names = self.names;
        let is = |chosen: &Option<Box<str>>| chosen.as_deref() == Some(name);
        match known {
            // these mean the same whatever the settings name
            Some(
                known @ (Known::Issuer
                | Known::Subject
                | Known::Audience
                | Known::ExpiresAt
                | Known::NotBefore
                | Known::IssuedAt
                | Known::AuthTime),
            ) => return Some(Claim::Known(known)),
            // what the settings name goes before what a name usually means
            _ if is(&names.client) => return Some(Claim::NamedClient),
            Some(Known::Session) if names.session.is_some() => {}
            Some(Known::TokenId) if names.token_id.is_some() => {}
            Some(known) => return Some(Claim::Known(known)),
            None => {}
        }
        Some(match name {
            _ if is(&names.token_id) => Claim::TokenId,
            _ if is(&names.session) => Claim::Session,
            _ if is(&names.tenant) => Claim::Tenant,
            _ if is(&names.generation) => Claim::Generation,
            _ if names.self_asserted.iter().any(|at| **at == *name) => Claim::SelfAsserted,
            _ => return None,
        })
    }

    /// Takes a string that is the value of a member which is of interest.
    #[inline(always)]
    pub(super) fn text(&mut self, interest: &Interest, text: &'p str) {
        let c = &mut self.captured;
        let place = match interest {
            Interest::Usual(Known::Issuer) => &mut c.issuer,
            Interest::Usual(Known::Subject) => &mut c.subject,
            Interest::Usual(Known::TokenId) => &mut c.token_id,
            Interest::Usual(Known::Session) => &mut c.session,
            Interest::Usual(Known::ClientId) => &mut c.client_id,
            Interest::Usual(Known::AuthorizedParty) => &mut c.authorized_party,
            Interest::Usual(Known::Audience) => {
                c.audience = Some(Audience::One(Cow::Borrowed(text)));
                return;
            }
            interest => return self.value(interest, &Caught::Text(Cow::Borrowed(text))),
        };
        *place = Some(Cow::Borrowed(text));
    }

    /// The same of a whole number.
    #[inline]
    pub(super) fn whole(&mut self, interest: &Interest, number: u64) {
        let c = &mut self.captured;
        let place = match interest {
            Interest::Usual(Known::ExpiresAt) => &mut c.expires_at,
            Interest::Usual(Known::IssuedAt) => &mut c.issued_at,
            Interest::Usual(Known::NotBefore) => &mut c.not_before,
            Interest::Usual(Known::AuthTime) => &mut c.auth_time,
            interest => return self.value(interest, &Caught::unsigned(number)),
        };
        match i64::try_from(number) {
            Ok(secs) => *place = Some(Timestamp::from_secs(secs)),
            Err(_) => self.value(interest, &Caught::unsigned(number)),
        }
    }

    /// Takes the value of a member that is of interest.
    pub(super) fn value(&mut self, interest: &Interest, value: &Caught<'p>) {
        let claim = match *interest {
            Interest::Usual(known) => Some(Claim::Known(known)),
            Interest::Chosen { claim, required, rules } => {
                self.judge(required, rules, value);
                claim
            }
        };
        let c = &mut self.captured;
        let Some(claim) = claim else { return };
        let named = |name: &'n Option<Box<str>>| name.as_deref().unwrap_or_default();
        let names = self.names;
        let taken = match claim {
            Claim::Known(Known::Issuer) => text("iss", value).map(|v| c.issuer = Some(v)),
            Claim::Known(Known::Subject) => text("sub", value).map(|v| c.subject = Some(v)),
            Claim::Known(Known::Audience) => audience(value).map(|v| c.audience = Some(v)),
            Claim::Known(Known::ExpiresAt) => time("exp", value).map(|v| c.expires_at = Some(v)),
            Claim::Known(Known::NotBefore) => time("nbf", value).map(|v| c.not_before = Some(v)),
            Claim::Known(Known::IssuedAt) => time("iat", value).map(|v| c.issued_at = Some(v)),
            Claim::Known(Known::AuthTime) => {
                time("auth_time", value).map(|v| c.auth_time = Some(v))
            }
            Claim::Known(Known::Session) => text("sid", value).map(|v| c.session = Some(v)),
            Claim::Known(Known::ClientId) => {
                text("client_id", value).map(|v| c.client_id = Some(v))
            }
            Claim::Known(Known::AuthorizedParty) => {
                text("azp", value).map(|v| c.authorized_party = Some(v))
            }
            Claim::Known(Known::TokenId) => text("jti", value).map(|v| c.token_id = Some(v)),
            Claim::TokenId => text(named(&names.token_id), value).map(|v| c.token_id = Some(v)),
            Claim::Session => text(named(&names.session), value).map(|v| c.session = Some(v)),
            Claim::NamedClient => {
                text(named(&names.client), value).map(|v| c.named_client = Some(v))
            }
            Claim::Tenant => text(named(&names.tenant), value).map(|v| c.tenant = Some(v)),
            Claim::SelfAsserted => {
                if let Caught::Other(Value::Object(members)) = value
                    && let Some(name) = GRANTS.iter().find(|name| members.contains_key(**name))
                {
                    c.self_asserted = Some(name);
                }
                Ok(())
            }
            Claim::Generation => value
                .as_u64()
                .map(|v| c.generation = Some(v))
                .ok_or_else(|| wrong(named(&names.generation), "a whole number from 0 up", value)),
            Claim::Known(Known::Bound) => {
                c.bound = true;
                Ok(())
            }
            Claim::Known(Known::Events) => {
                c.is_event = true;
                Ok(())
            }
            Claim::Known(Known::Nonce | Known::AccessTokenHash | Known::CodeHash) => {
                c.like_id_token = true;
                Ok(())
            }
        };
        if let Err(fault) = taken {
            self.fault.get_or_insert(fault);
        }
    }

    /// What the settings ask of it.
    fn judge(&mut self, required: u64, rules: u64, value: &Caught<'p>) {
        let c = &mut self.captured;
        if !value.is_null() {
            c.required |= required;
        }
        for (at, rule) in self.names.rules.iter().enumerate() {
            if rules & (1 << at) == 0 {
                continue;
            }
            match rule.judge(value) {
                Outcome::Met => c.met |= 1 << at,
                outcome => c.broken.push((at, outcome)),
            }
        }
    }

    /// The first thing that was wrong.
    pub(super) fn take_fault(&mut self) -> Option<Rejection> {
        self.fault.take()
    }
}

#[cold]
fn repeated(name: &str) -> Rejection {
    Diagnosis::new().found(quoted(name)).reject(RejectionKind::DuplicateClaim)
}

/// What roles and scopes are usually called.
const GRANTS: [&str; 8] =
    ["role", "roles", "groups", "permissions", "scope", "scopes", "scp", "admin"];

#[inline]
fn text<'p>(name: &str, value: &Caught<'p>) -> Result<Cow<'p, str>, Rejection> {
    match value {
        Caught::Text(Cow::Borrowed(text)) => Ok(Cow::Borrowed(text)),
        Caught::Text(Cow::Owned(text)) => Ok(Cow::Owned(text.clone())),
        _ => Err(wrong(name, "a string", value)),
    }
}

/// RFC 7519 §4.1.3: one string or an array of strings.
fn audience<'p>(value: &Caught<'p>) -> Result<Audience<'p>, Rejection> {
    let wrong = || wrong("aud", "a string or an array of strings", value);
    match value {
        Caught::Text(one) => Ok(Audience::One(one.clone())),
        Caught::Other(Value::Array(many)) => {
            let names = many.iter().map(|one| match one {
                Value::String(name) => Ok(Cow::Owned(name.clone())),
                _ => Err(wrong()),
            });
            names.collect::<Result<_, _>>().map(Audience::Several)
        }
        _ => Err(wrong()),
    }
}

/// RFC 7519 §2: a number of seconds, which may have a fraction.
fn time(name: &str, value: &Caught<'_>) -> Result<Timestamp, Rejection> {
    let time = match *value {
        Caught::Whole(secs) => Some(Timestamp::from_secs(secs)),
        Caught::Fraction(secs) => Timestamp::from_secs_f64(secs),
        Caught::Large(_) => None,
        Caught::Other(Value::Number(ref number)) => match Caught::of_number(number) {
            Some(number) => return time(name, &number),
            None => None,
        },
        Caught::Text(_) | Caught::Other(_) => {
            return Err(wrong(name, "a number of seconds since 1970", value));
        }
    };
    time.ok_or_else(|| {
        Diagnosis::new()
            .expected(format!("`{name}` within 64 bits of seconds since 1970"))
            .reject(RejectionKind::InvalidClaim)
    })
}

#[cold]
fn wrong(name: &str, expected: &str, found: &Caught<'_>) -> Rejection {
    Diagnosis::new()
        .expected(format!("`{}` to be {expected}", name.escape_default()))
        .found(found.kind())
        .reject(RejectionKind::InvalidClaim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_the_same_however_its_number_is_told() {
        for json in
            ["1700000000", "-5", "1700000000.25", "1.7e9", "9223372036854775808", "1e300", "-1e300"]
        {
            let caught = time("exp", &serde_json::from_str(json).unwrap());
            let told_as_json = time("exp", &Caught::Other(serde_json::from_str(json).unwrap()));
            let shown = |time: Result<Timestamp, Rejection>| time.map_err(|r| r.to_string());
            assert_eq!(shown(caught), shown(told_as_json), "{json}");
        }
        assert!(time("exp", &Caught::Other(Value::Bool(true))).is_err());
    }
}
