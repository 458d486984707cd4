//! The one place where a signature is checked.

use std::sync::Arc;

use super::compact::{Compact, Signature};
use super::header::Header;
use crate::Algorithm;
use crate::error::{Diagnosis, Rejection, RejectionKind, quoted};
use crate::keys::{Candidates, KeySet, VerificationKey};

/// Finds the key that signed the token: one algorithm (RFC 8725 §3.1), the keys bound to it, of these
/// the one that `kid` names, and a few where none is named.
pub(crate) fn check_signature(
    compact: &Compact<'_>,
    header: &Header,
    keys: &KeySet,
    allowed: impl Fn(Algorithm) -> bool,
) -> Result<Arc<VerificationKey>, Rejection> {
    let algorithm = Algorithm::from_name(header.algorithm())
        .filter(|&algorithm| allowed(algorithm) && keys.serves(algorithm))
        .ok_or_else(|| algorithm_refused(header, keys, &allowed))?;
    let candidates = keys.candidates(algorithm, header.key_id());
    if candidates.is_empty() {
        return Err(unknown_key(header, keys));
    }
    let signature = Signature::decode(compact.signature)?;
    for key in candidates.iter() {
        if key.verifies(compact.signing_input, signature.as_bytes()) {
            return Ok(Arc::clone(key));
        }
    }
    Err(bad_signature(algorithm, &candidates, signature.as_bytes().is_empty()))
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
    diagnosis
        .expected(format!("one of {}", known.join(", ")))
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
