//! Every setting: its name, how its value is written, what it does. The environment is read by this
//! table, and a test holds the documentation to it.

/// One setting. Its variable is `PORTCULLIS_` and the name in capitals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// The name of the field, in snake case.
    pub name: &'static str,
    /// Whether it is about one issuer.
    pub scope: Scope,
    /// What it does, in one line.
    pub help: &'static str,
    pub(super) form: Form,
}

/// What a setting is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One issuer: where several are trusted, the variable has a number (`PORTCULLIS_1_ISSUER`).
    Issuer,
    /// All of them.
    All,
}

/// How a value is written in a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    /// Texts with commas between them.
    List,
    /// `true` or `false`.
    Flag,
    /// A text that no error shows.
    Secret,
}

const fn of_issuer(name: &'static str, form: Form, help: &'static str) -> Setting {
    Setting { name, scope: Scope::Issuer, help, form }
}

const fn of_all(name: &'static str, form: Form, help: &'static str) -> Setting {
    Setting { name, scope: Scope::All, help, form }
}

use Form::{Flag, List, Secret, Text};

/// Every setting that the environment can hold.
pub const SETTINGS: &[Setting] = &[
    of_issuer("issuer", Text, "who issues the tokens, as their `iss` has it"),
    of_issuer("audience", List, "what `aud` names this service; one of them is enough"),
    of_issuer("audience_less", Flag, "`true` if the tokens of this issuer have no `aud`"),
    of_issuer(
        "metadata",
        Text,
        "by which metadata the keys are found: `openid` unless set, or `oauth` (RFC 8414)",
    ),
    of_issuer(
        "jwks_origin",
        List,
        "origins at which the metadata may place the keys, beside its own",
    ),
    of_issuer(
        "jwks_url",
        Text,
        "where the keys are; found by OpenID discovery unless keys are given",
    ),
    of_issuer("jwks", Secret, "the keys themselves: a JWK Set"),
    of_issuer("public_key", Secret, "the key itself: a public key in PEM"),
    of_issuer(
        "secret",
        Secret,
        "the key itself: a secret shared with the issuer, for HS256 unless `algorithms` says HS384 or HS512",
    ),
    of_issuer(
        "algorithms",
        List,
        "the algorithms that it may use, such as `RS256,ES256`; those of its keys unless set",
    ),
    of_issuer("leeway", Text, "by how much clocks may differ: `60s` unless set, `5m` at most"),
    of_issuer("max_age", Text, "how long ago a token may have been issued"),
    of_issuer("max_lifetime", Text, "how much time may lie between `iat` and `exp`"),
    of_issuer("types", List, "the `typ` that tokens must have; none, `JWT` or `at+jwt` unless set"),
    of_issuer("access_token_profile", Flag, "`true` to accept access tokens of RFC 9068 only"),
    of_issuer("required_claims", List, "claims that must be there"),
    of_issuer(
        "required_values",
        List,
        "values that claims must have: `NAME=TEXT`, or `NAME:=JSON` for a number, `true` and `false`; one of them for a claim that is named more than once",
    ),
    of_issuer(
        "trust_strangers",
        Flag,
        "`true` to let in all for whom an issuer such as GitHub or Google signs",
    ),
    of_issuer(
        "roles_claim",
        List,
        "where roles are: a claim, or a JSON Pointer such as `/realm_access/roles`; `roles` unless set",
    ),
    of_issuer("scopes_claim", List, "where scopes are; `scope` and `scp` unless set"),
    of_issuer("token_id_claim", Text, "the claim that names a token; `jti` unless set"),
    of_issuer(
        "may_assert_roles",
        List,
        "the roles that this issuer may give; needed where several are trusted",
    ),
    of_issuer("may_assert_scopes", List, "the scopes that this issuer may give"),
    of_issuer("may_assert_anything", Flag, "`true` if this issuer may give every role and scope"),
    of_all(
        "source",
        List,
        "where requests carry their token: `bearer` unless set, `cookie:NAME`, `header:NAME`, `ambient-header:NAME`, `websocket:MARKER`",
    ),
    of_all("trusted_origins", List, "origins that may use a cookie on unsafe methods"),
    of_all(
        "root_certificates",
        Secret,
        "authorities to trust beside the system's when keys are fetched: certificates in PEM",
    ),
    of_all(
        "config",
        Text,
        "the path of a file with all of this, in TOML (`.toml`) or JSON (`.json`), in place of variables",
    ),
];
