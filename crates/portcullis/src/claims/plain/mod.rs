//! JSON as nearly every payload is: without white space, strings without escapes, whole numbers, and nothing deep.
//!
//! It is read here at a fraction of what reading any JSON costs, and anything else is left to `serde_json`,
//! which then reads the payload from the beginning and has the last word: about every fault, every escape and
//! every fraction. So this reader may refuse what it likes, and takes nothing that `serde_json` would refuse or
//! read otherwise, which the tests below hold it to.

mod deserializer;
mod members;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::de;

/// How many arrays and objects within one another are plain. `serde_json` takes 128.
const DEPTH: u8 = 16;

/// How many digits a plain number has: all of them fit into 64 bits with a sign.
const DIGITS: usize = 18;

/// A payload, read from the front.
pub(super) struct Plain<'de> {
    text: &'de str,
    at: usize,
    depth: u8,
    /// Something was not plain. A type may go on where one of its values can't be read, and would go on from
    /// elsewhere with `serde_json`.
    failed: bool,
    /// A name or a value was handed out, and nobody has asked for the value.
    unseen: bool,
}

/// A value that is no more than itself.
#[derive(Clone, Copy)]
enum Scalar<'de> {
    Text(&'de str),
    Whole(u64),
}

/// Not plain, or not what the type wants. Nobody sees it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotPlain;

pub(super) use members::PlainObject;

impl<'de> Plain<'de> {
    pub(super) const fn new(text: &'de str) -> Self {
        Self { text, at: 0, depth: DEPTH, failed: false, unseen: false }
    }

    /// Sees to it that all was plain, and that nothing follows.
    pub(super) fn end(&mut self) -> Result<(), NotPlain> {
        if self.failed || self.peek().is_some() { Err(NotPlain) } else { Ok(()) }
    }

    #[cold]
    fn fail<T>(&mut self) -> Result<T, NotPlain> {
        self.failed = true;
        Err(NotPlain)
    }

    /// The next byte, which stays.
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes this byte.
    #[inline]
    fn take(&mut self, wanted: u8) -> Result<(), NotPlain> {
        if self.peek() != Some(wanted) {
            return self.fail();
        }
        self.at += 1;
        Ok(())
    }

    /// Takes a string.
    #[inline]
    fn text(&mut self) -> Result<&'de str, NotPlain> {
        self.take(b'"')?;
        self.rest_of_text()
    }

    /// Takes a string whose first quotation mark was taken.
    #[inline(always)]
    fn rest_of_text(&mut self) -> Result<&'de str, NotPlain> {
        let start = self.at;
        let len = self.text.as_bytes().get(start..).and_then(len_of_text);
        let Some(text) = len.and_then(|len| self.text.get(start..start + len)) else {
            return self.fail();
        };
        self.at = start + text.len() + 1;
        Ok(text)
    }

    /// Takes the name of a member, and what is between it and its value.
    #[inline]
    fn name(&mut self) -> Result<&'de str, NotPlain> {
        let name = self.text()?;
        self.take(b':')?;
        Ok(name)
    }

    /// Takes the value that comes next, if it is one of these.
    #[inline(always)]
    fn scalar(&mut self) -> Result<Option<Scalar<'de>>, NotPlain> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.rest_of_text().map(|text| Some(Scalar::Text(text)))
            }
            Some(b'0'..=b'9') => self.number().map(|number| Some(Scalar::Whole(number))),
            _ => Ok(None),
        }
    }

    /// Takes a whole number that has no sign (RFC 8259 §6). Behind it only what may follow a value is taken, so
    /// that a fraction or an exponent is found there.
    #[inline]
    fn number(&mut self) -> Result<u64, NotPlain> {
        let digits = &self.text.as_bytes()[self.at..];
        // a point in time has ten digits for some centuries
        let (mut number, mut len) = match digits.first_chunk().and_then(eight_digits) {
            Some(number) => (number, 8),
            None => (0, 0),
        };
        while let Some(digit @ b'0'..=b'9') = digits.get(len) {
            number = number * 10 + u64::from(digit - b'0');
            len += 1;
            if len > DIGITS {
                return self.fail();
            }
        }
        if len > 1 && digits[0] == b'0' {
            return self.fail();
        }
        self.at += len;
        Ok(number)
    }

    fn word(&mut self, word: &str) -> Result<(), NotPlain> {
        if !self.text[self.at..].starts_with(word) {
            return self.fail();
        }
        self.at += word.len();
        Ok(())
    }

    /// Takes what is between two brackets. What is taken must reach to the second.
    #[inline]
    fn between<T>(
        &mut self,
        (open, close): (u8, u8),
        inner: impl FnOnce(&mut Self) -> Result<T, NotPlain>,
    ) -> Result<T, NotPlain> {
        self.take(open)?;
        let Some(depth) = self.depth.checked_sub(1) else { return self.fail() };
        self.depth = depth;
        let Ok(taken) = inner(self) else { return self.fail() };
        if self.unseen {
            return self.fail();
        }
        self.depth += 1;
        self.take(close)?;
        Ok(taken)
    }

    /// True if another item follows, whose comma is taken, and false in front of the bracket.
    #[inline]
    fn more(&mut self, first: &mut bool, close: u8) -> Result<bool, NotPlain> {
        let first = std::mem::replace(first, false);
        if self.unseen {
            return self.fail();
        }
        match self.peek() {
            Some(byte) if byte == close => Ok(false),
            Some(b',') if !first => {
                self.at += 1;
                // no bracket may follow, which is no value and no name
                Ok(true)
            }
            Some(_) if first => Ok(true),
            _ => self.fail(),
        }
    }
}

/// A byte in each of the eight places.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// How long the string is that starts here, if it is plain: without escapes, and without the characters that must
/// be escaped (RFC 8259 §7).
#[inline]
fn len_of_text(bytes: &[u8]) -> Option<usize> {
    let (words, last) = bytes.as_chunks::<8>();
    let mut len = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        // that bit swaps the quotation mark and the blank, so that it is below all the others with the control
        // characters; what has its highest bit is no ASCII. A borrow only reaches bytes above one that is found.
        let below = (word ^ each(2)).wrapping_sub(each(b' ' + 1));
        let backslashes = (word ^ each(b'\\')).wrapping_sub(each(1));
        let found = (below | backslashes) & !word & each(0x80);
        if found != 0 {
            let bits = found.trailing_zeros() - 7;
            return ((word >> bits) as u8 == b'"').then_some(len + bits as usize / 8);
        }
        len += 8;
    }
    let more = last.iter().position(|&byte| matches!(byte, b'"' | b'\\' | 0..b' '))?;
    (last[more] == b'"').then_some(len + more)
}

/// The number that eight digits are, the first of which is worth most.
#[inline]
fn eight_digits(digits: &[u8; 8]) -> Option<u64> {
    let word = u64::from_le_bytes(*digits);
    // a digit is 0x30 to 0x39: the upper half is 3, and stays 3 if 6 is added
    let halves = each(0xf0);
    if (word & halves) | ((word.wrapping_add(each(6)) & halves) >> 4) != each(0x33) {
        return None;
    }
    // neighbours are added up: digits to pairs, pairs to fours, fours to all
    let digits = word & each(0x0f);
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours & 0xffff) * 10_000 + (fours >> 32))
}

impl fmt::Display for NotPlain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not plain")
    }
}

impl std::error::Error for NotPlain {}

impl de::Error for NotPlain {
    /// Nothing is said here, and so nothing is written down.
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}
