//! From the payload to the user's claims and the registered ones beside them, in one pass.

mod capture;
mod captured;
mod caught;
mod names;
mod object;
mod plain;
mod rule;
mod tee;

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::fmt;

use portcullis_core::AccessClaims;
use serde::de::{self, Deserialize as _, DeserializeOwned, Deserializer, IgnoredAny, MapAccess};

pub(crate) use capture::Capturing;
pub(crate) use captured::Captured;
pub(crate) use names::ClaimNames;
pub use rule::{ClaimRule, ClaimValue};

use crate::error::{Diagnosis, Rejection, RejectionKind};
use crate::json::Text;
use object::AsObject;
use plain::{NotPlain, Plain, PlainObject};
use tee::Tee;

/// Reads the payload of a token whose signature is good, and captures its registered claims.
pub(crate) fn read<'p, C: DeserializeOwned + 'static>(
    payload: &'p [u8],
    capturing: &mut Capturing<'p, '_>,
    places: &Places<'_>,
) -> Result<C, Rejection> {
    // RFC 7519 §7.2; serde_json does not look into strings that nobody reads
    let payload =
        std::str::from_utf8(payload).map_err(|_| no_object("bytes that are not UTF-8"))?;
    match read_plain(payload, capturing, places) {
        Ok(claims) => capturing.take_fault().map_or(Ok(claims), Err),
        Err(NotPlain) => {
            capturing.restart();
            read_any(payload, capturing, places)
        }
    }
}

/// A payload that is as nearly all are.
fn read_plain<'p, C: DeserializeOwned + 'static>(
    payload: &'p str,
    capturing: &mut Capturing<'p, '_>,
    places: &Places<'_>,
) -> Result<C, NotPlain> {
    let mut plain = Plain::new(payload);
    let object = PlainObject::new(&mut plain, capturing);
    let claims = deserialize::<C, _>(AsObject(object), payload, places)?;
    plain.end().map(|()| claims)
}

/// The same of a payload that is not plain, or not right.
#[cold]
fn read_any<'p, C: DeserializeOwned + 'static>(
    payload: &'p str,
    capturing: &mut Capturing<'p, '_>,
    places: &Places<'_>,
) -> Result<C, Rejection> {
    if !payload.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
        return Err(no_object("something else"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(payload);
    let claims =
        deserialize::<C, _>(AsObject(Tee::new(&mut deserializer, capturing)), payload, places)
            .and_then(|claims| deserializer.end().map(|()| claims));
    match (capturing.take_fault(), claims) {
        // a registered claim that is wrong says more than what serde makes of it
        (Some(fault), _) => Err(fault),
        (None, Ok(claims)) => Ok(claims),
        (None, Err(error)) => Err(unreadable::<C>(&error)),
    }
}

/// The registered claims of a payload that [`read`] refused, for who explains why: as far as they are what
/// they should be, and the last of those that are there twice.
pub(crate) fn read_in_spite<'p, 'n>(
    payload: &'p [u8],
    names: &'n ClaimNames,
) -> Option<Capturing<'p, 'n>> {
    let payload = std::str::from_utf8(payload).ok()?;
    let mut capturing = Capturing::new(names);
    let mut deserializer = serde_json::Deserializer::from_str(payload);
    <()>::deserialize(AsObject(Tee::new(&mut deserializer, &mut capturing))).ok()?;
    deserializer.end().ok()?;
    Some(capturing)
}

/// Where an issuer keeps roles and scopes.
pub(crate) struct Places<'a> {
    pub(crate) roles: &'a [Box<[String]>],
    pub(crate) scopes: &'a [Box<[String]>],
}

/// As the type reads itself. The ready-made claims are left without roles and scopes: where those stand,
/// their issuer says.
fn deserialize<'de, C: DeserializeOwned + 'static, D: Deserializer<'de>>(
    deserializer: D,
    payload: &str,
    places: &Places<'_>,
) -> Result<C, D::Error> {
    if TypeId::of::<C>() != TypeId::of::<AccessClaims>() {
        return C::deserialize(deserializer);
    }
    let Places { roles, scopes } = places;
    let access = AccessClaims::deserialize_unfilled(deserializer, payload, roles, scopes)?;
    let mut access = Some(access);
    let claims = (&mut access as &mut dyn Any).downcast_mut::<Option<C>>().and_then(Option::take);
    Ok(claims.expect("`C` is `AccessClaims`, as was just seen"))
}

#[cold]
fn no_object(found: &'static str) -> Rejection {
    Diagnosis::new()
        .expected("a JSON object of claims")
        .found(found)
        .reject(RejectionKind::MalformedToken)
}

/// How the messages begin that serde makes of a value and of what was expected instead, and the one of
/// [`AccessClaims`](portcullis_core::AccessClaims).
const KNOWN: [&str; 6] = [
    "invalid type: ",
    "invalid value: ",
    "invalid length ",
    "unknown variant `",
    "unknown field `",
    "a wrong claim, ",
];

#[cold]
fn unreadable<C>(error: &serde_json::Error) -> Rejection {
    let (kind, expected) = if error.is_data() {
        (RejectionKind::InvalidClaims, format!("claims of type {}", std::any::type_name::<C>()))
    } else {
        (RejectionKind::MalformedToken, "a JSON object of claims".to_owned())
    };
    // what a type finds wrong after all was read has no place
    let place = match error.line() {
        0 => String::new(),
        line => format!(" at line {line} column {}", error.column()),
    };
    // serde's message repeats values, and those of claims may be private: shown is only what comes from
    // the user's own type. Other messages are a type's own, and may repeat a value anywhere.
    let message = error.to_string();
    let known = KNOWN.iter().any(|start| message.starts_with(start));
    let found = if let Some(field) = message.strip_prefix("missing field `") {
        let field = field.split('`').next().unwrap_or_default();
        format!("no `{}`", field.escape_default())
    } else if let Some((_, wanted)) = message.rsplit_once(", expected ").filter(|_| known) {
        let wanted = wanted.split(" at line ").next().unwrap_or_default();
        format!("something else than {}{place}", wanted.escape_default())
    } else {
        format!("something else{place}")
    };
    Diagnosis::new().expected(expected).found(found).reject(kind)
}

/// The `iss` of a payload that nobody has vouched for yet: good for choosing whose keys to try, and for
/// nothing else.
pub(crate) fn untrusted_issuer(payload: &[u8]) -> Option<Cow<'_, str>> {
    let plain = std::str::from_utf8(payload).ok().map(|payload| Plain::new(payload).issuer());
    match plain {
        Some(Ok(issuer)) => issuer.map(Cow::Borrowed),
        _ => untrusted_issuer_of_any(payload),
    }
}

/// The same of a payload that is not plain.
fn untrusted_issuer_of_any(payload: &[u8]) -> Option<Cow<'_, str>> {
    struct Visitor;

    impl<'de> de::Visitor<'de> for Visitor {
        type Value = Option<Cow<'de, str>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of claims")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut issuer = None;
            while let Some(IsIssuer(found)) = map.next_key()? {
                // a repeat will be refused with the claims; nothing of it is kept meanwhile
                if found && issuer.is_none() {
                    issuer = Some(map.next_value::<Text<'de>>()?.0);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(issuer)
        }
    }

    /// The name of a member: nothing of it is kept, however it is escaped.
    struct IsIssuer(bool);

    impl<'de> de::Deserialize<'de> for IsIssuer {
        fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Name;

            impl de::Visitor<'_> for Name {
                type Value = IsIssuer;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a name")
                }

                fn visit_str<E: de::Error>(self, name: &str) -> Result<IsIssuer, E> {
                    Ok(IsIssuer(name == "iss"))
                }
            }

            deserializer.deserialize_str(Name)
        }
    }

    let mut deserializer = serde_json::Deserializer::from_slice(payload);
    de::Deserializer::deserialize_map(&mut deserializer, Visitor).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_chosen_by_the_first_iss_of_the_outermost_object() {
        for (payload, issuer) in [
            (r#"{"iss":"a"}"#, Some("a")),
            (r#"{"sub":"b","iss":"a"}"#, Some("a")),
            (r#"{"iss":"a","sub":"b"}"#, Some("a")),
            (r#"{"iss":"a","iss":"b"}"#, Some("a")),
            (r#"{"nested":{"iss":"b"},"iss":"a"}"#, Some("a")),
            (r#"{"\u0069ss":"\u0061"}"#, Some("a")),
            (r#"{"iss":""}"#, Some("")),
            (r#"{"sub":"a","ISS":"b","is":"c","isss":"d"}"#, None),
            (r#"{"nested":{"iss":"b"}}"#, None),
            (r#"{"iss":["a"]}"#, None),
            (r#"{"iss":null}"#, None),
            (r#"["iss","a"]"#, None),
            (r#"{"iss":"a""#, None),
            ("", None),
        ] {
            assert_eq!(untrusted_issuer(payload.as_bytes()).as_deref(), issuer, "{payload}");
            assert_eq!(untrusted_issuer_of_any(payload.as_bytes()).as_deref(), issuer, "{payload}");
        }
    }
}
