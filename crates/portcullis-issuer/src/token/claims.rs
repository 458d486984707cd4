//! The payload: what the issuer sets and what the user claims, in one object without repeats.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde::de::{self, Deserialize, Deserializer, MapAccess};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::error::IssuerError;
use crate::header::quoted;

/// What the issuer sets: names and JSON.
pub(super) type Policy<'a> = Vec<(Cow<'a, str>, String)>;

/// The members of a JSON object in their order, with their values as they are written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

/// The user's claims as JSON, from which a token is made.
pub(super) struct Written(Zeroizing<String>);

impl Written {
    pub(super) fn new(claims: &impl Serialize) -> Result<Self, IssuerError> {
        let json = serde_json::to_string(claims).map_err(|error| {
            IssuerError::claims("the claims can't be written").with_source(error)
        })?;
        Ok(Self(Zeroizing::new(json)))
    }

    fn members(&self) -> Result<Members<'_>, IssuerError> {
        serde_json::from_str(&self.0)
            .map_err(|_| IssuerError::claims("the claims are no JSON object (RFC 7519 §3)"))
    }

    /// A claim that is a string.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let Members(members) = self.members().ok()?;
        let (_, value) = members.iter().find(|(there, _)| there == name)?;
        serde_json::from_str(value.get()).ok()
    }
}

/// The payload. A name that both sides have, or that the user has twice, is an error.
pub(super) fn payload(
    mut policy: Policy<'_>,
    claims: &Written,
    default_client: Option<&str>,
    required: &[&str],
) -> Result<String, IssuerError> {
    let Members(members) = claims.members()?;
    for (name, value) in members {
        if policy.iter().any(|(taken, _)| *taken == name) {
            return Err(IssuerError::claims(format!(
                "the claim {} is set by the issuer, or is there twice (RFC 7519 §4)",
                quoted(&name)
            )));
        }
        policy.push((name.into(), value.get().to_owned()));
    }
    if let Some(client) = default_client
        && !policy.iter().any(|(there, _)| there == "client_id")
    {
        policy.push(("client_id".into(), quoted(client)));
    }
    for name in required {
        if !policy.iter().any(|(there, _)| there == name) {
            return Err(IssuerError::claims(format!(
                "an access token must have the claim `{name}` (RFC 9068 §2.2); a token for \
                 something else says so with `TokenIssuerBuilder::plain_jwt` or `typ`"
            )));
        }
    }
    for name in ["sub", "sid", "client_id"] {
        // one of these that is no string is refused by every verifier
        if policy.iter().any(|(there, value)| there == name && !value.starts_with('"')) {
            return Err(IssuerError::claims(format!("the claim `{name}` must be a string")));
        }
    }
    let members: Vec<_> =
        policy.iter().map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
    Ok(format!("{{{}}}", members.join(",")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serializer;
    use serde::ser::SerializeMap;

    use super::*;

    fn policy() -> Policy<'static> {
        vec![("iss".into(), "\"me\"".into()), ("exp".into(), "7".into())]
    }

    fn check(claims: &impl Serialize, expected: Option<&str>) {
        let written = Written::new(claims);
        let payload = written.and_then(|claims| payload(policy(), &claims, None, &[]));
        assert_eq!(payload.ok().as_deref(), expected);
    }

    #[test]
    fn claims_follow_what_the_issuer_sets() {
        check(
            &serde_json::json!({"sub": "bob", "n": 1.5}),
            Some(r#"{"iss":"me","exp":7,"n":1.5,"sub":"bob"}"#),
        );
        check(&BTreeMap::<&str, u8>::new(), Some(r#"{"iss":"me","exp":7}"#));
        check(
            &BTreeMap::from([("a\"b", u64::MAX)]),
            Some(r#"{"iss":"me","exp":7,"a\"b":18446744073709551615}"#),
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        check(&"text", None);
        check(&7, None);
        check(&(), None);
        check(&["sub", "bob"], None);
        check(&BTreeMap::from([((1, 2), 3)]), None);
    }

    /// An object with a member twice, as a careless `flatten` makes one.
    struct Twice(&'static str);

    impl Serialize for Twice {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            map.serialize_entry(self.0, "a")?;
            map.serialize_entry(self.0, "b")?;
            map.end()
        }
    }

    #[test]
    fn no_name_is_there_twice() {
        check(&serde_json::json!({"exp": 8}), None);
        check(&serde_json::json!({"iss": "me"}), None);
        check(&Twice("sub"), None);
        check(&Twice("role\n"), None);
    }

    #[test]
    fn identifiers_are_strings() {
        check(&serde_json::json!({"sub": 7}), None);
        check(&serde_json::json!({"sub": null}), None);
        check(&serde_json::json!({"sid": ["a"]}), None);
        check(&serde_json::json!({"client_id": true}), None);
    }

    #[test]
    fn a_client_is_named_unless_the_claims_name_one() {
        let written = |claims| payload(policy(), &Written::new(&claims).unwrap(), Some("me"), &[]);
        assert!(written(serde_json::json!({})).unwrap().ends_with(r#""client_id":"me"}"#));
        let own = written(serde_json::json!({"client_id": "web"})).unwrap();
        assert!(own.ends_with(r#""client_id":"web"}"#), "{own}");
    }

    #[test]
    fn what_is_required_is_named() {
        let claims = Written::new(&serde_json::json!({})).unwrap();
        let error = payload(policy(), &claims, None, &["iss", "sub"]).unwrap_err();
        assert!(error.to_string().contains("`sub`"), "{error}");
    }
}
