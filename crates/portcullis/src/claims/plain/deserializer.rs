//! A plain value as serde wants it. What `serde_json` would read in a way of its own is not plain.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::{NotPlain, Plain, Scalar};

/// A value that was found, and whoever asks for it.
pub(super) struct Value<'a, 'de> {
    plain: &'a mut Plain<'de>,
    /// The value, if it was taken already; else it is what comes next.
    scalar: Option<Scalar<'de>>,
}

impl<'a, 'de> Value<'a, 'de> {
    #[inline]
    pub(super) fn new(plain: &'a mut Plain<'de>, scalar: Option<Scalar<'de>>) -> Self {
        // whoever does not even look at it would be told so by `serde_json`
        plain.unseen = true;
        Self { plain, scalar }
    }

    fn fail<T>(self) -> Result<T, NotPlain> {
        self.plain.fail()
    }

    /// If it is a string.
    #[inline]
    fn text(&self) -> bool {
        matches!(self.scalar, Some(Scalar::Text(_)))
    }

    #[inline]
    fn number(&self) -> bool {
        matches!(self.scalar, Some(Scalar::Whole(_)))
    }

    /// If it begins with one of these bytes.
    #[inline]
    fn begins(&self, with: &[u8]) -> bool {
        self.scalar.is_none() && self.plain.peek().is_some_and(|byte| with.contains(&byte))
    }
}

/// Those ways of asking for a value that lead to values of one kind.
macro_rules! only {
    ($($method:ident if |$value:ident| $kind:expr;)*) => {
        $(
            #[inline]
            fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, NotPlain> {
                let $value = &mut self;
                if $kind { self.deserialize_any(visitor) } else { self.fail() }
            }
        )*
    };
}

/// Those for which `serde_json` has rules of its own.
macro_rules! left_to_others {
    ($($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NotPlain> {
                self.fail()
            }
        )*
    };
}

impl<'de> Deserializer<'de> for Value<'_, 'de> {
    type Error = NotPlain;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        let Self { plain, scalar } = self;
        plain.unseen = false;
        match scalar {
            Some(Scalar::Text(text)) => visitor.visit_borrowed_str(text),
            Some(Scalar::Whole(number)) => visitor.visit_u64(number),
            None => match plain.peek() {
                Some(b'[') => plain
                    .between((b'[', b']'), |plain| visitor.visit_seq(Items { plain, first: true })),
                Some(b'{') => plain
                    .between((b'{', b'}'), |plain| visitor.visit_map(Items { plain, first: true })),
                Some(b't') => plain.word("true").and_then(|()| visitor.visit_bool(true)),
                Some(b'f') => plain.word("false").and_then(|()| visitor.visit_bool(false)),
                Some(b'n') => plain.word("null").and_then(|()| visitor.visit_unit()),
                _ => plain.fail(),
            },
        }
    }

    only! {
        deserialize_str if |value| value.text();
        deserialize_string if |value| value.text();
        deserialize_char if |value| value.text();
        deserialize_identifier if |value| value.text();
        deserialize_i8 if |value| value.number();
        deserialize_i16 if |value| value.number();
        deserialize_i32 if |value| value.number();
        deserialize_i64 if |value| value.number();
        deserialize_u8 if |value| value.number();
        deserialize_u16 if |value| value.number();
        deserialize_u32 if |value| value.number();
        deserialize_u64 if |value| value.number();
        deserialize_f32 if |value| value.number();
        deserialize_f64 if |value| value.number();
        deserialize_bool if |value| value.begins(b"tf");
        deserialize_unit if |value| value.begins(b"n");
        deserialize_seq if |value| value.begins(b"[");
        deserialize_map if |value| value.begins(b"{");
    }

    left_to_others! {
        deserialize_i128 deserialize_u128 deserialize_bytes deserialize_byte_buf
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        if self.begins(b"n") {
            self.plain.unseen = false;
            self.plain.word("null")?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        self.deserialize_unit(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        let Some(Scalar::Text(text)) = self.scalar else { return self.fail() };
        self.plain.unseen = false;
        Name { text, plain: self.plain }.deserialize_enum(name, variants, visitor)
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        self.deserialize_any(IgnoredAny)?;
        visitor.visit_unit()
    }
}

/// The members of an object that is a value itself, or the elements of an array.
struct Items<'a, 'de> {
    plain: &'a mut Plain<'de>,
    first: bool,
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = NotPlain;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, NotPlain> {
        if !self.plain.more(&mut self.first, b'}')? {
            return Ok(None);
        }
        let text = self.plain.name()?;
        self.plain.unseen = true;
        seed.deserialize(Name { text, plain: self.plain }).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, NotPlain> {
        let scalar = self.plain.scalar()?;
        seed.deserialize(Value::new(self.plain, scalar))
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = NotPlain;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, NotPlain> {
        if !self.plain.more(&mut self.first, b']')? {
            return Ok(None);
        }
        let scalar = self.plain.scalar()?;
        seed.deserialize(Value::new(self.plain, scalar)).map(Some)
    }
}

/// The name of a member, or a variant. In place of a number or a truth value `serde_json` reads such a name in
/// its own way.
pub(super) struct Name<'a, 'de> {
    pub(super) text: &'de str,
    pub(super) plain: &'a mut Plain<'de>,
}

impl Name<'_, '_> {
    fn fail<T>(self) -> Result<T, NotPlain> {
        self.plain.fail()
    }
}

impl<'de> Deserializer<'de> for Name<'_, 'de> {
    type Error = NotPlain;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        visitor.visit_borrowed_str(self.text)
    }

    left_to_others! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64 deserialize_bytes deserialize_byte_buf
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NotPlain> {
        BorrowedStrDeserializer::new(self.text).deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        char str string unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
