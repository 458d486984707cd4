//! One issuer as it is configured, and what is made of it.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use portcullis::{Algorithm, Issuer, Keys};
use serde::Deserialize;

use super::value::one_or_many;
use super::{ClaimPlace, ConfigError, RequiredValue, Secret, Span};

/// An issuer to trust. The fields are described by [`SETTINGS`](super::SETTINGS); those that end in
/// `_file` hold the path of a file with the value.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
#[expect(missing_docs, reason = "SETTINGS describes them, by the same names")]
pub struct IssuerConfig {
    pub issuer: Option<String>,
    #[serde(deserialize_with = "one_or_many")]
    pub audience: Vec<String>,
    pub audience_less: bool,
    pub metadata: Option<Metadata>,
    #[serde(deserialize_with = "one_or_many")]
    pub jwks_origin: Vec<String>,
    pub jwks_url: Option<String>,
    pub jwks: Option<Secret>,
    pub jwks_file: Option<PathBuf>,
    pub public_key: Option<Secret>,
    pub public_key_file: Option<PathBuf>,
    pub secret: Option<Secret>,
    pub secret_file: Option<PathBuf>,
    #[serde(deserialize_with = "algorithms")]
    pub algorithms: Vec<Algorithm>,
    pub leeway: Option<Span>,
    pub max_age: Option<Span>,
    pub max_lifetime: Option<Span>,
    #[serde(deserialize_with = "one_or_many")]
    pub types: Vec<String>,
    pub access_token_profile: bool,
    #[serde(deserialize_with = "one_or_many")]
    pub required_claims: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    pub required_values: Vec<RequiredValue>,
    pub trust_strangers: bool,
    #[serde(deserialize_with = "one_or_many")]
    pub roles_claim: Vec<ClaimPlace>,
    #[serde(deserialize_with = "one_or_many")]
    pub scopes_claim: Vec<ClaimPlace>,
    pub token_id_claim: Option<String>,
    #[serde(deserialize_with = "one_or_many")]
    pub may_assert_roles: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    pub may_assert_scopes: Vec<String>,
    pub may_assert_anything: bool,
    /// How the user wrote a setting, where that is not the name of the field.
    #[serde(skip)]
    pub(super) written: HashMap<&'static str, String>,
}

/// By which metadata the keys of an issuer are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Metadata {
    /// Those of OpenID Connect Discovery 1.0.
    #[default]
    Openid,
    /// Those of an OAuth authorization server, by [RFC 8414](https://www.rfc-editor.org/rfc/rfc8414).
    Oauth,
}

/// Where the keys of an issuer come from.
pub(super) enum KeysFrom {
    Here(Keys),
    Url(String),
    Discovery(String),
}

/// RFC 9068 §4, as the verifier has it.
const MAX_LEEWAY: Duration = Duration::from_secs(300);

impl IssuerConfig {
    /// The issuer of this name, of which the rest remains to be set.
    #[must_use]
    pub fn new(issuer: impl Into<String>) -> Self {
        Self { issuer: Some(issuer.into()), ..Self::default() }
    }

    /// Says how the user wrote a setting, where that is not the name of its field: errors call it so.
    #[must_use]
    pub fn called(mut self, field: &'static str, written: impl Into<String>) -> Self {
        self.written.insert(field, written.into());
        self
    }

    /// True if it says what this issuer may give.
    pub(super) fn limits_assertions(&self) -> bool {
        self.may_assert_anything
            || !self.may_assert_roles.is_empty()
            || !self.may_assert_scopes.is_empty()
    }

    /// The setting as the user wrote it.
    pub(super) fn written(&self, field: &'static str) -> String {
        self.written.get(field).cloned().unwrap_or_else(|| match &self.issuer {
            Some(issuer) => format!("issuer {issuer:?}: {field}"),
            None => field.to_owned(),
        })
    }

    pub(super) fn wrong(&self, field: &'static str, what: impl std::fmt::Display) -> ConfigError {
        ConfigError::about(self.written(field), what)
    }

    /// The issuer, without its keys.
    pub(super) fn issuer(&self) -> Result<Issuer, ConfigError> {
        let Some(name) = &self.issuer else {
            return Err(self.wrong(
                "issuer",
                "it is missing: say who issues the tokens, as their `iss` has it",
            ));
        };
        if name.is_empty() || name.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(self.wrong("issuer", "it must not be empty or contain white space"));
        }
        self.check_lists()?;
        self.check_whose(name)?;
        let mut issuer = Issuer::new(name.as_str());
        issuer = match (self.audience.as_slice(), self.audience_less) {
            ([], true) => issuer.audience_less(),
            ([], false) => {
                let less = self.written("audience_less");
                return Err(self.wrong(
                    "audience",
                    format_args!(
                        "it is missing: say what `aud` names this service, or set {less} if the tokens \
                         of this issuer have no `aud`"
                    ),
                ));
            }
            (_, true) => {
                return Err(
                    self.wrong("audience_less", "there is an audience as well; set one of them")
                );
            }
            (all, false) => all.iter().fold(issuer, |issuer, audience| issuer.audience(audience)),
        };
        if self.access_token_profile {
            if !self.types.is_empty() {
                return Err(self.wrong("types", "access_token_profile says which; set one of them"));
            }
            issuer = issuer.access_token_profile();
        } else if !self.types.is_empty() {
            issuer = issuer.accept_types(self.types.iter().map(String::as_str));
        }
        if !self.algorithms.is_empty() {
            issuer = issuer.algorithms(self.algorithms.iter().copied());
        }
        if let Some(Span(leeway)) = self.leeway {
            if leeway > MAX_LEEWAY {
                return Err(self.wrong("leeway", "5 minutes are the most (RFC 9068 §4)"));
            }
            issuer = issuer.leeway(leeway);
        }
        if let Some(age) = self.positive("max_age", self.max_age)? {
            issuer = issuer.max_age(age);
        }
        if let Some(lifetime) = self.positive("max_lifetime", self.max_lifetime)? {
            issuer = issuer.max_lifetime(lifetime);
        }
        issuer = self.required_claims.iter().fold(issuer, Issuer::require_claim);
        issuer = self.with_required_values(issuer);
        issuer = self.roles_claim.iter().fold(issuer, |issuer, at| issuer.roles_from(at.path()));
        issuer = self.scopes_claim.iter().fold(issuer, |issuer, at| issuer.scopes_from(at.path()));
        if let Some(claim) = &self.token_id_claim {
            issuer = issuer.token_id_claim(claim);
        }
        self.assertions(issuer)
    }

    fn assertions(&self, mut issuer: Issuer) -> Result<Issuer, ConfigError> {
        let named = !self.may_assert_roles.is_empty() || !self.may_assert_scopes.is_empty();
        if self.may_assert_anything && named {
            return Err(self.wrong(
                "may_assert_anything",
                "roles or scopes are named as well; set one of them",
            ));
        }
        if self.may_assert_anything {
            return Ok(issuer.may_assert_anything());
        }
        if !self.may_assert_roles.is_empty() {
            issuer = issuer.may_assert_roles(self.may_assert_roles.iter().map(String::as_str));
        }
        if !self.may_assert_scopes.is_empty() {
            issuer = issuer.may_assert_scopes(self.may_assert_scopes.iter().map(String::as_str));
        }
        Ok(issuer)
    }

    fn check_lists(&self) -> Result<(), ConfigError> {
        let lists = [
            ("audience", &self.audience),
            ("types", &self.types),
            ("required_claims", &self.required_claims),
            ("may_assert_roles", &self.may_assert_roles),
            ("may_assert_scopes", &self.may_assert_scopes),
        ];
        match lists.into_iter().find(|(_, list)| list.iter().any(String::is_empty)) {
            Some((field, _)) => Err(self.wrong(field, "one of its values is empty")),
            None => Ok(()),
        }
    }

    fn positive(
        &self,
        field: &'static str,
        span: Option<Span>,
    ) -> Result<Option<Duration>, ConfigError> {
        match span {
            Some(Span(Duration::ZERO)) => Err(self.wrong(field, "it must not be zero")),
            span => Ok(span.map(|Span(span)| span)),
        }
    }

    /// Where the keys come from: from one place.
    pub(super) fn keys(&self) -> Result<KeysFrom, ConfigError> {
        let given = [
            ("jwks_url", self.jwks_url.is_some()),
            ("jwks", self.jwks.is_some()),
            ("jwks_file", self.jwks_file.is_some()),
            ("public_key", self.public_key.is_some()),
            ("public_key_file", self.public_key_file.is_some()),
            ("secret", self.secret.is_some()),
            ("secret_file", self.secret_file.is_some()),
        ];
        let mut given = given.into_iter().filter(|(_, given)| *given).map(|(field, _)| field);
        let field = given.next();
        if let (Some(one), Some(other)) = (field, given.next()) {
            let other = self.written(other);
            return Err(self.wrong(
                one,
                format_args!("{other} says where the keys are as well; set one of them"),
            ));
        }
        let found =
            [("metadata", self.metadata.is_some()), ("jwks_origin", !self.jwks_origin.is_empty())];
        if let (Some(field), Some((useless, _))) = (field, found.iter().find(|(_, given)| *given)) {
            let field = self.written(field);
            return Err(self.wrong(
                useless,
                format_args!("{field} says where the keys are, so that no metadata are looked at"),
            ));
        }
        let Some(field) = field else {
            let name = self.issuer.clone().unwrap_or_default();
            return Ok(KeysFrom::Discovery(name));
        };
        if let Some(url) = &self.jwks_url {
            return Ok(KeysFrom::Url(url.clone()));
        }
        let text = self.text_of(field)?;
        let keys = match field {
            "jwks" | "jwks_file" => Keys::from_jwk_set(text.reveal()),
            "public_key" | "public_key_file" => Keys::from_pem(text.reveal()),
            _ => {
                let algorithm = match self.algorithms.as_slice() {
                    [] => Algorithm::HS256,
                    [one] => *one,
                    _ => {
                        return Err(
                            self.wrong("algorithms", "a secret is for one of them; say which")
                        );
                    }
                };
                Keys::from_secret(algorithm, text.reveal())
            }
        };
        keys.map(KeysFrom::Here).map_err(|error| {
            let meant = self.meant(field, text.reveal()).unwrap_or_default();
            match self.file_of(field) {
                Some(path) => self.wrong(field, format_args!("{}: {error}{meant}", path.display())),
                None => self.wrong(field, format_args!("{error}{meant}")),
            }
        })
    }

    /// Which setting a text is for, by its looks, that was given by another.
    fn meant(&self, field: &str, text: &str) -> Option<String> {
        let is = |start: &str| text.trim_start().starts_with(start);
        let (what, meant) = match field {
            "jwks" if is("-----BEGIN") => ("PEM", "public_key"),
            "jwks_file" if is("-----BEGIN") => ("PEM", "public_key_file"),
            "public_key" if is("{") => ("JSON", "jwks"),
            "public_key_file" if is("{") => ("JSON", "jwks_file"),
            _ => return None,
        };
        Some(format!(". This is {what}, for which there is {}", self.written(meant)))
    }

    fn file_of(&self, field: &str) -> Option<&PathBuf> {
        match field {
            "jwks_file" => self.jwks_file.as_ref(),
            "public_key_file" => self.public_key_file.as_ref(),
            "secret_file" => self.secret_file.as_ref(),
            _ => None,
        }
    }

    /// What was given by this field, or stands in the file that it names.
    fn text_of(&self, field: &'static str) -> Result<Secret, ConfigError> {
        let text = match field {
            "jwks" => &self.jwks,
            "public_key" => &self.public_key,
            "secret" => &self.secret,
            _ => &None,
        };
        if let Some(text) = text {
            return Ok(text.clone());
        }
        let path = self.file_of(field).cloned().unwrap_or_default();
        let text = fs::read_to_string(&path)
            .map_err(|error| self.wrong(field, format_args!("{}: {error}", path.display())))?;
        Ok(Secret::from(without_line_break(&text).to_owned()))
    }
}

/// Without the one line break that editors and `echo` put at the end.
pub(super) fn without_line_break(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

fn algorithms<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Algorithm>, D::Error> {
    let names: Vec<String> = one_or_many(deserializer)?;
    let read = |name: String| {
        name.parse().map_err(|error| serde::de::Error::custom(format_args!("{name:?}: {error}")))
    };
    names.into_iter().map(read).collect()
}
