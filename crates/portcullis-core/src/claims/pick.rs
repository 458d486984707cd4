//! From an object of claims: those with a place of their own, those that roles and scopes are read from, and
//! of the others only that they can be read.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use super::{AccessClaims, PLACED, wrong_claim};

/// Where roles and scopes are: in the usual places if there are no paths.
pub(super) struct Paths<'a> {
    pub(super) roles: &'a [Box<[String]>],
    pub(super) scopes: &'a [Box<[String]>],
}

impl Paths<'_> {
    /// True if one of them begins with this member of the payload.
    fn begin_with(&self, name: &str) -> bool {
        let begins = |paths: &[Box<[String]>], usual: &[&str]| {
            if paths.is_empty() {
                return usual.contains(&name);
            }
            paths.iter().any(|path| path.first().is_some_and(|first| first == name))
        };
        begins(self.roles, &["roles"]) || begins(self.scopes, &["scope", "scp"])
    }
}

/// Reads an object and nothing else.
pub(super) struct Pick<'a> {
    pub(super) paths: Paths<'a>,
}

impl<'de> de::Visitor<'de> for Pick<'_> {
    type Value = AccessClaims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<AccessClaims, A::Error> {
        let mut placed = [const { None }; PLACED.len()];
        let mut picked = Vec::new();
        while let Some(member) = map.next_key_seed(&self.paths)? {
            match member {
                Member::Placed(at) => placed[at] = Some(map.next_value()?),
                Member::Picked(name) => picked.push((name, map.next_value()?)),
                Member::Other => _ = map.next_value::<Readable>()?,
            }
        }
        let mut claims = AccessClaims::of(placed).map_err(wrong_claim)?;
        claims.picked = picked;
        Ok(claims)
    }
}

/// What is done with a member.
pub(super) enum Member {
    Placed(usize),
    Picked(Box<str>),
    Other,
}

impl<'de> de::DeserializeSeed<'de> for &Paths<'_> {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Member, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl de::Visitor<'_> for &Paths<'_> {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a claim")
    }

    fn visit_str<E>(self, name: &str) -> Result<Member, E> {
        let placed = PLACED.iter().position(|placed| *placed == name);
        Ok(match placed {
            Some(at) => Member::Placed(at),
            None if self.begin_with(name) => Member::Picked(name.into()),
            None => Member::Other,
        })
    }
}

/// A value that a [`Value`](serde_json::Value) could be made of, and is not.
struct Readable;

impl<'de> Deserialize<'de> for Readable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Readable;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_bool<E>(self, _: bool) -> Result<Readable, E> {
                Ok(Readable)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Readable, E> {
                Ok(Readable)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Readable, E> {
                Ok(Readable)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Readable, E> {
                Ok(Readable)
            }

            fn visit_str<E>(self, _: &str) -> Result<Readable, E> {
                Ok(Readable)
            }

            fn visit_unit<E>(self) -> Result<Readable, E> {
                Ok(Readable)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Readable, A::Error> {
                while seq.next_element::<Readable>()?.is_some() {}
                Ok(Readable)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Readable, A::Error> {
                while map.next_entry::<Readable, Readable>()?.is_some() {}
                Ok(Readable)
            }
        }

        // as that asks for itself, so that both are refused the same
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::Assertable;

    fn unfilled(json: &str) -> Result<AccessClaims, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let claims = AccessClaims::deserialize_unfilled(&mut deserializer, json, &[], &[])?;
        deserializer.end().map(|()| claims)
    }

    #[test]
    fn what_is_read_later_is_what_would_have_been_read_at_once() {
        let json = r#"{"sub":"bob","azp":"app","team":{"a":[1,-2,3.5,true,null,"x\u00e9"]},
            "big":18446744073709551615,"scp":"look","":[]}"#;
        let mut later = unfilled(json).unwrap();
        later.refill(&[], &[], &Assertable::anything()).unwrap();
        let at_once: AccessClaims = serde_json::from_str(json).unwrap();
        assert_eq!(later, at_once);
        assert_eq!(later.clone().rest().len(), 4);
        assert_eq!(format!("{later:?}"), format!("{at_once:?}"));
        let written = |claims: &AccessClaims| serde_json::to_value(claims).unwrap();
        assert_eq!(written(&later), written(&at_once));
        assert_eq!(written(&later)["rest"]["team"]["a"][5], "x\u{e9}");
    }

    #[test]
    fn what_could_not_be_read_later_is_refused_at_once() {
        let deep = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let values = [
            "1e999",
            "-1e999",
            "01",
            "1.",
            r#""\ud800""#,
            r#""\x""#,
            "\"\n\"",
            "tru",
            "[1,]",
            r#"{"a":1,}"#,
            "{1:2}",
            "[1e999]",
            r#"{"\udead":1}"#,
            "1e-999",
            "0.1e1",
            "[]",
            "{}",
            r#""\ud83d\ude00""#,
            "123456789012345678901234567890",
        ];
        let values = values.map(str::to_owned).into_iter().chain([deep(126), deep(127), deep(128)]);
        let mut good = 0;
        for value in values {
            let json = format!(r#"{{"a":{value}}}"#);
            let map = serde_json::from_str::<Map<_, _>>(&json);
            match unfilled(&json) {
                Ok(claims) => assert_eq!(*claims.rest(), map.unwrap(), "{json}"),
                Err(error) => assert_eq!(error.to_string(), map.unwrap_err().to_string()),
            }
            good += usize::from(unfilled(&json).is_ok());
        }
        assert!((6..=12).contains(&good), "{good}");
    }
}
