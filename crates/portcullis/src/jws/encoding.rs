//! Base64url as tokens have it (RFC 7515 §2): without padding. Padding, other alphabets, white space and
//! bits left over at the end are refused, so that a token has one spelling.

use base64::Engine;
use base64::engine::general_purpose::{NO_PAD, URL_SAFE_NO_PAD};

use crate::error::{Diagnosis, Rejection, RejectionKind};

/// Decodes with what the processor has for it, which was looked for once.
///
/// It is as strict as the plain one: that one decodes whatever this refuses once more, and its last
/// characters always.
pub(crate) struct Decoder {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    engine: base64::engine::Simd,
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    engine: base64::engine::GeneralPurpose,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        let engine = base64::engine::Simd::url_safe(NO_PAD);
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let engine = base64::engine::GeneralPurpose::new(&base64::alphabet::URL_SAFE, NO_PAD);
        Self { engine }
    }

    /// Decodes into a buffer that is large enough, and says how much of it that took.
    pub(super) fn decode_slice(
        &self,
        part: &[u8],
        buffer: &mut [u8],
        what: &'static str,
    ) -> Result<usize, Rejection> {
        self.engine.decode_slice(part, buffer).map_err(|_| not_canonical(part, what))
    }

    /// Decodes into a buffer that is used again and again: it grows, and its rest is what was there before.
    pub(crate) fn decode_into(
        &self,
        part: &[u8],
        buffer: &mut Vec<u8>,
        what: &'static str,
    ) -> Result<usize, Rejection> {
        let most = base64::decoded_len_estimate(part.len());
        if buffer.len() < most {
            buffer.resize(most, 0);
        }
        self.decode_slice(part, buffer, what)
    }
}

/// Decodes where it does not matter how fast.
pub(crate) fn decode(part: &[u8], what: &'static str) -> Result<Vec<u8>, Rejection> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| not_canonical(part, what))
}

#[cold]
fn not_canonical(part: &[u8], what: &'static str) -> Rejection {
    let hint = if part.contains(&b'=') {
        Some("padding is not allowed")
    } else if part.iter().any(|b| matches!(b, b'+' | b'/')) {
        Some("this is the standard base64 alphabet; tokens use the URL-safe one")
    } else {
        None
    };
    Diagnosis::new()
        .expected(format!("canonical base64url without padding in the {what}"))
        .maybe_hint(hint)
        .reject(RejectionKind::MalformedToken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What both ways of decoding say, which must be the same.
    fn decoded(part: &[u8]) -> Option<Vec<u8>> {
        let plain = decode(part, "payload");
        // a buffer that is not empty
        let mut buffer = vec![0xa5; 100];
        let fast = Decoder::new().decode_into(part, &mut buffer, "payload");
        let fast = fast.map(|len| buffer[..len].to_vec());
        let kinds = [&plain, &fast].map(|result| result.as_ref().map_err(Rejection::kind));
        assert_eq!(kinds[0], kinds[1], "{}", part.escape_ascii());
        assert!(kinds[0].is_ok() || kinds[0] == Err(RejectionKind::MalformedToken));
        fast.ok()
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
