//! What an issuer's settings ask of the header beyond what every token has.
//!
//! The header was read strictly before and its signature is good; here it is read once more, as JSON,
//! by the few issuers that need it.

use portcullis_core::Timestamp;
use serde_json::{Map, Value};

use super::TrustedIssuer;
use crate::claims::Captured;
use crate::error::{Diagnosis, Rejection, RejectionKind, quoted};
use crate::jws::{Compact, decode};

/// Applies the rules for the header, and adds its claims to those of the payload.
pub(super) fn check(
    issuer: &TrustedIssuer,
    compact: &Compact<'_>,
    captured: &mut Captured<'_>,
) -> Result<(), Rejection> {
    let json = decode(compact.header, "header")?;
    let header: Map<String, Value> =
        serde_json::from_slice(&json).map_err(|_| Rejection::new(RejectionKind::MalformedToken))?;
    for rule in &issuer.settings.header_rules {
        rule.check(&rule.judge_in(&header))?;
    }
    if issuer.settings.claims_in_header {
        add_claims(issuer, &header, captured)?;
    }
    Ok(())
}

/// RFC 7519 §5.3: the application verifies that claims in both places are the same, unless it has other
/// rules. Here both must be good: the earlier `exp` counts, and each `iss` must be the issuer's.
fn add_claims(
    issuer: &TrustedIssuer,
    header: &Map<String, Value>,
    captured: &mut Captured<'_>,
) -> Result<(), Rejection> {
    match header.get("iss") {
        None => {}
        Some(Value::String(iss)) if captured.issuer.is_none() => {
            captured.issuer = Some(iss.clone().into());
        }
        Some(Value::String(iss)) if issuer.goes_by(iss) => {}
        Some(Value::String(iss)) => {
            return Err(Diagnosis::new()
                .expected(quoted(issuer.name()))
                .found(format!("{} in the header", quoted(iss)))
                .reject(RejectionKind::UntrustedIssuer));
        }
        Some(_) => return Err(wrong("iss", "a string")),
    }
    if let Some(exp) = header.get("exp") {
        let exp = match exp.as_i64() {
            Some(seconds) => Some(Timestamp::from_secs(seconds)),
            None => exp.as_f64().and_then(Timestamp::from_secs_f64),
        };
        let exp = exp.ok_or_else(|| wrong("exp", "a number of seconds since 1970"))?;
        captured.expires_at = Some(captured.expires_at.map_or(exp, |other| other.min(exp)));
    }
    Ok(())
}

#[cold]
fn wrong(name: &str, expected: &str) -> Rejection {
    Diagnosis::new()
        .expected(format!("`{name}` in the header to be {expected}"))
        .reject(RejectionKind::InvalidClaim)
}
