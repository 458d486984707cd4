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
    /// The setting that names a claim with a meaning of its own, which would be ignored, or would put that meaning out.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let takes = |name: &Option<Box<str>>, also: &[Known]| {
            let known = name.as_deref().and_then(|name| Known::of(name.as_bytes()));
            known.is_some_and(|known| !also.contains(&known))
        };
        [
            ("token_id_claim", takes(&self.token_id, &[Known::TokenId])),
            ("session_claim", takes(&self.session, &[Known::Session])),
            ("client_claim", takes(&self.client, &[Known::ClientId, Known::AuthorizedParty])),
            ("generation_claim", takes(&self.generation, &[])),
            ("per_tenant", takes(&self.tenant, &[])),
        ]
        .into_iter()
        .find_map(|(setting, taken)| taken.then_some(setting))
    }

    /// True if the issuer chose none.
    fn are_usual(&self) -> bool {
        let Self { token_id, generation, session, client, tenant, required, rules, self_asserted } =
            self;
        [token_id, generation, session, client, tenant].into_iter().all(Option::is_none)
            && required.is_empty()
            && rules.is_empty()
            && self_asserted.is_empty()
    }

    /// One bit for each rule that looks at this member of the payload.
    fn rules_about(&self, name: &str) -> u64 {
        let about = self.rules.iter().enumerate().filter(|(_, rule)| rule.first() == name);
        about.fold(0, |bits, (at, _)| bits | 1 << at)
    }
}

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

/// `aud`: one name or several.
#[derive(Clone, Debug)]
pub(crate) enum Audience<'p> {
    One(Cow<'p, str>),
    Several(Vec<Cow<'p, str>>),
}

/// The registered claims of a payload, each of the right JSON type. They borrow from it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Captured<'p> {
    pub(crate) issuer: Option<Cow<'p, str>>,
    pub(crate) subject: Option<Cow<'p, str>>,
    pub(crate) audience: Option<Audience<'p>>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) issued_at: Option<Timestamp>,
    pub(crate) auth_time: Option<Timestamp>,
    pub(crate) token_id: Option<Cow<'p, str>>,
    pub(crate) session: Option<Cow<'p, str>>,
    pub(crate) client_id: Option<Cow<'p, str>>,
    pub(crate) authorized_party: Option<Cow<'p, str>>,
    pub(crate) generation: Option<u64>,
    /// `cnf` is there: the token is bound to a key of its sender.
    pub(crate) bound: bool,
    /// `events` is there: it is a security event or a logout token.
    pub(crate) is_event: bool,
    /// `nonce`, `at_hash` or `c_hash` is there: an ID token has these.
    pub(crate) like_id_token: bool,
    /// The client, by the claim that the issuer's settings name.
    pub(crate) named_client: Option<Cow<'p, str>>,
    /// The tenant, by the claim that the issuer's settings name.
    pub(crate) tenant: Option<Cow<'p, str>>,
    /// An object that the subject can write himself holds roles or scopes, in this claim.
    pub(crate) self_asserted: Option<&'static str>,
    /// One bit for each required claim that is there.
    required: u64,
    /// One bit for each rule that is met.
    met: u64,
    /// The rules that are not, and how.
    broken: Vec<(usize, Outcome)>,
}

impl<'p> Captured<'p> {
    /// The names in `aud`, if it is there.
    pub(crate) fn audience(&self) -> Option<&[Cow<'p, str>]> {
        self.audience.as_ref().map(|audience| match audience {
            Audience::One(name) => std::slice::from_ref(name),
            Audience::Several(names) => names,
        })
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
    Known(Known),
    /// Where the issuer has it instead of in the usual claim.
    TokenId,
    Session,
    NamedClient,
    Tenant,
    Generation,
    SelfAsserted,
}

/// The names that mean something, whoever issues.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
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
    Bound,
    Events,
    Nonce,
    AccessTokenHash,
    CodeHash,
}

impl Known {
    /// By length and then byte by byte, which is how patterns of bytes are compared.
    fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"iss" => Self::Issuer,
            b"sub" => Self::Subject,
            b"aud" => Self::Audience,
            b"exp" => Self::ExpiresAt,
            b"nbf" => Self::NotBefore,
            b"iat" => Self::IssuedAt,
            b"auth_time" => Self::AuthTime,
            b"jti" => Self::TokenId,
            b"sid" => Self::Session,
            b"client_id" => Self::ClientId,
            b"azp" => Self::AuthorizedParty,
            b"cnf" => Self::Bound,
            b"events" => Self::Events,
            b"nonce" => Self::Nonce,
            b"at_hash" => Self::AccessTokenHash,
            b"c_hash" => Self::CodeHash,
            _ => return None,
        })
    }
}

impl<'p, 'n> Capturing<'p, 'n> {
    pub(crate) fn new(names: &'n ClaimNames) -> Self {
        let (others, captured) = (Names::default(), Captured::default());
        Self { names, usual: names.are_usual(), known: 0, others, captured, fault: None }
    }

    /// What was caught so far. It is whole once the payload was read.
    pub(crate) const fn captured(&mut self) -> &mut Captured<'p> {
        &mut self.captured
    }

    /// Notes the name of a member. `None` means that its value is of no interest here.
    #[expect(clippy::ptr_arg, reason = "a name that is borrowed is kept without a copy")]
    pub(super) fn name(&mut self, name: &Cow<'p, str>) -> Option<Interest> {
        let known = Known::of(name.as_bytes());
        let is_new = match known {
            Some(known) => {
                let bit = 1 << known as u32;
                let is_new = self.known & bit == 0;
                self.known |= bit;
                is_new
            }
            None => self.others.insert(name.clone()),
        };
        if !is_new {
            self.fault.get_or_insert_with(|| repeated(name));
        }
        if self.usual {
            let claim = Some(Claim::Known(known?));
            return Some(Interest { claim, required: None, rules: 0 });
        }
        let required = self.names.required.iter().position(|required| **required == **name);
        let rules = self.names.rules_about(name);
        let claim = self.claim(known, name);
        (claim.is_some() || required.is_some() || rules != 0).then_some(Interest {
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

    /// Takes the value of a member that is of interest.
    pub(super) fn value(&mut self, interest: Interest, value: &Caught<'p>) {
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
        Caught::Text(text) => Ok(text.clone()),
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
