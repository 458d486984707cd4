//! The value of one member, read once and shown to two.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Number, Value};

/// A value: the kinds that claims are made of without an allocation, everything else as JSON.
pub(super) enum Caught<'de> {
    Text(Cow<'de, str>),
    /// A whole number of 64 bits with a sign.
    Whole(i64),
    /// A whole number above that.
    Large(u64),
    Fraction(f64),
    Other(Value),
}

impl Caught<'_> {
    /// A whole number that has no sign.
    #[inline]
    pub(super) fn unsigned(number: u64) -> Self {
        i64::try_from(number).map_or(Self::Large(number), Self::Whole)
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Other(Value::Null))
    }

    pub(super) fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::Whole(number) => u64::try_from(number).ok(),
            Self::Large(number) => Some(number),
            Self::Other(Value::Number(ref number)) => number.as_u64(),
            _ => None,
        }
    }

    /// A number that is told as JSON, as one is told otherwise: `serde_json` keeps numbers as they are written where
    /// any crate of the program turns its feature `arbitrary_precision` on. `None` if it is beyond all of them.
    pub(super) fn of_number(number: &Number) -> Option<Self> {
        let large = || number.as_u64().map(Self::Large);
        let fraction = || number.as_f64().map(Self::Fraction);
        number.as_i64().map(Self::Whole).or_else(large).or_else(fraction)
    }

    /// What it is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Whole(_) | Self::Large(_) | Self::Fraction(_) => "another number",
            Self::Other(value) => Self::kind_of(value),
        }
    }

    pub(super) fn kind_of(value: &Value) -> &'static str {
        match value {
            Value::String(_) => "a string",
            Value::Number(_) => "another number",
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    /// As JSON, to be compared with what a setting names.
    pub(super) fn to_value(&self) -> Cow<'_, Value> {
        Cow::Owned(match self {
            Self::Other(value) => return Cow::Borrowed(value),
            Self::Text(text) => Value::from(&**text),
            Self::Whole(number) => Value::from(*number),
            Self::Large(number) => Value::from(*number),
            Self::Fraction(number) => Value::from(*number),
        })
    }
}

impl<'de> Deserialize<'de> for Caught<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Catch;

        impl<'de> Visitor<'de> for Catch {
            type Value = Caught<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Caught<'de>, E> {
                Ok(Caught::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Caught<'de>, E> {
                Ok(Caught::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Caught<'de>, E> {
                Ok(Caught::Whole(number))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Caught<'de>, E> {
                Ok(Caught::unsigned(number))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Caught<'de>, E> {
                Ok(Caught::Fraction(number))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Caught<'de>, E> {
                Ok(Caught::Other(Value::Bool(value)))
            }

            fn visit_unit<E>(self) -> Result<Caught<'de>, E> {
                Ok(Caught::Other(Value::Null))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Caught<'de>, A::Error> {
                Value::deserialize(SeqAccessDeserializer::new(seq)).map(Caught::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Caught<'de>, A::Error> {
                Value::deserialize(MapAccessDeserializer::new(map)).map(Caught::Other)
            }
        }

        deserializer.deserialize_any(Catch)
    }
}

/// Hands the value on as the JSON deserializer would have.
impl<'de> Deserializer<'de> for Caught<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Self::Text(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Self::Text(Cow::Owned(text)) => visitor.visit_string(text),
            // as serde_json tells them: without a sign where there is none
            Self::Whole(number) => match u64::try_from(number) {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => visitor.visit_i64(number),
            },
            Self::Large(number) => visitor.visit_u64(number),
            Self::Fraction(number) => visitor.visit_f64(number),
            Self::Other(value) => value.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self {
            Self::Text(text) => {
                let variant = de::value::StrDeserializer::<serde_json::Error>::new(&text);
                variant.deserialize_enum(name, variants, visitor)
            }
            Self::Other(value) => value.deserialize_enum(name, variants, visitor),
            number => number.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_without_a_sign_is_told_up_to_64_bits() {
        for (json, number) in [
            ("0", Some(0)),
            ("7", Some(7)),
            ("9223372036854775807", Some(i64::MAX as u64)),
            ("9223372036854775808", Some(i64::MAX as u64 + 1)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-1", None),
            ("7.0", None),
            ("\"7\"", None),
            ("[7]", None),
        ] {
            let caught: Caught<'_> = serde_json::from_str(json).unwrap();
            assert_eq!(caught.as_u64(), number, "{json}");
            let told_as_json = Caught::Other(serde_json::from_str(json).unwrap());
            assert_eq!(told_as_json.as_u64(), number, "{json}");
        }
    }
}
