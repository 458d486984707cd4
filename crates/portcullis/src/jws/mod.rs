//! Compact JWS ([RFC 7515]): a signed payload of any kind. Webhooks, logout tokens and security events
//! are JWS as much as access tokens are.
//!
//! It is strict, because nothing else may reach the cryptography: three parts, canonical base64url
//! without padding, a header that is an object without repeated members at any level, size limits
//! before anything is parsed. `crit` is refused, since no extension is understood
//! ([RFC 7515 §4.1.11]); so are headers that bring a key (`jwk`, `jku`, `x5c`, `x5u`), `b64`
//! ([RFC 7797 §7]), and the `enc` and `zip` of a JWE.
//!
//! # Example
//!
//! ```
//! use portcullis::{Algorithm, Keys, jws};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let secret = b"a secret of thirty-two or so bytes";
//! # use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
//! # let input = format!("{}.{}", B64.encode(r#"{"alg":"HS256"}"#), B64.encode("paid"));
//! # let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
//! # let tag = aws_lc_rs::hmac::sign(&key, input.as_bytes());
//! # let body = format!("{input}.{}", B64.encode(tag));
//! let keys = Keys::from_secret(Algorithm::HS256, secret)?;
//! let webhook = jws::verify(&body, &keys)?;
//! assert_eq!(webhook.payload(), b"paid");
//! # Ok(())
//! # }
//! ```
//!
//! [RFC 7515]: https://www.rfc-editor.org/rfc/rfc7515
//! [RFC 7515 §4.1.11]: https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11
//! [RFC 7797 §7]: https://www.rfc-editor.org/rfc/rfc7797#section-7

mod compact;
mod encoding;
mod header;
mod memo;
mod parts;
mod signature;

use std::fmt;
use std::sync::Arc;

pub(crate) use compact::Compact;
pub use compact::Limits;
pub(crate) use encoding::{Decoder, decode};
pub use header::Header;
pub(crate) use memo::{OfThread, Scratch};
pub(crate) use parts::Parts;
pub(crate) use signature::{check_signature, find_signer};

use crate::Keys;
use crate::error::Rejection;
use crate::keys::{Refusal, VerificationKey};

/// Verifies a compact JWS and gives its payload, within the usual [`Limits`].
///
/// It does not wait. Where the keys have a [source](crate::keys::KeySource) that has to look for the key of
/// this JWS first, that is a [`KeysUnavailable`](crate::RejectionKind::KeysUnavailable): try again.
///
/// # Errors
///
/// A [`Rejection`] whose kind says what was wrong.
pub fn verify(token: impl AsRef<[u8]>, keys: &Keys) -> Result<Jws, Rejection> {
    verify_within(token, keys, Limits::default())
}

/// Verifies a compact JWS within these limits.
///
/// # Errors
///
/// A [`Rejection`] whose kind says what was wrong.
pub fn verify_within(
    token: impl AsRef<[u8]>,
    keys: &Keys,
    limits: Limits,
) -> Result<Jws, Rejection> {
    let compact = Compact::split(token.as_ref(), limits)?;
    let header = Header::read(&compact)?;
    keys.check()?;
    let parts = Parts::of(&compact, &Decoder::new());
    let key = find_signer(
        || keys.snapshot(),
        |set| check_signature(&compact, &header, set, &parts, |_| true),
        |wanted, rejection| keys.seek(wanted, rejection),
    )
    .map_err(Refusal::now)?;
    let payload = parts.payload(&compact)?.to_vec();
    Ok(Jws { payload, header, key })
}

/// A JWS whose signature is good.
#[derive(Clone)]
pub struct Jws {
    payload: Vec<u8>,
    header: Header,
    key: Arc<VerificationKey>,
}

impl Jws {
    /// What was signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// What was signed, taken out.
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    /// The header. It was signed as well.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The key that signed it.
    #[must_use]
    pub fn key(&self) -> &VerificationKey {
        &self.key
    }
}

/// Shows the header and the key, and not the payload, which may be private.
impl fmt::Debug for Jws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jws")
            .field("header", &self.header)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
