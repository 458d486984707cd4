//! An issuer whose settings were found to make sense.

use std::sync::Arc;

use arc_swap::ArcSwap;
use portcullis_core::{AccessClaims, Assertable};

use super::issuer::{Audience, Issuer};
use crate::claims::{self, ClaimNames};
use crate::error::{BuildError, Diagnosis, Rejection, RejectionKind, quoted};
use crate::jws::{Compact, decode};
use crate::keys::{KeySet, Refusal, WantedKey};
use crate::{Algorithm, Keys};

/// The settings of an issuer, checked.
pub(crate) struct TrustedIssuer {
    pub(super) settings: Issuer,
    keys: IssuerKeys,
    assertable: Assertable,
}

/// RFC 9068 §4: a leeway of "no more than a few minutes".
const MAX_LEEWAY_SECS: u64 = 300;

impl TrustedIssuer {
    /// Checks the settings. `alone` is true if no other issuer is trusted.
    pub(crate) fn new(settings: Issuer, alone: bool) -> Result<Self, BuildError> {
        let wrong = |setting: &str, what: &str| {
            Err(BuildError::new(format!("issuer {}: {setting}: {what}", quoted(&settings.name))))
        };
        for name in std::iter::once(&settings.name).chain(&settings.other_names) {
            if name.is_empty() || name.contains(|c: char| c.is_control() || c.is_whitespace()) {
                return wrong("name", "must not be empty or contain white space");
            }
        }
        let Some(keys) = settings.keys.clone() else {
            return wrong("keys", "are missing; call Issuer::keys");
        };
        match &settings.audience {
            Audience::OneOf(all) if all.is_empty() => {
                return wrong(
                    "audience",
                    "is missing; call Issuer::audience with what `aud` names this service, or \
                     Issuer::audience_less if its tokens have no `aud`",
                );
            }
            Audience::OneOf(all) if all.iter().any(String::is_empty) => {
                return wrong("audience", "must not be empty");
            }
            _ => {}
        }
        if let Some(algorithms) = &settings.algorithms {
            if algorithms.is_empty() {
                return wrong("algorithms", "at least one is needed");
            }
            let set = keys.snapshot().bound_to_any(algorithms);
            if !keys.snapshot().is_empty()
                && !algorithms.iter().any(|&algorithm| set.serves(algorithm))
            {
                return wrong("algorithms", "none of its keys is bound to one of them");
            }
        }
        if settings.types.accepted.iter().any(String::is_empty)
            || (settings.types.accepted.is_empty() && !settings.types.untyped)
        {
            return wrong("accept_types", "at least one `typ` is needed, and none may be empty");
        }
        if settings.leeway.as_secs_f64() > MAX_LEEWAY_SECS as f64 {
            return wrong("leeway", "5 minutes are the most (RFC 9068 §4)");
        }
        if settings.max_age.is_some_and(|age| age.is_zero()) {
            return wrong("max_age", "must not be zero");
        }
        if settings.max_lifetime.is_some_and(|lifetime| lifetime.is_zero()) {
            return wrong("max_lifetime", "must not be zero");
        }
        if settings.max_lifetime.is_some() && settings.without_exp {
            return wrong(
                "max_lifetime",
                "needs `exp`, which danger_accept_tokens_without_exp waives",
            );
        }
        if settings.claim_names.required.len() > 64 {
            return wrong("require_claim", "64 claims are the most");
        }
        let paths = settings.role_paths.iter().chain(&settings.scope_paths);
        if paths.clone().any(|path| path.is_empty() || path.iter().any(String::is_empty)) {
            return wrong(
                "roles_from or scopes_from",
                "a path must have names, and none may be empty",
            );
        }
        let assertable = match settings.assertable.clone() {
            Some(assertable) => assertable,
            None if alone => Assertable::anything(),
            None => {
                return wrong(
                    "may_assert_roles",
                    "where several issuers are trusted, each must say what it may assert; call \
                     Issuer::may_assert_roles, may_assert_scopes, may_assert_nothing or \
                     may_assert_anything",
                );
            }
        };
        let keys = IssuerKeys::new(keys, settings.algorithms.clone());
        Ok(Self { settings, keys, assertable })
    }

    /// The name that it was configured with.
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    pub(super) fn spellings(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.settings.name.as_str())
            .chain(self.settings.other_names.iter().map(String::as_str))
    }

    pub(crate) fn assertable(&self) -> &Assertable {
        &self.assertable
    }

    pub(super) fn keys(&self) -> Arc<KeySet> {
        self.keys.load()
    }

    /// Whether its keys may be relied on now.
    pub(super) fn check_keys(&self) -> Result<(), Rejection> {
        self.keys.keys.check()
    }

    /// Looks for a key that is not in the set.
    pub(super) fn seek(&self, wanted: &WantedKey<'_>, rejection: Rejection) -> Refusal {
        self.keys.keys.seek(wanted, rejection)
    }

    /// The number of the present set of keys; see [`Keys::generation`].
    pub(super) fn keys_generation(&self) -> u64 {
        self.keys.keys.generation()
    }

    pub(super) fn claim_names(&self) -> &ClaimNames {
        &self.settings.claim_names
    }

    pub(super) fn allows(&self, algorithm: Algorithm) -> bool {
        self.settings.algorithms.as_ref().is_none_or(|all| all.contains(&algorithm))
    }

    /// Fills the ready-made claims from where this issuer keeps roles and scopes.
    pub(super) fn fill(&self, claims: &mut AccessClaims) -> Result<(), Rejection> {
        claims
            .refill(&self.settings.role_paths, &self.settings.scope_paths, &self.assertable)
            .map_err(|wrong| Diagnosis::new().expected(wrong).reject(RejectionKind::InvalidClaim))
    }

    /// What may be meant, if a text is nearly the name of this issuer.
    pub(super) fn near_miss(&self, found: &str) -> Option<String> {
        self.spellings().find_map(|name| {
            let why = if name.trim_end_matches('/') == found.trim_end_matches('/') {
                "a trailing slash"
            } else if name.eq_ignore_ascii_case(found) {
                "upper and lower case"
            } else if after_scheme(name).is_some_and(|rest| after_scheme(found) == Some(rest)) {
                "http and https"
            } else {
                return None;
            };
            Some(format!("it differs from {} only by {why}", quoted(name)))
        })
    }

    /// What a token that no key of ours fits says of its issuer, if that is not us.
    pub(super) fn hint_of_another(&self, compact: &Compact<'_>) -> Option<String> {
        let payload = decode(compact.payload, "payload").ok()?;
        let named = claims::untrusted_issuer(&payload)?;
        if self.spellings().any(|name| name == named) {
            return None;
        }
        Some(format!("the token says it is from {}, which is not trusted", quoted(&named)))
    }
}

/// The keys of an issuer, bound to the algorithms that it names.
struct IssuerKeys {
    keys: Keys,
    algorithms: Option<Vec<Algorithm>>,
    /// The set that was bound last, and what came of it.
    bound: ArcSwap<(Arc<KeySet>, Arc<KeySet>)>,
}

impl IssuerKeys {
    fn new(keys: Keys, algorithms: Option<Vec<Algorithm>>) -> Self {
        let bound = ArcSwap::from_pointee(Self::bind(keys.snapshot(), algorithms.as_deref()));
        Self { keys, algorithms, bound }
    }

    fn bind(set: Arc<KeySet>, algorithms: Option<&[Algorithm]>) -> (Arc<KeySet>, Arc<KeySet>) {
        let bound = match algorithms {
            None => Arc::clone(&set),
            Some(algorithms) => Arc::new(set.bound_to_any(algorithms)),
        };
        (set, bound)
    }

    /// The present set. It is bound anew when it was replaced.
    fn load(&self) -> Arc<KeySet> {
        let present = self.keys.snapshot();
        let known = self.bound.load();
        if Arc::ptr_eq(&known.0, &present) {
            return Arc::clone(&known.1);
        }
        let fresh = Arc::new(Self::bind(present, self.algorithms.as_deref()));
        self.bound.store(Arc::clone(&fresh));
        Arc::clone(&fresh.1)
    }
}

/// What two names have in common that one may be mistaken for the other: see `near_miss`.
pub(super) fn likeness(name: &str) -> Box<str> {
    let lower = name.trim_end_matches('/').to_ascii_lowercase();
    after_scheme(&lower).unwrap_or(&lower).into()
}

fn after_scheme(url: &str) -> Option<&str> {
    url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))
}
