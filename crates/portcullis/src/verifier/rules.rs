//! The rules for the type and the claims of a token whose signature is good.

use std::borrow::Cow;
use std::time::Duration;

use portcullis_core::Timestamp;

use super::TrustedIssuer;
use super::explain::Rule;
use super::issuer::{Audience, Types, normal_type};
use super::look_alike::What;
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
            let is = |accepted: &String| **accepted == *typ || accepted.eq_ignore_ascii_case(typ);
            types.accepted.iter().any(is)
        }
    };
    if accepted { Ok(()) } else { Err(wrong_type(issuer, header.typ())) }
}

pub(super) fn expected_types(types: &Types) -> String {
    let mut expected: Vec<_> = types.accepted.iter().map(|typ| quoted(typ)).collect();
    if types.untyped {
        expected.push("none".to_owned());
    }
    format!("`typ` to be {}", expected.join(" or "))
}

#[cold]
fn wrong_type(issuer: &TrustedIssuer, found: Option<&str>) -> Rejection {
    let diagnosis = Diagnosis::new().expected(expected_types(&issuer.settings.types));
    let typ = found.map(|typ| normal_type(typ).to_ascii_lowercase());
    let known = typ.as_deref().and_then(|typ| issuer.settings.recognise(What::Type, typ));
    let hint = match typ.as_deref() {
        _ if known.is_some() => known,
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
    .maybe_hint(hint.map(str::to_owned))
    .reject(RejectionKind::WrongType)
}

/// RFC 7519 §4.1 and what the issuer's settings ask beyond. `now` is `None` where the present moment is within the
/// [window](super::Window) of the claims: then the clock is not asked again.
pub(super) fn check_claims(
    issuer: &TrustedIssuer,
    claims: &Captured<'_>,
    now: Option<Timestamp>,
) -> Result<(), Rejection> {
    each_claim_rule(issuer, claims, now, |_, verdict| verdict)
}

/// Hands the verdict of one rule after the other to `on`, as long as that gives no error. It is the one
/// list of the rules: who verifies stops at the first that is broken, who explains hears them all.
pub(super) fn each_claim_rule(
    issuer: &TrustedIssuer,
    claims: &Captured<'_>,
    now: Option<Timestamp>,
    mut on: impl FnMut(Rule, Result<(), Rejection>) -> Result<(), Rejection>,
) -> Result<(), Rejection> {
    on(Rule::Issuer, check_issuer(issuer, claims))?;
    if !issuer.claim_names().rules.is_empty() {
        on(Rule::ClaimValues, claims.check_rules(issuer.claim_names()))?;
    }
    on(Rule::RequiredClaims, check_required(issuer, claims))?;
    each_time_rule(issuer, &Times::of(claims), now, &mut on)?;
    on(Rule::Audience, check_audience(issuer, claims))?;
    on(Rule::Binding, check_binding(issuer, claims))?;
    on(Rule::Event, check_event(claims))
}

fn check_required(issuer: &TrustedIssuer, claims: &Captured<'_>) -> Result<(), Rejection> {
    match claims.missing(issuer.claim_names()) {
        None => Ok(()),
        Some(missing) => Err(missing_claim(missing)),
    }
}

/// RFC 9449 §7.2: a token that is bound must not pass for one that is not.
fn check_binding(issuer: &TrustedIssuer, claims: &Captured<'_>) -> Result<(), Rejection> {
    if !claims.bound || issuer.settings.ignore_cnf {
        return Ok(());
    }
    Err(Diagnosis::new()
        .found("`cnf`")
        .hint("the binding is not checked here; a token that is bound must not pass as a bearer token")
        .reject(RejectionKind::BoundToken))
}

/// RFC 8417 §2.2: what has `events` states that something happened and grants nothing.
fn check_event(claims: &Captured<'_>) -> Result<(), Rejection> {
    if !claims.is_event {
        return Ok(());
    }
    Err(Diagnosis::new()
        .found("`events`")
        .hint("this is a security event or a logout token")
        .reject(RejectionKind::WrongType))
}

/// RFC 7519 §4.1.1, compared code point by code point (§7.3).
fn check_issuer(issuer: &TrustedIssuer, claims: &Captured<'_>) -> Result<(), Rejection> {
    let found = claims.issuer.as_deref().ok_or_else(|| missing_claim("iss"))?;
    if !issuer.goes_by(found) {
        let known = || issuer.settings.recognise(What::Issuer, found).map(str::to_owned);
        return Err(Diagnosis::new()
            .expected(quoted(issuer.name()))
            .found_text(found)
            .maybe_hint(issuer.near_miss(found).or_else(known))
            .reject(RejectionKind::UntrustedIssuer));
    }
    let tenants = issuer.settings.tenants.as_ref();
    match tenants.and_then(|tenants| tenants.tenant_in(found).zip(Some(tenants))) {
        Some((tenant, tenants)) => check_tenant(tenant, &tenants.claim, claims),
        None => Ok(()),
    }
}

/// The tenant that `iss` names is the one that the token is of. Keys that sign for all tenants prove no
/// more than that the issuer wrote both.
fn check_tenant(tenant: &str, claim: &str, claims: &Captured<'_>) -> Result<(), Rejection> {
    match claims.tenant.as_deref() {
        Some(found) if found == tenant => Ok(()),
        None => Err(missing_claim(claim)),
        Some(found) => Err(Diagnosis::new()
            .expected(format!("`{claim}` to be {}, as in `iss`", quoted(tenant)))
            .found_text(found)
            .reject(RejectionKind::WrongClaim)),
    }
}

/// The claims that the clock decides about.
pub(super) struct Times {
    pub(super) expires_at: Option<Timestamp>,
    pub(super) not_before: Option<Timestamp>,
    pub(super) issued_at: Option<Timestamp>,
}

impl Times {
    pub(super) fn of(claims: &Captured<'_>) -> Self {
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
    each_time_rule(issuer, claims, Some(now), &mut |_, verdict| verdict)
}

fn each_time_rule(
    issuer: &TrustedIssuer,
    claims: &Times,
    now: Option<Timestamp>,
    on: &mut impl FnMut(Rule, Result<(), Rejection>) -> Result<(), Rejection>,
) -> Result<(), Rejection> {
    let settings = &issuer.settings;
    let leeway = settings.leeway;
    on(
        Rule::Expiry,
        match claims.expires_at {
            None if settings.without_exp => Ok(()),
            None => Err(missing_claim("exp")),
            Some(exp) => now.map_or(Ok(()), |now| check_expiry(exp, leeway, now)),
        },
    )?;
    if let Some(now) = now {
        on(Rule::NotBefore, check_not_before(claims.not_before, leeway, now))?;
        on(Rule::IssuedAt, check_issued_at(claims.issued_at, leeway, now))?;
    }
    if let Some(age) = settings.max_age {
        on(Rule::Age, check_age(claims.issued_at, age, leeway, now))?;
    }
    if let Some(longest) = settings.max_lifetime {
        on(Rule::Lifetime, check_lifetime(claims, longest))?;
    }
    Ok(())
}

/// RFC 7519 §4.1.5.
fn check_not_before(
    nbf: Option<Timestamp>,
    leeway: Duration,
    now: Timestamp,
) -> Result<(), Rejection> {
    let Some(nbf) = nbf.filter(|nbf| *nbf > now.saturating_add(leeway)) else { return Ok(()) };
    Err(Diagnosis::new()
        .expected(format!("`nbf` up to {now} (leeway {leeway:?})"))
        .found(nbf.to_string())
        .clock(nbf, now.saturating_add(leeway))
        .reject(RejectionKind::NotYetValid))
}

fn check_issued_at(
    iat: Option<Timestamp>,
    leeway: Duration,
    now: Timestamp,
) -> Result<(), Rejection> {
    let Some(iat) = iat.filter(|iat| *iat > now.saturating_add(leeway)) else { return Ok(()) };
    Err(Diagnosis::new()
        .expected(format!("`iat` up to {now} (leeway {leeway:?})"))
        .found(iat.to_string())
        .clock(iat, now.saturating_add(leeway))
        .hint("the clocks of the issuer and of this machine differ")
        .reject(RejectionKind::IssuedInFuture))
}

fn check_age(
    iat: Option<Timestamp>,
    age: Duration,
    leeway: Duration,
    now: Option<Timestamp>,
) -> Result<(), Rejection> {
    let iat = iat.ok_or_else(|| missing_claim("iat"))?;
    let Some(now) = now else { return Ok(()) };
    let oldest = now.saturating_sub(age).saturating_sub(leeway);
    if iat >= oldest {
        return Ok(());
    }
    Err(Diagnosis::new()
        .expected(format!("`iat` at most {age:?} ago"))
        .found(iat.to_string())
        .clock(oldest, iat)
        .reject(RejectionKind::TooOld))
}

fn check_lifetime(claims: &Times, longest: Duration) -> Result<(), Rejection> {
    let iat = claims.issued_at.ok_or_else(|| missing_claim("iat"))?;
    let exp = claims.expires_at.ok_or_else(|| missing_claim("exp"))?;
    let lifetime = exp.saturating_since(iat);
    if lifetime <= longest {
        return Ok(());
    }
    Err(Diagnosis::new()
        .expected(format!("a lifetime of at most {longest:?}"))
        .found(format!("{lifetime:?}"))
        .reject(RejectionKind::LifetimeTooLong))
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
fn check_audience(issuer: &TrustedIssuer, claims: &Captured<'_>) -> Result<(), Rejection> {
    let found = claims.audience();
    match (&issuer.settings.audience, found) {
        (Audience::Any, _) | (Audience::None, None) => Ok(()),
        (Audience::OneOf(ours), Some(found))
            if found.iter().any(|aud| ours.iter().any(|our| **our == **aud)) =>
        {
            Ok(())
        }
        // another claim says whom it is for, and was checked
        (Audience::OneOf(_), None) if issuer.settings.stands_in => Ok(()),
        (Audience::OneOf(_), None) => Err(missing_claim("aud")),
        (_, Some(found)) => Err(wrong_audience(issuer, found, claims.like_id_token)),
    }
}

pub(super) fn expected_audience(ours: &Audience) -> String {
    match ours {
        Audience::OneOf(ours) if ours.is_empty() => "no `aud`".to_owned(),
        Audience::OneOf(ours) => {
            ours.iter().map(|our| quoted(our)).collect::<Vec<_>>().join(" or ")
        }
        Audience::None => "no `aud`".to_owned(),
        Audience::Any => "anybody".to_owned(),
    }
}

pub(super) fn shown_audience(found: &[Cow<'_, str>]) -> String {
    match found {
        [] => "an empty array".to_owned(),
        found => found.iter().take(4).map(|aud| quoted(aud)).collect::<Vec<_>>().join(" or "),
    }
}

#[cold]
fn wrong_audience(
    issuer: &TrustedIssuer,
    found: &[Cow<'_, str>],
    like_id_token: bool,
) -> Rejection {
    let ours = &issuer.settings.audience;
    let known = found.iter().find_map(|aud| issuer.settings.recognise(What::Audience, aud));
    let slash = |a: &str, b: &str| a.trim_end_matches('/') == b.trim_end_matches('/');
    let near = match ours {
        Audience::OneOf(ours) => found.iter().any(|aud| ours.iter().any(|our| slash(our, aud))),
        Audience::None | Audience::Any => false,
    };
    let hint = if near {
        Some("the audience differs by a trailing slash")
    } else if known.is_some() {
        known
    } else if like_id_token {
        Some("this looks like an ID token, which is for the client and not for an API")
    } else {
        None
    };
    Diagnosis::new()
        .expected(expected_audience(ours))
        .found(shown_audience(found))
        .maybe_hint(hint.map(str::to_owned))
        .reject(RejectionKind::WrongAudience)
}

#[cold]
fn missing_claim(name: &str) -> Rejection {
    Diagnosis::new()
        .expected(format!("`{}`", name.escape_default()))
        .found("none")
        .reject(RejectionKind::MissingClaim)
}
