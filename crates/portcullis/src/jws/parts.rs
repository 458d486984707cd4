//! Payload and signature of a token, decoded.

use std::ops::Range;

use super::Compact;
use super::encoding::{BLOCK, Decoder, decode, not_canonical};
use crate::error::Rejection;

/// For how many characters memory is kept: those of four tokens as large as they usually may be.
pub(super) const KEPT: usize = 64 * 1024;

/// What both are decoded into: memory that is used again and again, and grows.
#[derive(Default)]
pub(crate) struct Parts {
    filled_up: Vec<u8>,
    bytes: Vec<u8>,
    payload: Option<Range<usize>>,
    signature: Option<Range<usize>>,
}

impl Parts {
    /// Those of one token.
    pub(crate) fn of(compact: &Compact<'_>, decoder: &Decoder) -> Self {
        let mut parts = Self::default();
        parts.decode(compact, decoder);
        parts
    }

    /// Decodes those of another token.
    ///
    /// Each call of the decoder has its price, and so has what fills no block. So both parts are decoded at once,
    /// and behind each stands what decodes to zeros.
    pub(crate) fn decode(&mut self, compact: &Compact<'_>, decoder: &Decoder) {
        let Compact { payload, signature, .. } = *compact;
        let second = payload.len().next_multiple_of(BLOCK);
        let all = second + signature.len().next_multiple_of(BLOCK) + 4;
        let Self { filled_up, bytes, .. } = self;
        if filled_up.len() < all {
            filled_up.resize(all, 0);
            bytes.resize(all / 4 * 3, 0);
        }
        let filled_up = &mut filled_up[..all];
        let (first, rest) = filled_up.split_at_mut(second);
        fill_up(first, payload);
        fill_up(rest, signature);
        let at = second / 4 * 3;
        if decoder.decode(filled_up, bytes) {
            self.payload = canonical(bytes, 0, payload);
            self.signature = canonical(bytes, at, signature);
        } else {
            // what is wrong with one must not be told of the other
            self.payload = alone(bytes, 0, payload);
            self.signature = alone(bytes, at, signature);
        }
    }

    /// For how many characters there is memory.
    pub(super) const fn room(&self) -> usize {
        self.filled_up.len()
    }

    /// Keeps no more memory than most tokens need, where a stranger sent one that is as large as the limits allow.
    pub(super) fn give_back(&mut self) {
        if self.room() > KEPT {
            *self = Self::default();
        }
    }

    /// The payload.
    ///
    /// # Errors
    ///
    /// If it is no canonical base64url.
    pub(crate) fn payload(&self, compact: &Compact<'_>) -> Result<&[u8], Rejection> {
        self.part(&self.payload).ok_or_else(|| not_canonical(compact.payload, "payload"))
    }

    /// The signature.
    ///
    /// # Errors
    ///
    /// If it is no canonical base64url.
    pub(crate) fn signature(&self, compact: &Compact<'_>) -> Result<&[u8], Rejection> {
        self.part(&self.signature).ok_or_else(|| not_canonical(compact.signature, "signature"))
    }

    fn part(&self, place: &Option<Range<usize>>) -> Option<&[u8]> {
        place.clone().and_then(|place| self.bytes.get(place))
    }
}

fn fill_up(place: &mut [u8], part: &[u8]) {
    let (text, rest) = place.split_at_mut(part.len());
    text.copy_from_slice(part);
    rest.fill(b'A');
}

/// Where a part is that was decoded with what fills it up, if it has one spelling only.
fn canonical(bytes: &[u8], start: usize, part: &[u8]) -> Option<Range<usize>> {
    let end = start + part.len() / 4 * 3 + part.len() % 4 * 6 / 8;
    let has_one_spelling = match part.len() % 4 {
        0 => true,
        // six bits are no byte
        1 => false,
        // RFC 4648 §3.5: the bits that are left over of the last character are zero, as all behind them
        _ => bytes[end] == 0,
    };
    has_one_spelling.then_some(start..end)
}

#[cold]
fn alone(bytes: &mut [u8], start: usize, part: &[u8]) -> Option<Range<usize>> {
    let decoded = decode(part, "part").ok()?;
    let place = start..start + decoded.len();
    bytes[place.clone()].copy_from_slice(&decoded);
    Some(place)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;
    use crate::error::RejectionKind;

    /// What is made of a part, whichever of the two it is: the same as a plain decoder makes of it. The other part is
    /// what it would be without it.
    fn decoded(part: &[u8]) -> Option<Vec<u8>> {
        let plain = decode(part, "part").ok();
        let (decoder, mut parts) = (Decoder::new(), Parts::default());
        for len in [0, 24, 33] {
            let other = URL_SAFE_NO_PAD.encode(vec![0xff; len]);
            let of = |payload, signature| Compact {
                signing_input: b"",
                header: b"",
                payload,
                signature,
            };
            let [first, second] = [of(part, other.as_bytes()), of(other.as_bytes(), part)];
            parts.decode(&first, &decoder);
            check(parts.payload(&first), plain.as_deref());
            check(parts.signature(&first), Some(&vec![0xff; len]));
            parts.decode(&second, &decoder);
            check(parts.payload(&second), Some(&vec![0xff; len]));
            check(parts.signature(&second), plain.as_deref());
        }
        plain
    }

    fn check(found: Result<&[u8], Rejection>, expected: Option<&[u8]>) {
        match (found, expected) {
            (Ok(found), expected) => assert_eq!(Some(found), expected),
            (Err(rejection), expected) => {
                assert_eq!(rejection.kind(), RejectionKind::MalformedToken);
                assert_eq!(expected, None, "{rejection}");
            }
        }
    }

    #[test]
    fn base64url_has_one_spelling() {
        assert_eq!(decoded(b"-_-_").unwrap(), [0xfb, 0xff, 0xbf]);
        assert_eq!(decoded(b"").unwrap(), b"");
        assert_eq!(decoded(b"Zg").unwrap(), b"f");
        for bad in
            ["Zh", "Zg=", "Zg==", "Z", "+/+/", "Zm9v\n", " Zm9v", "Zm 9v", "Zm9%", "Zm9\u{e4}"]
        {
            assert_eq!(decoded(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_wrong_byte_is_found_wherever_it_stands() {
        // long enough for every step of a decoder that takes many at once, and its rest
        for len in [64, 65, 66, 96, 99, 131, 192, 255] {
            let good = URL_SAFE_NO_PAD.encode((0..len).collect::<Vec<u8>>());
            assert_eq!(decoded(good.as_bytes()).unwrap(), (0..len).collect::<Vec<u8>>());
            for at in 0..good.len() {
                for wrong in
                    [0, b'\n', b' ', b'+', b'/', b'=', b'.', b'@', b'[', b'`', b'{', 0x80, 0xff]
                {
                    let mut bad = good.clone().into_bytes();
                    bad[at] = wrong;
                    assert_eq!(decoded(&bad), None, "{wrong} at {at} of {}", good.len());
                }
            }
        }
    }

    #[test]
    fn bits_left_over_are_refused_behind_any_length() {
        for len in (1..200).filter(|len| len % 3 != 0) {
            let good = URL_SAFE_NO_PAD.encode(vec![0; len]);
            let mut bad = good.clone().into_bytes();
            *bad.last_mut().unwrap() = b'B';
            assert!(decoded(good.as_bytes()).is_some());
            assert_eq!(decoded(&bad), None, "{len}");
        }
    }

    proptest! {
        #[test]
        fn both_ways_of_decoding_say_the_same(
            part in prop::collection::vec(
                prop_oneof![40 => prop::sample::select(&b"AZaz09-_Qq"[..]), 1 => any::<u8>()],
                0..300,
            )
        ) {
            decoded(&part);
        }
    }
}
