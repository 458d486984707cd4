//! Where a request carries its token, and where in a token its roles and scopes are.

use std::str::FromStr;

use portcullis::{BuildError, ClaimPath, Source};
use serde::de::{self, Deserialize, Deserializer};

/// Where a request carries its token: `bearer`, `cookie:NAME`, `header:NAME`, `ambient-header:NAME` for a
/// header that a proxy sets on the strength of a cookie, or `websocket:MARKER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePlace(Source);

impl SourcePlace {
    /// The source, for a [`JwtLayer`](portcullis::JwtLayer).
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.0
    }
}

impl FromStr for SourcePlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let told = |error: BuildError| error.to_string();
        let source = match text.split_once(':') {
            None if text == "bearer" => Source::bearer(),
            Some(("cookie", name)) => Source::cookie(name).map_err(told)?,
            Some(("header", name)) => Source::header(name).map_err(told)?,
            Some(("ambient-header", name)) => Source::header(name).map_err(told)?.ambient(),
            Some(("websocket", marker)) => Source::websocket_protocol(marker).map_err(told)?,
            _ => {
                return Err(format!(
                    "{text:?} is none of bearer, cookie:NAME, header:NAME, ambient-header:NAME and \
                     websocket:MARKER"
                ));
            }
        };
        Ok(Self(source))
    }
}

impl<'de> Deserialize<'de> for SourcePlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Where in a token a claim is: its name, or a JSON Pointer
/// ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)) for one inside of others, such as
/// `/realm_access/roles`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPlace(Vec<String>);

impl ClaimPlace {
    /// The path, for an [`Issuer`](portcullis::Issuer).
    #[must_use]
    pub fn path(&self) -> ClaimPath {
        self.0.clone().into()
    }

    /// True for the claim of this name, in no other.
    pub(super) fn is(&self, claim: &str) -> bool {
        matches!(self.0.as_slice(), [name] if name == claim)
    }
}

impl FromStr for ClaimPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let names: Vec<_> = match text.strip_prefix('/') {
            Some(pointer) => {
                pointer.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect()
            }
            // `a.b` may mean `b` inside of `a`, and a role that is looked for in vain refuses everybody
            None if text.contains('.') && !text.contains("://") => {
                return Err(format!(
                    "{text:?} may mean two things: write \"/{}\" for a claim inside of another, or \
                     \"/{text}\" for one whose name has a dot",
                    text.replace('.', "/")
                ));
            }
            None => vec![text.to_owned()],
        };
        if names.iter().any(String::is_empty) {
            return Err(format!("{text:?} has an empty name"));
        }
        Ok(Self(names))
    }
}

impl<'de> Deserialize<'de> for ClaimPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_spelled_by_kind_and_name() {
        let of = |text: &str| text.parse::<SourcePlace>().map(|place| place.0);
        assert_eq!(of("bearer"), Ok(Source::bearer()));
        assert_eq!(of(" cookie:__Host-session"), Ok(Source::cookie("__Host-session").unwrap()));
        assert_eq!(of("header:x-token"), Ok(Source::header("x-token").unwrap()));
        assert_eq!(of("ambient-header:x-token"), Ok(Source::header("x-token").unwrap().ambient()));
        assert!(of("websocket:bearer").is_ok());
        for bad in ["", "Bearer", "cookie", "cookie:", "cookie:a b", "header:cookie", "query:token"]
        {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_claim_is_named_or_pointed_at() {
        let of = |text: &str| text.parse::<ClaimPlace>().map(|place| place.0.join(" > "));
        assert_eq!(of("roles"), Ok("roles".into()));
        assert_eq!(of("cognito:groups"), Ok("cognito:groups".into()));
        assert_eq!(of("https://me.example/roles"), Ok("https://me.example/roles".into()));
        assert_eq!(of("/realm_access/roles"), Ok("realm_access > roles".into()));
        assert_eq!(of("/a~1b/c~0d/e.f"), Ok("a/b > c~d > e.f".into()));
        let told = of("realm_access.roles").unwrap_err();
        assert!(told.contains("\"/realm_access/roles\""), "{told}");
        for bad in ["", "/", "/a//b", "/a/"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
