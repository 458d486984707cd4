//! The three parts of a compact JWS, split strictly.

use crate::error::{Diagnosis, Rejection, RejectionKind};

/// How large a token may be. Larger ones are refused before anything is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    token: usize,
    header: usize,
}

impl Default for Limits {
    /// 16 KiB for the token, 4 KiB for its header.
    fn default() -> Self {
        Self { token: 16 * 1024, header: 4 * 1024 }
    }
}

impl Limits {
    /// The largest token, in bytes: at most 4 GiB, whatever is asked for.
    #[must_use]
    pub const fn token(mut self, bytes: usize) -> Self {
        self.token = if bytes > u32::MAX as usize { u32::MAX as usize } else { bytes };
        self
    }

    /// The largest header, in bytes after decoding.
    #[must_use]
    pub const fn header(mut self, bytes: usize) -> Self {
        self.header = bytes;
        self
    }

    /// True if the token is not too large as a whole.
    pub(super) const fn allow(self, token: &[u8]) -> bool {
        token.len() <= self.token
    }
}

/// A compact JWS, split but not decoded.
pub(crate) struct Compact<'a> {
    /// Header, dot and payload as they were received: what the signature is over (RFC 7515 §5.2).
    pub(crate) signing_input: &'a [u8],
    pub(crate) header: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) signature: &'a [u8],
}

impl<'a> Compact<'a> {
    /// Splits at the dots (RFC 7515 §7.1).
    pub(crate) fn split(token: &'a [u8], limits: Limits) -> Result<Self, Rejection> {
        let too_large = |what: &str, limit: usize, found: usize| {
            Diagnosis::new()
                .expected(format!("a {what} of at most {limit} bytes"))
                .found(format!("{found} bytes"))
                .reject(RejectionKind::TokenTooLarge)
        };
        if !limits.allow(token) {
            return Err(too_large("token", limits.token, token.len()));
        }
        let mut dots = memchr::memchr_iter(b'.', token);
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(not_three_parts(token));
        };
        let compact = Self {
            signing_input: &token[..second],
            header: &token[..first],
            payload: &token[first + 1..second],
            signature: &token[second + 1..],
        };
        // unpadded base64 is four characters for three bytes
        if compact.header.len() / 4 * 3 > limits.header {
            return Err(too_large("header", limits.header, compact.header.len() / 4 * 3));
        }
        Ok(compact)
    }

    /// The same with the padding of each part left aside. The signature stays one over the padded text.
    pub(crate) fn without_padding(self) -> Result<Self, Rejection> {
        let trim = |part: &'a [u8], what| {
            let padding = part.iter().rev().take_while(|&&b| b == b'=').count();
            // RFC 4648 §4: up to a multiple of four, or not at all
            if padding > 2 || (padding > 0 && !part.len().is_multiple_of(4)) {
                return Err(Diagnosis::new()
                    .expected(format!("the {what} to be padded to a multiple of four"))
                    .reject(RejectionKind::MalformedToken));
            }
            Ok(&part[..part.len() - padding])
        };
        Ok(Self {
            signing_input: self.signing_input,
            header: trim(self.header, "header")?,
            payload: trim(self.payload, "payload")?,
            signature: trim(self.signature, "signature")?,
        })
    }
}

fn not_three_parts(token: &[u8]) -> Rejection {
    let dots = memchr::memchr_iter(b'.', token).count();
    let hint = match dots {
        4 => Some("five parts are an encrypted token (JWE), which is not supported"),
        0 if token.first() == Some(&b'{') => Some("the JSON serialization is not accepted"),
        0 => Some("this looks like an opaque token, not a JWT"),
        _ => None,
    };
    Diagnosis::new()
        .expected("three parts")
        .found(format!("{}", dots + 1))
        .maybe_hint(hint)
        .reject(RejectionKind::MalformedToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(token: &str, limits: Limits) -> Option<RejectionKind> {
        Compact::split(token.as_bytes(), limits).err().map(|r| r.kind())
    }

    #[test]
    fn the_limits_are_the_largest_that_pass() {
        let token = format!("{}.{}.{}", "a".repeat(4), "b".repeat(4), "c".repeat(4));
        assert_eq!(kind(&token, Limits::default().token(14)), None);
        assert_eq!(kind(&token, Limits::default().token(13)), Some(RejectionKind::TokenTooLarge));
        assert_eq!(kind(&token, Limits::default().header(3)), None);
        assert_eq!(kind(&token, Limits::default().header(2)), Some(RejectionKind::TokenTooLarge));
        // places in a token are told in 32 bits
        assert_eq!(Limits::default().token(usize::MAX), Limits::default().token(u32::MAX as usize));
        // told in bytes after decoding
        let long = format!("{}..", "a".repeat(400));
        let told = Compact::split(long.as_bytes(), Limits::default().header(299)).err().unwrap();
        assert!(told.to_string().contains("300 bytes"), "{told}");
    }

    #[test]
    fn what_is_no_compact_jws_is_told_apart() {
        for (token, hint) in [
            ("a.b.c.d.e", Some("JWE")),
            (r#"{"payload":""}"#, Some("JSON serialization")),
            ("6f1c", Some("opaque")),
            ("a.b", None),
        ] {
            let told = not_three_parts(token.as_bytes()).to_string();
            for word in ["JWE", "JSON serialization", "opaque"] {
                assert_eq!(told.contains(word), hint == Some(word), "{token}: {told}");
            }
        }
    }

    #[test]
    fn three_parts_and_no_other_number() {
        for (token, good) in [
            ("a.b.c", true),
            ("..", true),
            ("a.b", false),
            ("a", false),
            ("", false),
            ("a.b.c.d", false),
        ] {
            assert_eq!(kind(token, Limits::default()).is_none(), good, "{token}");
        }
        let dots = ".".repeat(100_000);
        assert_eq!(
            kind(&dots, Limits::default().token(200_000)),
            Some(RejectionKind::MalformedToken)
        );
        let split = Compact::split(b"ab.cd.ef", Limits::default()).unwrap();
        assert_eq!(split.signing_input, b"ab.cd");
        assert_eq!(
            (split.header, split.payload, split.signature),
            (&b"ab"[..], &b"cd"[..], &b"ef"[..])
        );
    }
}
