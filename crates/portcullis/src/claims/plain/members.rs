//! The members of a plain payload, shown to the capture of registered claims on their way to the user's type:
//! what [`Tee`](crate::claims::tee::Tee) does for any deserializer, without detours.

use serde::de::{Deserialize, DeserializeSeed, IgnoredAny, MapAccess, Visitor};

use super::deserializer::{Name, Value};
use super::{NotPlain, Plain, Scalar};
use crate::claims::capture::Capturing;
use crate::claims::caught::Caught;
use crate::claims::names::Interest;
use crate::claims::object::Object;

/// A payload that must be an object.
pub(in crate::claims) struct PlainObject<'a, 'de, 'n> {
    plain: &'a mut Plain<'de>,
    capturing: &'a mut Capturing<'de, 'n>,
}

impl<'a, 'de, 'n> PlainObject<'a, 'de, 'n> {
    pub(in crate::claims) fn new(
        plain: &'a mut Plain<'de>,
        capturing: &'a mut Capturing<'de, 'n>,
    ) -> Self {
        Self { plain, capturing }
    }
}

impl<'de> Object<'de> for PlainObject<'_, 'de, '_> {
    type Error = NotPlain;

    #[inline]
    fn visit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        let Self { plain, capturing } = self;
        plain.between((b'{', b'}'), |plain| {
            visitor.visit_map(Members { plain, capturing, first: true, interest: None })
        })
    }
}

impl<'de> Plain<'de> {
    /// The first `iss` of a payload that must be an object.
    pub(in crate::claims) fn issuer(mut self) -> Result<Option<&'de str>, NotPlain> {
        self.between((b'{', b'}'), |plain| {
            let (mut first, mut issuer) = (true, None);
            while plain.more(&mut first, b'}')? {
                let name = plain.name()?;
                match plain.scalar()? {
                    Some(Scalar::Text(text)) if name == "iss" => issuer = issuer.or(Some(text)),
                    _ if name == "iss" => return plain.fail(),
                    Some(_) => {}
                    None => _ = IgnoredAny::deserialize(Value::new(plain, None))?,
                }
            }
            Ok(issuer)
        })
    }
}

struct Members<'a, 'de, 'n> {
    plain: &'a mut Plain<'de>,
    capturing: &'a mut Capturing<'de, 'n>,
    first: bool,
    interest: Option<Interest>,
}

impl<'de> MapAccess<'de> for Members<'_, 'de, '_> {
    type Error = NotPlain;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, NotPlain> {
        if !self.plain.more(&mut self.first, b'}')? {
            return Ok(None);
        }
        let text = self.plain.name()?;
        self.plain.unseen = true;
        self.interest = self.capturing.borrowed_name(text);
        seed.deserialize(Name { text, plain: self.plain }).map(Some)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, NotPlain> {
        let scalar = self.plain.scalar()?;
        match (&self.interest, scalar) {
            (None, _) => {}
            (Some(interest), Some(Scalar::Text(text))) => self.capturing.text(interest, text),
            (Some(interest), Some(Scalar::Whole(whole))) => {
                self.capturing.whole(interest, whole);
            }
            (Some(interest), None) => {
                let value = Caught::deserialize(Value::new(self.plain, None))?;
                self.capturing.value(interest, &value);
                return seed.deserialize(value).or_else(|_| self.plain.fail());
            }
        }
        seed.deserialize(Value::new(self.plain, scalar))
    }
}
