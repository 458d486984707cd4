//! Which claims mean something: those that always do, and those that an issuer chooses.

use super::rule::ClaimRule;

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
    pub(super) fn are_usual(&self) -> bool {
        let Self { token_id, generation, session, client, tenant, required, rules, self_asserted } =
            self;
        [token_id, generation, session, client, tenant].into_iter().all(Option::is_none)
            && required.is_empty()
            && rules.is_empty()
            && self_asserted.is_empty()
    }

    /// One bit for each rule that looks at this member of the payload.
    pub(super) fn rules_about(&self, name: &str) -> u64 {
        let about = self.rules.iter().enumerate().filter(|(_, rule)| rule.first() == name);
        about.fold(0, |bits, (at, _)| bits | 1 << at)
    }
}

/// What is done with the value of a member.
#[derive(Clone, Copy)]
pub(super) enum Interest {
    /// It means what it always does, and no setting is about it.
    Usual(Known),
    /// Settings are about it.
    Chosen {
        claim: Option<Claim>,
        /// One bit, if it is required.
        required: u64,
        /// One bit for each rule about it.
        rules: u64,
    },
}

#[derive(Clone, Copy)]
pub(super) enum Claim {
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
pub(super) enum Known {
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
    #[inline]
    pub(super) fn of(name: &[u8]) -> Option<Self> {
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
