//! JSON as the JOSE headers and claims need it: repeated member names are refused.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess};

/// How many names are compared one by one.
const FEW: usize = 24;

/// How many of those are kept on the stack.
const FIRST: usize = 4;

/// The names that were seen in an object. The first ones are kept on the stack, and a few are compared one by
/// one; many are hashed (with the standard library's random keys), so that an object of thousands costs no
/// quadratic time.
#[derive(Default)]
pub(crate) struct Names<'a> {
    first: [Option<&'a str>; FIRST],
    len: usize,
    few: Vec<&'a str>,
    /// One bit for each way in which they begin and end, so that most new names need no comparing.
    looks: u64,
    many: Option<HashSet<Cow<'a, str>>>,
}

impl<'a> Names<'a> {
    /// Adds a name; false if it was there already.
    pub(crate) fn insert(&mut self, name: Cow<'a, str>) -> bool {
        let look = look(&name);
        let is = |known: &&str| **known == *name;
        if self.looks & look != 0
            && (self.first.iter().flatten().any(is) || self.few.iter().any(is))
        {
            return false;
        }
        self.looks |= look;
        match name {
            // a name with escapes is not borrowed, and rare
            Cow::Borrowed(name) if self.len < FEW && self.many.is_none() => {
                match self.first.get_mut(self.len) {
                    Some(place) => *place = Some(name),
                    None => self.few.push(name),
                }
                self.len += 1;
                true
            }
            name => self.many.get_or_insert_default().insert(name),
        }
    }
}

/// One of 64 bits, by the length of a name and the ends of it.
fn look(name: &str) -> u64 {
    let at = |end: Option<&u8>| end.copied().map_or(0, usize::from);
    let (first, last) = (at(name.as_bytes().first()), at(name.as_bytes().last()));
    1 << ((name.len() ^ first ^ last << 2) % 64)
}

/// A string, borrowed where it has no escapes.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

/// Any value, read for its form only: a member name that is repeated at any level is an error.
pub(crate) struct NoRepeats;

impl<'de> Deserialize<'de> for NoRepeats {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = NoRepeats;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_bool<E>(self, _: bool) -> Result<NoRepeats, E> {
                Ok(NoRepeats)
            }

            fn visit_i64<E>(self, _: i64) -> Result<NoRepeats, E> {
                Ok(NoRepeats)
            }

            fn visit_u64<E>(self, _: u64) -> Result<NoRepeats, E> {
                Ok(NoRepeats)
            }

            fn visit_f64<E>(self, _: f64) -> Result<NoRepeats, E> {
                Ok(NoRepeats)
            }

            fn visit_str<E>(self, _: &str) -> Result<NoRepeats, E> {
                Ok(NoRepeats)
            }

            fn visit_unit<E>(self) -> Result<NoRepeats, E> {
                Ok(NoRepeats)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<NoRepeats, A::Error> {
                while seq.next_element::<NoRepeats>()?.is_some() {}
                Ok(NoRepeats)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NoRepeats, A::Error> {
                let mut names = Names::default();
                while let Some(Text(name)) = map.next_key()? {
                    if !names.insert(name) {
                        return Err(de::Error::custom("a member is there twice"));
                    }
                    map.next_value::<NoRepeats>()?;
                }
                Ok(NoRepeats)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, good: bool) {
        assert_eq!(serde_json::from_str::<NoRepeats>(json).is_ok(), good, "{json}");
    }

    #[test]
    fn repeats_are_found_at_every_level_and_behind_escapes() {
        check(r#"{"a":1,"b":[{"a":null},{"a":1.5}],"c":{"a":true}}"#, true);
        check(r#"{"a":1,"a":1}"#, false);
        check(r#"{"a":1,"\u0061":1}"#, false);
        check(r#"{"x":{"a":1,"a":2}}"#, false);
        check(r#"[[{"x":[{"a":1,"b":2,"a":3}]}]]"#, false);
        check(r#"{"a":-1,"b":"a"}"#, true);
    }

    #[test]
    fn an_object_of_many_members_is_read_in_linear_time() {
        // quadratic comparison would take minutes
        let members: Vec<_> = (0..200_000).map(|i| format!("\"{i}\":0")).collect();
        check(&format!("{{{}}}", members.join(",")), true);
        check(&format!("{{{},\"77\":0}}", members.join(",")), false);
        check(&format!("{{{},\"199999\":0}}", members.join(",")), false);
    }
}
