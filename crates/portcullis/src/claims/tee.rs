//! An object that any deserializer reads, whose members are shown to the capture of registered claims on their
//! way to the user's type.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::capture::Capturing;
use super::caught::Caught;
use super::names::Interest;
use super::object::Object;
use crate::json::Text;

/// Wraps a deserializer whose value must be an object.
pub(super) struct Tee<'c, 'de, 'n, D> {
    inner: D,
    capturing: &'c mut Capturing<'de, 'n>,
}

impl<'c, 'de, 'n, D> Tee<'c, 'de, 'n, D> {
    pub(super) fn new(inner: D, capturing: &'c mut Capturing<'de, 'n>) -> Self {
        Self { inner, capturing }
    }
}

impl<'de, D: Deserializer<'de>> Object<'de> for Tee<'_, 'de, '_, D> {
    type Error = D::Error;

    fn visit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_map(TeeVisitor { visitor, capturing: self.capturing })
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

struct TeeVisitor<'c, 'de, 'n, V> {
    visitor: V,
    capturing: &'c mut Capturing<'de, 'n>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for TeeVisitor<'_, 'de, '_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(TeeMap { map, capturing: self.capturing, interest: None })
    }
}

struct TeeMap<'c, 'de, 'n, A> {
    map: A,
    capturing: &'c mut Capturing<'de, 'n>,
    interest: Option<Interest>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for TeeMap<'_, 'de, '_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(Text(name)) = self.map.next_key::<Text<'de>>()? else { return Ok(None) };
        self.interest = self.capturing.name(&name);
        match name {
            Cow::Borrowed(name) => seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some),
            Cow::Owned(name) => seed.deserialize(StrDeserializer::new(&name)).map(Some),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        match self.interest.take() {
            None => self.map.next_value_seed(seed),
            Some(interest) => {
                let value: Caught<'de> = self.map.next_value()?;
                self.capturing.value(&interest, &value);
                seed.deserialize(value).map_err(A::Error::custom)
            }
        }
    }

    fn size_hint(&self) -> Option<usize> {
        self.map.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;
    use serde::de::value::{Error as ValueError, MapDeserializer};
    use serde::forward_to_deserialize_any;

    use super::*;
    use crate::claims::object::AsObject;
    use crate::claims::{Capturing, ClaimNames};

    /// Three members, one of them registered, of a format that may be one for people or not.
    struct Three {
        readable: bool,
    }

    impl<'de> Deserializer<'de> for Three {
        type Error = ValueError;

        fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            let members = [("sub", "bob"), ("a", "1"), ("b", "2")];
            visitor.visit_map(MapDeserializer::new(members.into_iter()))
        }

        fn is_human_readable(&self) -> bool {
            self.readable
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
            option unit unit_struct newtype_struct seq tuple tuple_struct map struct enum
            identifier ignored_any
        }
    }

    /// What a type gets to know of the format, and how many members are told to be left before each.
    #[derive(Debug, PartialEq, Eq)]
    struct Told {
        readable: bool,
        left: Vec<Option<usize>>,
    }

    impl<'de> serde::Deserialize<'de> for Told {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Members;

            impl<'de> Visitor<'de> for Members {
                type Value = Vec<Option<usize>>;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                    let mut left = vec![map.size_hint()];
                    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                        left.push(map.size_hint());
                    }
                    Ok(left)
                }
            }

            let readable = deserializer.is_human_readable();
            Ok(Self { readable, left: deserializer.deserialize_map(Members)? })
        }
    }

    #[test]
    fn a_type_is_told_of_the_format_what_it_would_be_told_without_us() {
        for readable in [true, false] {
            let names = ClaimNames::default();
            let mut captured = Capturing::new(&names);
            let tee = AsObject(Tee::new(Three { readable }, &mut captured));
            let told = <Told as serde::Deserialize>::deserialize(tee).unwrap();
            assert_eq!(
                told,
                <Told as serde::Deserialize>::deserialize(Three { readable }).unwrap()
            );
            assert_eq!(told, Told { readable, left: vec![Some(3), Some(2), Some(1), Some(0)] });
            assert_eq!(captured.captured().subject.as_deref(), Some("bob"));
        }
    }
}
