//! The registered claims, caught on their way to the user's type.

use std::borrow::Cow;

use portcullis_core::Timestamp;
use serde_json::Value;

use super::caught::Caught;
use super::rule::{ClaimRule, Outcome};
use crate::error::{Diagnosis, Rejection, RejectionKind, quoted};
use crate::json::Names;

/// The names of claims that an issuer chooses.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClaimNames {
    /// Where the identifier of a token is, if not in `jti`.
    pub(crate) token_id: Option<Box<str>>,
    /// Where the generation is.
    pub(crate) generation: Option<Box<str>>,
    /// Where the session is, if not in `sid`.
    pub(crate) session: Option<Box<str>>,
    /// Where the client is, if not in `client_id` or `azp`.
    pub(crate) client: Option<Box<str>>,
    /// Where the tenant is, where the issuer's name holds it.
    pub(crate) tenant: Option<Box<str>>,
    /// Claims that must be there. At most 64.
    pub(crate) required: Vec<Box<str>>,
    /// Claims that must have certain values. At most 64.
    pub(crate) rules: Vec<ClaimRule>,
    /// Objects that the subject can write himself.
    pub(crate) self_asserted: Vec<Box<str>>,
}

impl ClaimNames {
    /// One bit for each rule that looks at this member of the payload.
    fn rules_about(&self, name: &str) -> u64 {
        let about = self.rules.iter().enumerate().filter(|(_, rule)| rule.first() == name);
        about.fold(0, |bits, (at, _)| bits | 1 << at)
    }
}

/// What was caught so far.
pub(crate) struct Capturing<'de, 'n> {
    names: &'n ClaimNames,
    seen: Names<'de>,
    captured: Captured,
    fault: Option<Rejection>,
}

/// The registered claims of a payload, each of the right JSON type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Captured {
    pub(crate) issuer: Option<Box<str>>,
    pub(crate) subject: Option<Box<str>>,
    pub(crate) audience: Option<Box<[Box<str>]>>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) issued_at: Option<Timestamp>,
    pub(crate) auth_time: Option<Timestamp>,
    pub(crate) token_id: Option<Box<str>>,
    pub(crate) session: Option<Box<str>>,
    pub(crate) client_id: Option<Box<str>>,
    pub(crate) authorized_party: Option<Box<str>>,
    pub(crate) generation: Option<u64>,
    /// `cnf` is there: the token is bound to a key of its sender.
    pub(crate) bound: bool,
    /// `events` is there: it is a security event or a logout token.
    pub(crate) is_event: bool,
    /// `nonce`, `at_hash` or `c_hash` is there: an ID token has these.
    pub(crate) like_id_token: bool,
    /// The client, by the claim that the issuer's settings name.
    pub(crate) named_client: Option<Box<str>>,
    /// The tenant, by the claim that the issuer's settings name.
    pub(crate) tenant: Option<Box<str>>,
    /// An object that the subject can write himself holds roles or scopes, in this claim.
    pub(crate) self_asserted: Option<Box<str>>,
    /// One bit for each required claim that is there.
    required: u64,
    /// One bit for each rule that is met.
    met: u64,
    /// The rules that are not, and how.
    broken: Vec<(usize, Outcome)>,
}

impl Captured {
    #[expect(clippy::new_ret_no_self, reason = "capturing is how one comes to be")]
    pub(crate) fn new<'de>(names: &ClaimNames) -> Capturing<'de, '_> {
        Capturing { names, seen: Names::default(), captured: Self::default(), fault: None }
    }

    /// The first required claim that is not there.
    pub(crate) fn missing<'n>(&self, names: &'n ClaimNames) -> Option<&'n str> {
        let mut required = names.required.iter().enumerate();
        required.find(|(at, _)| self.required & (1 << at) == 0).map(|(_, name)| &**name)
    }

    /// Applies the rules for single claims, in their order.
    pub(crate) fn check_rules(&self, names: &ClaimNames) -> Result<(), Rejection> {
        let unmet = names.rules.iter().enumerate().filter(|(at, _)| self.met & (1 << at) == 0);
        for (at, rule) in unmet {
            let found = self.broken.iter().find(|(broken, _)| *broken == at);
            rule.check(found.map_or(&Outcome::Missing, |(_, outcome)| outcome))?;
        }
        Ok(())
    }
}

/// What is done with the value of a member.
#[derive(Clone, Copy)]
pub(super) struct Interest {
    claim: Option<Claim>,
    required: Option<usize>,
    /// One bit for each rule about it.
    rules: u64,
}

#[derive(Clone, Copy)]
enum Claim {
    Issuer,
    Subject,
    Audience,
    ExpiresAt,
    NotBefore,
    IssuedAt,
    AuthTime,
    TokenId,
    Session,
    ClientId,
    AuthorizedParty,
    Generation,
    Bound,
    Events,
    IdToken,
    NamedClient,
    Tenant,
    SelfAsserted,
}

impl<'de> Capturing<'de, '_> {
    /// Notes the name of a member. `None` means that its value is of no interest here.
    pub(super) fn name(&mut self, name: Cow<'de, str>) -> Option<Interest> {
        let claim = self.claim(&name);
        let required = self.names.required.iter().position(|required| **required == *name);
        let rules = self.names.rules_about(&name);
        let shown = name.clone();
        if !self.seen.insert(name) && self.fault.is_none() {
            let diagnosis = Diagnosis::new().found(quoted(&shown));
            self.fault = Some(diagnosis.reject(RejectionKind::DuplicateClaim));
        }
        (claim.is_some() || required.is_some() || rules != 0).then_some(Interest {
            claim,
            required,
            rules,
        })
    }

    fn claim(&self, name: &str) -> Option<Claim> {
        let is = |chosen: &Option<Box<str>>| chosen.as_deref() == Some(name);
        Some(match name {
            "iss" => Claim::Issuer,
            "sub" => Claim::Subject,
            "aud" => Claim::Audience,
            "exp" => Claim::ExpiresAt,
            "nbf" => Claim::NotBefore,
            "iat" => Claim::IssuedAt,
            "auth_time" => Claim::AuthTime,
            // what the settings name goes before what a name usually means
            _ if is(&self.names.client) => Claim::NamedClient,
            "sid" if self.names.session.is_none() => Claim::Session,
            "client_id" => Claim::ClientId,
            "azp" => Claim::AuthorizedParty,
            "cnf" => Claim::Bound,
            "events" => Claim::Events,
            "nonce" | "at_hash" | "c_hash" => Claim::IdToken,
            "jti" if self.names.token_id.is_none() => Claim::TokenId,
            _ if is(&self.names.token_id) => Claim::TokenId,
            _ if is(&self.names.session) => Claim::Session,
            _ if is(&self.names.tenant) => Claim::Tenant,
            _ if is(&self.names.generation) => Claim::Generation,
            _ if self.names.self_asserted.iter().any(|at| **at == *name) => Claim::SelfAsserted,
            _ => return None,
        })
    }

    /// Takes the value of a member that is of interest.
    pub(super) fn value(&mut self, interest: Interest, value: &Caught<'_>) {
        if let Some(at) = interest.required.filter(|_| !value.is_null()) {
            self.captured.required |= 1 << at;
        }
        let c = &mut self.captured;
        for (at, rule) in self.names.rules.iter().enumerate() {
            if interest.rules & (1 << at) == 0 {
                continue;
            }
            match rule.judge(value) {
                Outcome::Met => c.met |= 1 << at,
                outcome => c.broken.push((at, outcome)),
            }
        }
        let Some(claim) = interest.claim else { return };
        let taken = match claim {
            Claim::Issuer => text("iss", value).map(|v| c.issuer = Some(v)),
            Claim::Subject => text("sub", value).map(|v| c.subject = Some(v)),
            Claim::Audience => audience(value).map(|v| c.audience = Some(v)),
            Claim::ExpiresAt => time("exp", value).map(|v| c.expires_at = Some(v)),
            Claim::NotBefore => time("nbf", value).map(|v| c.not_before = Some(v)),
            Claim::IssuedAt => time("iat", value).map(|v| c.issued_at = Some(v)),
            Claim::AuthTime => time("auth_time", value).map(|v| c.auth_time = Some(v)),
            Claim::Session => {
                let name = self.names.session.as_deref().unwrap_or("sid");
                text(name, value).map(|v| c.session = Some(v))
            }
            Claim::NamedClient => {
                let name = self.names.client.as_deref().unwrap_or_default();
                text(name, value).map(|v| c.named_client = Some(v))
            }
            Claim::Tenant => {
                let name = self.names.tenant.as_deref().unwrap_or_default();
                text(name, value).map(|v| c.tenant = Some(v))
            }
            Claim::SelfAsserted => {
                if let Caught::Other(Value::Object(members)) = value
                    && let Some(name) = GRANTS.iter().find(|name| members.contains_key(**name))
                {
                    c.self_asserted = Some((*name).into());
                }
                Ok(())
            }
            Claim::ClientId => text("client_id", value).map(|v| c.client_id = Some(v)),
            Claim::AuthorizedParty => text("azp", value).map(|v| c.authorized_party = Some(v)),
            Claim::TokenId => {
                let name = self.names.token_id.as_deref().unwrap_or("jti");
                text(name, value).map(|v| c.token_id = Some(v))
            }
            Claim::Generation => {
                let name = self.names.generation.as_deref().unwrap_or_default();
                value
                    .as_u64()
                    .map(|v| c.generation = Some(v))
                    .ok_or_else(|| wrong(name, "a whole number from 0 up", value))
            }
            Claim::Bound => {
                c.bound = true;
                Ok(())
            }
            Claim::Events => {
                c.is_event = true;
                Ok(())
            }
            Claim::IdToken => {
                c.like_id_token = true;
                Ok(())
            }
        };
        if let Err(fault) = taken {
            self.fault.get_or_insert(fault);
        }
    }

    /// The first thing that was wrong.
    pub(super) fn take_fault(&mut self) -> Option<Rejection> {
        self.fault.take()
    }

    pub(super) fn finish(self) -> Captured {
        self.captured
    }
}

/// What roles and scopes are usually called.
const GRANTS: [&str; 8] =
    ["role", "roles", "groups", "permissions", "scope", "scopes", "scp", "admin"];

fn text(name: &str, value: &Caught<'_>) -> Result<Box<str>, Rejection> {
    match value {
        Caught::Text(text) => Ok((**text).into()),
        _ => Err(wrong(name, "a string", value)),
    }
}

/// RFC 7519 §4.1.3: one string or an array of strings.
fn audience(value: &Caught<'_>) -> Result<Box<[Box<str>]>, Rejection> {
    let wrong = || wrong("aud", "a string or an array of strings", value);
    match value {
        Caught::Text(one) => Ok(Box::new([(**one).into()])),
        Caught::Other(Value::Array(many)) => {
            many.iter().map(|one| one.as_str().map(Into::into).ok_or_else(wrong)).collect()
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
