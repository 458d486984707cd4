//! The one place where a signature is checked.

use std::ops::Deref;
use std::sync::Arc;

use super::compact::Compact;
use super::header::Header;
use super::parts::Parts;
use crate::Algorithm;
use crate::error::{Diagnosis, Rejection, RejectionKind, quoted};
use crate::keys::{Candidates, KeySet, Refusal, VerificationKey, WantedKey};

/// Why a signature was not found to be good.
pub(crate) enum Unsigned<'h> {
    /// Whatever keys there are.
    Refused(Rejection),
    /// None of the keys fits. Another set of the same issuer may have one.
    NoKey(WantedKey<'h>, Rejection),
}

impl From<Rejection> for Unsigned<'_> {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

impl Unsigned<'_> {
    /// The same, with more to say.
    pub(crate) fn map(self, explain: impl FnOnce(Rejection) -> Rejection) -> Self {
        match self {
            Self::Refused(rejection) => Self::Refused(explain(rejection)),
            Self::NoKey(wanted, rejection) => Self::NoKey(wanted, explain(rejection)),
        }
    }
}

/// Finds the key that signed the token in the present set, and asks the source of the keys where no key of the
/// set fits.
///
/// Keys come while tokens are looked at: another request's fetch may put the key in place after the set was
/// loaded here and before the source is asked, which then truly says that there is nothing to fetch. So what
/// the source answers counts only together with the set that is in place afterwards. That is one more look
/// at most, however often the set changes: a key that is in neither set was not there when the source said so.
pub(crate) fn find_signer<'h, S: Deref<Target = KeySet>>(
    load: impl Fn() -> S,
    check: impl Fn(&KeySet) -> Result<Arc<VerificationKey>, Unsigned<'h>>,
    seek: impl FnOnce(&WantedKey<'h>, Rejection) -> Refusal,
) -> Result<Arc<VerificationKey>, Refusal> {
    let looked_at = load();
    let (wanted, rejection) = match check(&looked_at) {
        Ok(key) => return Ok(key),
        Err(Unsigned::Refused(rejection)) => return Err(rejection.into()),
        Err(Unsigned::NoKey(wanted, rejection)) => (wanted, rejection),
    };
    let answer = seek(&wanted, rejection);
    let present = load();
    // the first is still held, so no other can be at its address
    if std::ptr::eq(&*looked_at, &*present) {
        return Err(answer);
    }
    match check(&present) {
        Ok(key) => Ok(key),
        Err(Unsigned::Refused(rejection)) => Err(rejection.into()),
        Err(Unsigned::NoKey(..)) => Err(answer),
    }
}

/// Finds the key that signed the token: one algorithm (RFC 8725 §3.1), the keys bound to it, of these
/// the one that `kid` names, and a few where none is named.
pub(crate) fn check_signature<'h>(
    compact: &Compact<'_>,
    header: &'h Header,
    keys: &KeySet,
    parts: &Parts,
    allowed: impl Fn(Algorithm) -> bool,
) -> Result<Arc<VerificationKey>, Unsigned<'h>> {
    let algorithm = Algorithm::from_name(header.algorithm())
        .filter(|&algorithm| allowed(algorithm))
        .ok_or_else(|| algorithm_refused(header, keys, &allowed))?;
    let candidates = keys.candidates(algorithm, header.key_id());
    if candidates.is_empty() {
        return Err(no_key(algorithm, header, keys, &allowed));
    }
    let signature = parts.signature(compact)?;
    for key in candidates.iter() {
        if key.verifies(compact.signing_input, signature) {
            return Ok(Arc::clone(key));
        }
    }
    Err(bad_signature(algorithm, &candidates, signature.is_empty()).into())
}

#[cold]
fn no_key<'h>(
    algorithm: Algorithm,
    header: &'h Header,
    keys: &KeySet,
    allowed: &impl Fn(Algorithm) -> bool,
) -> Unsigned<'h> {
    let served = keys.serves(algorithm) || keys.is_empty();
    let rejection =
        if served { unknown_key(header, keys) } else { algorithm_refused(header, keys, allowed) };
    if algorithm.is_symmetric() {
        // nobody publishes a secret
        return Unsigned::Refused(rejection);
    }
    Unsigned::NoKey(WantedKey::new(header.key_id(), algorithm), rejection)
}

#[cold]
fn algorithm_refused(
    header: &Header,
    keys: &KeySet,
    allowed: &impl Fn(Algorithm) -> bool,
) -> Rejection {
    let served: Vec<_> = Algorithm::ALL
        .into_iter()
        .filter(|&algorithm| allowed(algorithm) && keys.serves(algorithm))
        .map(Algorithm::name)
        .collect();
    let hint = if header.algorithm().eq_ignore_ascii_case("none") {
        Some("an unsigned token is never accepted")
    } else if Algorithm::from_name(header.algorithm()).is_some_and(Algorithm::is_symmetric) {
        Some(
            "a token signed with a shared secret, where public keys are trusted, is how a public key is misused as a secret",
        )
    } else {
        None
    };
    Diagnosis::new()
        .expected(format!("one of {}", served.join(", ")))
        .found_text(header.algorithm())
        .maybe_hint(hint)
        .reject(RejectionKind::AlgorithmNotAllowed)
}

#[cold]
fn unknown_key(header: &Header, keys: &KeySet) -> Rejection {
    let known: Vec<_> = keys.keys().filter_map(|key| key.key_id()).take(8).map(quoted).collect();
    let diagnosis = match header.key_id() {
        Some(kid) => Diagnosis::new().found(format!("kid {}", quoted(kid))),
        None => Diagnosis::new().found("no kid"),
    };
    let expected = if keys.is_empty() {
        "a key, of which the issuer has none".to_owned()
    } else {
        format!("one of {}", known.join(", "))
    };
    diagnosis
        .expected(expected)
        .hint("the issuer may have changed its keys, or the token is from another environment")
        .reject(RejectionKind::UnknownKey)
}

#[cold]
fn bad_signature(algorithm: Algorithm, tried: &Candidates<'_>, empty: bool) -> Rejection {
    let names: Vec<_> = tried.iter().map(|key| key.describe()).collect();
    let mut diagnosis = Diagnosis::new().key(format!("{} ({algorithm})", names.join(" or ")));
    if empty {
        diagnosis = diagnosis.found("an empty signature");
    } else if tried.left_out() > 0 {
        diagnosis = diagnosis.hint(format!(
            "the token does not name its key; {} more that fit were not tried",
            tried.left_out()
        ));
    }
    diagnosis.reject(RejectionKind::InvalidSignature)
}
