//! The registered claims of a payload.

use std::borrow::Cow;

use portcullis_core::Timestamp;

use super::names::ClaimNames;
use super::rule::Outcome;
use crate::error::Rejection;

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
    pub(super) required: u64,
    /// One bit for each rule that is met.
    pub(super) met: u64,
    /// The rules that are not, and how.
    pub(super) broken: Vec<(usize, Outcome)>,
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
