//! Base64url as tokens have it (RFC 7515 §2): without padding. Padding, other alphabets, white space and
//! bits left over at the end are refused, so that a token has one spelling.

use base64::Engine;
use base64::engine::general_purpose::{NO_PAD, URL_SAFE_NO_PAD};

use crate::error::{Diagnosis, Rejection, RejectionKind};

/// Decodes with what the processor has for it, which was looked for once.
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

    /// Decodes text of whole blocks and four characters more into as many bytes as it has; false if it is no base64url.
    pub(super) fn decode(&self, text: &[u8], bytes: &mut [u8]) -> bool {
        self.engine.decode_slice(text, bytes).is_ok()
    }
}

/// How many characters are decoded at a time where a processor has something for it. What fills no block is decoded
/// one by one, and so are the last four whatever there is.
pub(super) const BLOCK: usize = 32;

/// Decodes where it does not matter how fast.
pub(crate) fn decode(part: &[u8], what: &'static str) -> Result<Vec<u8>, Rejection> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| not_canonical(part, what))
}

#[cold]
pub(super) fn not_canonical(part: &[u8], what: &'static str) -> Rejection {
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
