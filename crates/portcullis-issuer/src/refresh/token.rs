//! The text of a refresh token: random, opaque to whoever holds it, and found again without being stored.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::error::IssuerError;

const ID: usize = 16;
const GENERATION: usize = 4;
const SECRET: usize = 32;
const LENGTH: usize = ID + GENERATION + SECRET;

/// A refresh token, taken apart: which family, which of its tokens, and the secret that proves it.
pub(super) struct Presented {
    bytes: Zeroizing<[u8; LENGTH]>,
}

impl Presented {
    /// Draws a token of a new family.
    pub(super) fn first() -> Result<Self, IssuerError> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        fill(&mut bytes[..])?;
        bytes[ID..ID + GENERATION].fill(0);
        Ok(Self { bytes })
    }

    /// Draws the next token of the family, which replaces this one.
    pub(super) fn next(&self, generation: u32) -> Result<Self, IssuerError> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        fill(&mut bytes[..])?;
        bytes[..ID].copy_from_slice(&self.bytes[..ID]);
        bytes[ID..ID + GENERATION].copy_from_slice(&generation.to_be_bytes());
        Ok(Self { bytes })
    }

    /// Reads what a client sent; `None` if it can be no token of ours.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes[..]).ok()?;
        (length == LENGTH).then_some(Self { bytes })
    }

    /// What the client is given.
    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.bytes[..])
    }

    /// The family it belongs to.
    pub(super) fn family(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.bytes[..ID])
    }

    /// Which token of the family it is; the first is 0.
    pub(super) fn generation(&self) -> u32 {
        let mut generation = [0; GENERATION];
        generation.copy_from_slice(&self.bytes[ID..ID + GENERATION]);
        u32::from_be_bytes(generation)
    }

    /// What is stored of it. The secret has 256 random bits, so that a plain hash can't be turned back.
    pub(super) fn hash(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, &self.bytes[..]))
    }

    /// True if this is the token of which the hash was stored.
    pub(super) fn matches(&self, hash: &str) -> bool {
        verify_slices_are_equal(self.hash().as_bytes(), hash.as_bytes()).is_ok()
    }
}

/// A random identifier of 128 bits.
pub(super) fn random_id() -> Result<String, IssuerError> {
    let mut bytes = [0; ID];
    fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn fill(bytes: &mut [u8]) -> Result<(), IssuerError> {
    aws_lc_rs::rand::fill(bytes)
        .map_err(|_| IssuerError::crypto("the system gave no random numbers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_the_next_one_is_of_the_same_family() {
        let first = Presented::first().unwrap();
        let read = Presented::read(&first.text()).unwrap();
        assert_eq!((read.family(), read.generation()), (first.family(), 0));
        assert!(read.matches(&first.hash()));
        let next = read.next(7).unwrap();
        assert_eq!((next.family(), next.generation()), (first.family(), 7));
        assert!(!next.matches(&first.hash()));
        assert_ne!(Presented::first().unwrap().family(), first.family());
    }

    #[test]
    fn every_bit_counts() {
        let token = Presented::first().unwrap();
        let hash = token.hash();
        for byte in 0..LENGTH {
            let mut other = Presented::read(&token.text()).unwrap();
            other.bytes[byte] ^= 1;
            assert!(!other.matches(&hash), "byte {byte}");
        }
    }

    #[test]
    fn what_is_no_token_is_not_read() {
        let text = Presented::first().unwrap().text();
        for other in
            ["", "x", &text[1..], &format!("{text}A"), &format!("{text}="), &format!(" {text}")]
        {
            assert!(Presented::read(other).is_none(), "{other:?}");
        }
        // 52 bytes leave two bits over, which have to be zero.
        let (last, rest) = text.as_bytes().split_last().map(|(last, rest)| (*last, rest)).unwrap();
        let stray = char::from(if last == b'9' { b'8' } else { last + 1 });
        let text = format!("{}{stray}", std::str::from_utf8(rest).unwrap());
        assert!(Presented::read(&text).is_none(), "{text}");
    }
}
