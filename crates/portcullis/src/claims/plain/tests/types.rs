//! Types that ask for something else, that go on where they can't read, or that look away.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Takes whatever there is, and yet asks for something: a string, a number, a truth value, `null`, an array or an
/// object.
#[derive(Debug, PartialEq)]
pub(super) struct Loose<const WANTED: usize>(&'static str);

impl<'de, const WANTED: usize> Deserialize<'de> for Loose<WANTED> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Anything;

        impl<'de> Visitor<'de> for Anything {
            type Value = &'static str;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok("string")
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok("number")
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok("boolean")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok("null")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
                Ok("array")
            }

            fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
                Ok("object")
            }
        }

        let found = match WANTED {
            0 => from.deserialize_str(Anything),
            1 => from.deserialize_u8(Anything),
            2 => from.deserialize_bool(Anything),
            3 => from.deserialize_unit(Anything),
            4 => from.deserialize_seq(Anything),
            _ => from.deserialize_map(Anything),
        };
        found.map(Self)
    }
}

/// What goes on where a value can't be read, which leaves `serde_json` in its midst.
#[derive(Debug, PartialEq, serde::Deserialize)]
pub(super) struct Lenient {
    #[serde(default, deserialize_with = "or_none")]
    a: Option<i64>,
    #[serde(default, deserialize_with = "or_none")]
    b: Option<Vec<String>>,
    #[serde(default, deserialize_with = "or_none")]
    c: Option<HashMap<u64, bool>>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

fn or_none<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Ok(T::deserialize(from).ok())
}

/// Reads nothing.
#[derive(Debug, PartialEq)]
pub(super) struct Unread;

impl<'de> Deserialize<'de> for Unread {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

/// What does not look at everything.
#[derive(Debug, PartialEq)]
pub(super) struct Hasty(Vec<String>);

impl<'de> Deserialize<'de> for Hasty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Vec<String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    match &*name {
                        "a" => _ = map.next_value::<Unread>()?,
                        "b" => {}
                        "c" => return Ok(names),
                        "d" => {
                            map.next_value::<Unread>()?;
                            return Ok(names);
                        }
                        _ => _ = map.next_value::<IgnoredAny>()?,
                    }
                    names.push(name);
                }
                Ok(names)
            }
        }

        deserializer.deserialize_map(Names).map(Self)
    }
}
