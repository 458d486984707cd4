//! The rules for the type and the claims of a token whose signature is good.

use std::time::Duration;

use portcullis_core::Timestamp;

use super::TrustedIssuer;
use super::issuer::{Audience, normal_type};
use crate::claims::Captured;
use crate::error::{Diagnosis, Rejection, RejectionKind, quoted};
use crate::jws::Header;

/// RFC 8725 §3.11: the kind of token that is expected, and no other.
pub(super) fn check_type(issuer: &TrustedIssuer, header: &Header) -> Result<(), Rejection> {
    let types = &issuer.settings.types;
    // RFC 7519 §5.2: the payload of a nested JWT is a token and no set of claims
    if header.content_type().is_some_and(|cty| normal_type(cty).eq_ignore_ascii_case("jwt")) {
        return Err(Diagnosis::new()
            .found("a nested JWT (`cty`)")
            .reject(RejectionKind::WrongType));
    }
    let accepted = match header.typ() {
        None => types.untyped,
        Some(typ) => {
            let typ = normal_type(typ);
            types.accepted.iter().any(|accepted| accepted.eq_ignore_ascii_case(typ))
        }
    };
    if accepted { Ok(()) } else { Err(wrong_type(issuer, header.typ())) }
}

#[cold]
fn wrong_type(issuer: &TrustedIssuer, found: Option<&str>) -> Rejection {
    let types = &issuer.settings.types;
    let mut expected: Vec<_> = types.accepted.iter().map(|typ| quoted(typ)).collect();
    if types.untyped {
        expected.push("none".to_owned());
    }
    let diagnosis = Diagnosis::new().expected(format!("`typ` to be {}", expected.join(" or ")));
    let hint = match found.map(|typ| normal_type(typ).to_ascii_lowercase()).as_deref() {
        Some("dpop+jwt") => Some("this is a DPoP proof, not a token"),
        Some("logout+jwt") => Some("this is a logout token"),
        Some("secevent+jwt") => Some("this is a security event"),
        Some("jwt") | None => {
            Some("this may be an ID token, or the issuer does not type its tokens")
        }
        _ => None,
    };
    match found {
        Some(found) => diagnosis.found_text(found),
        None => diagnosis.found("none"),
    }
    .maybe_hint(hint)
    .reject(RejectionKind::WrongType)
}

/// RFC 7519 §4.1 and what the issuer's settings ask beyond.
pub(super) fn check_claims(
    issuer: &TrustedIssuer,
    claims: &Captured,
    now: Timestamp,
) -> Result<(), Rejection> {
    check_issuer(issuer, claims)?;
    if let Some(missing) = claims.missing(issuer.claim_names()) {
        return Err(missing_claim(missing));
    }
    check_times(issuer, &Times::of(claims), now)?;
    check_audience(issuer, claims)?;
    if claims.bound && !issuer.settings.ignore_cnf {
        return Err(Diagnosis::new()
            .found("`cnf`")
            .hint("the binding is not checked here; a token that is bound must not pass as a bearer token")
            .reject(RejectionKind::BoundToken));
    }
    // RFC 8417 §2.2: what has `events` states that something happened and grants nothing
    if claims.is_event {
        return Err(Diagnosis::new()
            .found("`events`")
            .hint("this is a security event or a logout token")
            .reject(RejectionKind::WrongType));
    }
    Ok(())
}

/// RFC 7519 §4.1.1, compared code point by code point (§7.3).
fn check_issuer(issuer: &TrustedIssuer, claims: &Captured) -> Result<(), Rejection> {
    let found = claims.issuer.as_deref().ok_or_else(|| missing_claim("iss"))?;
    if issuer.spellings().any(|name| name == found) {
        return Ok(());
    }
    Err(Diagnosis::new()
        .expected(quoted(issuer.name()))
        .found_text(found)
        .maybe_hint(issuer.near_miss(found))
        .reject(RejectionKind::UntrustedIssuer))
}

/// The claims that the clock decides about.
pub(super) struct Times {
    pub(super) expires_at: Option<Timestamp>,
    pub(super) not_before: Option<Timestamp>,
    pub(super) issued_at: Option<Timestamp>,
}

impl Times {
    fn of(claims: &Captured) -> Self {
        Self {
            expires_at: claims.expires_at,
            not_before: claims.not_before,
            issued_at: claims.issued_at,
        }
    }
}

/// What has to be checked at every request, also of a token that was verified before.
pub(super) fn check_times(
    issuer: &TrustedIssuer,
    claims: &Times,
    now: Timestamp,
) -> Result<(), Rejection> {
    let settings = &issuer.settings;
    let leeway = settings.leeway;
    match claims.expires_at {
        None if settings.without_exp => {}
        None => return Err(missing_claim("exp")),
        Some(exp) => check_expiry(exp, leeway, now)?,
    }
    // RFC 7519 §4.1.5
    if let Some(nbf) = claims.not_before.filter(|nbf| *nbf > now.saturating_add(leeway)) {
        return Err(Diagnosis::new()
            .expected(format!("`nbf` up to {now} (leeway {leeway:?})"))
            .found(nbf.to_string())
            .clock(nbf, now.saturating_add(leeway))
            .reject(RejectionKind::NotYetValid));
    }
    if let Some(iat) = claims.issued_at.filter(|iat| *iat > now.saturating_add(leeway)) {
        return Err(Diagnosis::new()
            .expected(format!("`iat` up to {now} (leeway {leeway:?})"))
            .found(iat.to_string())
            .clock(iat, now.saturating_add(leeway))
            .hint("the clocks of the issuer and of this machine differ")
            .reject(RejectionKind::IssuedInFuture));
    }
    if let Some(age) = settings.max_age {
        let iat = claims.issued_at.ok_or_else(|| missing_claim("iat"))?;
        let oldest = now.saturating_sub(age).saturating_sub(leeway);
        if iat < oldest {
            return Err(Diagnosis::new()
                .expected(format!("`iat` at most {age:?} ago"))
                .found(iat.to_string())
                .clock(oldest, iat)
                .reject(RejectionKind::TooOld));
        }
    }
    if let Some(longest) = settings.max_lifetime {
        let iat = claims.issued_at.ok_or_else(|| missing_claim("iat"))?;
        let exp = claims.expires_at.ok_or_else(|| missing_claim("exp"))?;
        let lifetime = exp.saturating_since(iat);
        if lifetime > longest {
            return Err(Diagnosis::new()
                .expected(format!("a lifetime of at most {longest:?}"))
                .found(format!("{lifetime:?}"))
                .reject(RejectionKind::LifetimeTooLong));
        }
    }
    Ok(())
}

/// RFC 7519 §4.1.4: the current time must be *before* `exp`.
fn check_expiry(exp: Timestamp, leeway: Duration, now: Timestamp) -> Result<(), Rejection> {
    let end = exp.saturating_add(leeway);
    if now < end {
        return Ok(());
    }
    Err(Diagnosis::new()
        .expected(format!("`exp` after {now} (leeway {leeway:?})"))
        .found(exp.to_string())
        .clock(now, end)
        .reject(RejectionKind::Expired))
}

/// RFC 7519 §4.1.3.
fn check_audience(issuer: &TrustedIssuer, claims: &Captured) -> Result<(), Rejection> {
    let found = claims.audience.as_deref();
    match (&issuer.settings.audience, found) {
        (Audience::Any, _) | (Audience::None, None) => Ok(()),
        (Audience::OneOf(ours), Some(found))
            if found.iter().any(|aud| ours.iter().any(|our| **our == **aud)) =>
        {
            Ok(())
        }
        (Audience::OneOf(_), None) => Err(missing_claim("aud")),
        (ours, Some(found)) => Err(wrong_audience(ours, found, claims.like_id_token)),
    }
}

#[cold]
fn wrong_audience(ours: &Audience, found: &[Box<str>], like_id_token: bool) -> Rejection {
    let list = |names: &mut dyn Iterator<Item = String>| names.collect::<Vec<_>>().join(" or ");
    let expected = match ours {
        Audience::OneOf(ours) => list(&mut ours.iter().map(|our| quoted(our))),
        Audience::None | Audience::Any => "no `aud`".to_owned(),
    };
    let shown = list(&mut found.iter().take(4).map(|aud| quoted(aud)));
    let slash = |a: &str, b: &str| a.trim_end_matches('/') == b.trim_end_matches('/');
    let near = match ours {
        Audience::OneOf(ours) => found.iter().any(|aud| ours.iter().any(|our| slash(our, aud))),
        Audience::None | Audience::Any => false,
    };
    let hint = if near {
        Some("the audience differs by a trailing slash")
    } else if like_id_token {
        Some("this looks like an ID token, which is for the client and not for an API")
    } else {
        None
    };
    Diagnosis::new()
        .expected(expected)
        .found(if shown.is_empty() { "an empty array".to_owned() } else { shown })
        .maybe_hint(hint)
        .reject(RejectionKind::WrongAudience)
}

#[cold]
fn missing_claim(name: &str) -> Rejection {
    Diagnosis::new()
        .expected(format!("`{}`", name.escape_default()))
        .found("none")
        .reject(RejectionKind::MissingClaim)
}
