//! The settings of one trusted issuer.

use std::time::Duration;

use portcullis_core::Assertable;

use super::key_issuer::KeyIssuer;
use super::look_alike::LookAlike;
use super::tenants::Tenants;
use crate::claims::{ClaimNames, ClaimRule};
use crate::source::Source;
use crate::{Algorithm, Keys};

/// An issuer to trust: who it is, what its keys are, whom its tokens must be for, and what it may say.
///
/// The defaults are strict. `iss`, `exp` and `aud` are required; `exp`, `nbf` and a future `iat` are
/// checked with 60 seconds of leeway; a token that is bound to a key of its sender (`cnf`) is refused.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use portcullis::{Algorithm, Issuer, Keys};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret = "a secret that is shared, of 32 bytes or more";
/// let issuer = Issuer::new("https://idp.example.com")
///     .keys(Keys::from_secret(Algorithm::HS256, secret)?)
///     .audience("payroll")
///     .leeway(Duration::from_secs(10))
///     .max_lifetime(Duration::from_secs(3600))
///     .roles_from(["realm_access", "roles"])
///     .require_claim("sub");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Issuer {
    pub(super) name: String,
    pub(super) other_names: Vec<String>,
    pub(super) keys: Option<Keys>,
    pub(super) algorithms: Option<Vec<Algorithm>>,
    pub(super) audience: Audience,
    pub(super) types: Types,
    pub(super) leeway: Duration,
    pub(super) max_age: Option<Duration>,
    pub(super) max_lifetime: Option<Duration>,
    pub(super) without_exp: bool,
    pub(super) ignore_cnf: bool,
    pub(super) claim_names: ClaimNames,
    pub(super) role_paths: Vec<Box<[String]>>,
    pub(super) scope_paths: Vec<Box<[String]>>,
    pub(super) assertable: Option<Assertable>,
    pub(super) tenants: Option<Tenants>,
    /// How its keys name it, where they name somebody.
    pub(super) key_issuers: Vec<KeyIssuer>,
    /// Tenants were named where the issuer has none.
    pub(super) stray_tenants: bool,
    pub(super) look_alikes: Vec<LookAlike>,
    pub(super) header_rules: Vec<ClaimRule>,
    pub(super) claims_in_header: bool,
    /// Some rule is about what stands in for `aud`.
    pub(super) stands_in: bool,
    pub(super) carriers: Vec<Source>,
    pub(super) padded: bool,
}

/// Whom tokens must be for.
#[derive(Clone, Debug)]
pub(super) enum Audience {
    OneOf(Vec<String>),
    /// Tokens of this issuer have no audience; one that has is not for us.
    None,
    Any,
}

/// What kinds of token are accepted.
#[derive(Clone, Debug)]
pub(super) struct Types {
    /// Without `application/`, in lower case.
    pub(super) accepted: Vec<String>,
    pub(super) untyped: bool,
}

/// Where in the payload a claim is: the names from the outermost in.
///
/// A name may hold dots or colons, as `cognito:groups` or a URL does, so a path is made of names and
/// not of one text with separators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(pub(crate) Box<[String]>);

impl From<&str> for ClaimPath {
    fn from(name: &str) -> Self {
        Self([name.to_owned()].into())
    }
}

impl<const N: usize> From<[&str; N]> for ClaimPath {
    fn from(names: [&str; N]) -> Self {
        Self(names.into_iter().map(str::to_owned).collect())
    }
}

impl From<Vec<String>> for ClaimPath {
    fn from(names: Vec<String>) -> Self {
        Self(names.into())
    }
}

impl Issuer {
    /// The issuer whose tokens say exactly this in `iss`
    /// ([RFC 7519 §4.1.1](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.1)). It is also the name
    /// under which revocations know it.
    pub fn new(iss: impl Into<String>) -> Self {
        Self {
            name: iss.into(),
            other_names: Vec::new(),
            keys: None,
            algorithms: None,
            audience: Audience::OneOf(Vec::new()),
            types: Types { accepted: vec!["jwt".into(), "at+jwt".into()], untyped: true },
            leeway: Duration::from_secs(60),
            max_age: None,
            max_lifetime: None,
            without_exp: false,
            ignore_cnf: false,
            claim_names: ClaimNames::default(),
            role_paths: Vec::new(),
            scope_paths: Vec::new(),
            assertable: None,
            tenants: None,
            key_issuers: Vec::new(),
            stray_tenants: false,
            look_alikes: Vec::new(),
            header_rules: Vec::new(),
            claims_in_header: false,
            stands_in: false,
            carriers: Vec::new(),
            padded: false,
        }
    }

    /// Another spelling of `iss` that its tokens may have. Revocations know it by its first name only.
    pub fn also_known_as(mut self, iss: impl Into<String>) -> Self {
        self.other_names.push(iss.into());
        self
    }

    /// Its keys. No other key ever verifies its tokens
    /// ([RFC 8725 §3.8](https://www.rfc-editor.org/rfc/rfc8725#section-3.8)).
    pub fn keys(mut self, keys: impl Into<Keys>) -> Self {
        self.keys = Some(keys.into());
        self
    }

    /// The algorithms that it may use
    /// ([RFC 8725 §3.1](https://www.rfc-editor.org/rfc/rfc8725#section-3.1)). Unless set, those that its
    /// keys are bound to. An RSA key that does not say which algorithm it is for is for these instead of
    /// RS256.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// An audience that is us: a token must name it, or another that is added, in `aud`
    /// ([RFC 7519 §4.1.3](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3)).
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        match &mut self.audience {
            Audience::OneOf(all) => all.push(audience.into()),
            Audience::None | Audience::Any => {
                self.audience = Audience::OneOf(vec![audience.into()]);
            }
        }
        self
    }

    /// Declares that the tokens of this issuer have no audience, because it serves nobody else. A token
    /// that has one is for somebody else, and refused.
    pub fn audience_less(mut self) -> Self {
        self.audience = Audience::None;
        self
    }

    /// Takes tokens whoever they are for. Another service that is sent a token of ours can then use
    /// it here, and the other way round
    /// ([RFC 8725 §3.9](https://www.rfc-editor.org/rfc/rfc8725#section-3.9)).
    pub fn danger_accept_any_audience(mut self) -> Self {
        self.audience = Audience::Any;
        self
    }

    /// Accepts these kinds of token and no others, by the `typ` of the header; `application/` and case
    /// make no difference ([RFC 7515 §4.1.9](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.9)). Unless
    /// set, a token has no `typ`, or `JWT`, or `at+jwt`.
    pub fn accept_types<S: Into<String>>(mut self, types: impl IntoIterator<Item = S>) -> Self {
        let accepted = types.into_iter().map(|typ| normal_type(&typ.into()).to_ascii_lowercase());
        self.types = Types { accepted: accepted.collect(), untyped: false };
        self
    }

    /// Accepts tokens without `typ` beside the kinds that were named.
    pub fn accept_untyped(mut self) -> Self {
        self.types.untyped = true;
        self
    }

    /// Accepts access tokens of [RFC 9068](https://www.rfc-editor.org/rfc/rfc9068) only: `typ` is `at+jwt`,
    /// and `iss`, `exp`, `aud`, `sub`, `client_id`, `iat` and `jti` are there.
    pub fn access_token_profile(self) -> Self {
        ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"]
            .into_iter()
            .fold(self.accept_types(["at+jwt"]), Self::require_claim)
    }

    /// By how much the issuer's clock and ours may differ: 60 seconds unless set, 5 minutes at most.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// How long ago a token may have been issued, whatever its `exp` says. `iat` is then required.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// How much time may lie between `iat` and `exp`. Both are then required.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = Some(lifetime);
        self
    }

    /// A claim that must be there and not be null.
    pub fn require_claim(mut self, name: impl Into<String>) -> Self {
        let name = name.into().into_boxed_str();
        if !self.claim_names.required.contains(&name) {
            self.claim_names.required.push(name);
        }
        self
    }

    /// Where [`AccessClaims`](crate::AccessClaims) finds roles: `roles` unless set. Several places add up.
    /// A struct of your own says by itself where its roles are.
    pub fn roles_from(mut self, path: impl Into<ClaimPath>) -> Self {
        self.role_paths.push(path.into().0);
        self
    }

    /// Where [`AccessClaims`](crate::AccessClaims) finds scopes: `scope` and `scp` unless set. Several
    /// places add up.
    pub fn scopes_from(mut self, path: impl Into<ClaimPath>) -> Self {
        self.scope_paths.push(path.into().0);
        self
    }

    /// The roles that this issuer may assert; others in its tokens do not count. A sole issuer may
    /// assert everything unless this says otherwise; where several are trusted each must say.
    pub fn may_assert_roles<S: Into<Box<str>>>(
        mut self,
        roles: impl IntoIterator<Item = S>,
    ) -> Self {
        self.assertable = Some(self.assertable.unwrap_or_default().with_roles(roles));
        self
    }

    /// The scopes that this issuer may assert. See [`may_assert_roles`](Self::may_assert_roles).
    pub fn may_assert_scopes<S: Into<Box<str>>>(
        mut self,
        scopes: impl IntoIterator<Item = S>,
    ) -> Self {
        self.assertable = Some(self.assertable.unwrap_or_default().with_scopes(scopes));
        self
    }

    /// This issuer may assert every role and scope.
    pub fn may_assert_anything(mut self) -> Self {
        self.assertable = Some(Assertable::anything());
        self
    }

    /// This issuer may assert no role and no scope.
    pub fn may_assert_nothing(mut self) -> Self {
        self.assertable = Some(Assertable::nothing());
        self
    }

    /// Takes tokens that never expire. Whoever gets hold of one has it for ever, unless it is revoked.
    pub fn danger_accept_tokens_without_exp(mut self) -> Self {
        self.without_exp = true;
        self
    }

    /// Takes tokens that are bound to a key of their sender (`cnf`) without checking the binding, as if
    /// they were plain bearer tokens. What the binding protects against, theft, is then not prevented.
    pub fn danger_ignore_cnf(mut self) -> Self {
        self.ignore_cnf = true;
        self
    }
}

/// A `typ` without `application/`, which may be left out (RFC 7515 §4.1.9).
pub(super) fn normal_type(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => typ,
    }
}
