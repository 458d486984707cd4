//! An issuer whose settings were found to make sense.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, Guard};
use portcullis_core::{AccessClaims, Assertable};

use super::issuer::{Audience, Issuer};
use super::key_issuer;
use super::look_alike::What;
use crate::claims::{self, Captured, ClaimNames, ClaimRule, Places};
use crate::error::{BuildError, Diagnosis, Rejection, RejectionKind, quoted};
use crate::jws::{Compact, decode};
use crate::keys::{KeySet, Refusal, WantedKey};
use crate::source::Source;
use crate::{Algorithm, Keys};

/// The settings of an issuer, checked.
pub(crate) struct TrustedIssuer {
    pub(super) settings: Issuer,
    keys: IssuerKeys,
    assertable: Assertable,
    /// It was taken out of the issuers that are trusted.
    withdrawn: AtomicBool,
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
            Audience::OneOf(all) if all.is_empty() && !settings.stands_in => {
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
        if let Some((setting, what)) = fault_in_rules(&settings) {
            return wrong(setting, what);
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
        Ok(Self { settings, keys, assertable, withdrawn: AtomicBool::new(false) })
    }

    /// The name that it was configured with.
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// Every `iss` that its tokens may have, unless they may have any tenant's.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let spellings = self.spellings().map(str::to_owned);
        let tenants = self.settings.tenants.iter();
        spellings.chain(
            tenants.flat_map(|tenants| tenants.listed.iter().map(|tenant| tenants.expand(tenant))),
        )
    }

    /// Its names as they were configured, but for a template of tenants, which is none.
    fn spellings(&self) -> impl Iterator<Item = &str> {
        let name = self.settings.tenants.is_none().then_some(self.settings.name.as_str());
        name.into_iter().chain(self.settings.other_names.iter().map(String::as_str))
    }

    /// True if its tokens may have exactly this `iss`.
    pub(super) fn goes_by(&self, iss: &str) -> bool {
        self.spellings().any(|name| name == iss)
            || self.settings.tenants.as_ref().is_some_and(|tenants| {
                tenants.tenant_in(iss).is_some_and(|tenant| tenants.allows(tenant))
            })
    }

    pub(super) fn takes_any_tenant(&self) -> bool {
        self.settings.tenants.as_ref().is_some_and(|tenants| tenants.any)
    }

    /// The name under which revocation knows a token with this `iss`: the one that was configured, or that
    /// of its tenant. `None` is the former.
    pub(super) fn identity<'a>(&self, iss: &'a str) -> Option<&'a str> {
        let tenants = self.settings.tenants.as_ref()?;
        tenants.tenant_in(iss).map(|_| iss)
    }

    pub(super) fn carriers(&self) -> &[Source] {
        &self.settings.carriers
    }

    /// Trusts it no longer, for tokens that were remembered.
    pub(super) fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Release);
    }

    pub(super) fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::Acquire)
    }

    /// True if more of the header is read than every token has.
    pub(super) fn reads_header(&self) -> bool {
        self.settings.claims_in_header || !self.settings.header_rules.is_empty()
    }

    pub(crate) fn assertable(&self) -> &Assertable {
        &self.assertable
    }

    pub(super) fn keys(&self) -> BoundKeys {
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

    /// Where this issuer keeps roles and scopes.
    pub(super) fn places(&self) -> Places<'_> {
        Places { roles: &self.settings.role_paths, scopes: &self.settings.scope_paths }
    }

    /// Fills the ready-made claims from where this issuer keeps roles and scopes.
    pub(super) fn fill(
        &self,
        claims: &mut AccessClaims,
        captured: &Captured<'_>,
    ) -> Result<(), Rejection> {
        if self.settings.claim_names.client.is_some() {
            claims.set_client(captured.named_client.as_deref());
        }
        let Places { roles, scopes } = self.places();
        claims
            .refill(roles, scopes, &self.assertable)
            .map_err(|wrong| Diagnosis::new().expected(wrong).reject(RejectionKind::InvalidClaim))
    }

    /// What may be meant, if a text is nearly the name of this issuer.
    pub(super) fn near_miss(&self, found: &str) -> Option<String> {
        let tenants = self.settings.tenants.as_ref();
        if let Some(tenant) = tenants.and_then(|tenants| tenants.tenant_in(found)) {
            return Some(format!(
                "it is a token of another tenant, {}, which Issuer::tenants does not list",
                quoted(tenant)
            ));
        }
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
        let named = named_in(compact)?;
        if self.goes_by(&named) {
            return None;
        }
        let known = self.settings.recognise(What::Issuer, &named).map(str::to_owned);
        known.or_else(|| self.near_miss(&named)).or_else(|| {
            Some(format!("the token says it is from {}, which is not trusted", quoted(&named)))
        })
    }
}

/// The `iss` of a token that nobody has vouched for.
pub(super) fn named_in(compact: &Compact<'_>) -> Option<String> {
    let payload = decode(compact.payload, "payload").ok()?;
    claims::untrusted_issuer(&payload).map(|named| named.into_owned())
}

/// What makes no sense about the settings for single claims, and about where tokens come from.
fn fault_in_rules(settings: &Issuer) -> Option<(&'static str, &'static str)> {
    let names = &settings.claim_names;
    if names.rules.len() > 64 || settings.header_rules.len() > 64 {
        return Some(("check_claim", "64 rules are the most"));
    }
    if let Some(setting) = names.fault() {
        return Some((setting, "that claim has a meaning of its own"));
    }
    let rules = names.rules.iter().chain(&settings.header_rules);
    if let Some(what) = rules.map(ClaimRule::fault).find_map(|fault| fault) {
        return Some(("check_claim", what));
    }
    let mut own_paths = settings.role_paths.iter().chain(&settings.scope_paths);
    let written_by_subject =
        |first: &String| names.self_asserted.iter().any(|name| **name == **first);
    if own_paths.any(|path| path.first().is_some_and(written_by_subject)) {
        return Some(("roles_from or scopes_from", "the subject can write that claim himself"));
    }
    if settings.stray_tenants {
        return Some(("tenants", "it has none; start with Issuer::per_tenant"));
    }
    if let Some(what) = settings.tenants.as_ref().and_then(|tenants| tenants.fault()) {
        return Some(("per_tenant", what));
    }
    if let Some(what) = key_issuer::fault(settings) {
        return Some(("key_issuer", what));
    }
    if settings.padded && settings.carriers.is_empty() {
        return Some(("padded_base64", "call Issuer::taken_from with the place of such tokens"));
    }
    None
}

/// A set of keys as it is in a handle, and as it is bound to an issuer's algorithms.
type Binding = (Arc<KeySet>, Arc<KeySet>);

/// The keys of an issuer as they are now. To be held for a moment.
pub(super) enum BoundKeys {
    AsTheyAre(Guard<Arc<KeySet>>),
    /// Bound to the algorithms that the issuer names.
    Bound(Guard<Arc<Binding>>),
}

impl Deref for BoundKeys {
    type Target = KeySet;

    fn deref(&self) -> &KeySet {
        match self {
            Self::AsTheyAre(keys) => keys,
            Self::Bound(binding) => &binding.1,
        }
    }
}

/// The keys of an issuer.
struct IssuerKeys {
    keys: Keys,
    /// Where the issuer names its algorithms.
    binding: Option<KeyBinding>,
}

struct KeyBinding {
    algorithms: Vec<Algorithm>,
    /// The set that was bound last, and what came of it.
    last: ArcSwap<Binding>,
}

impl IssuerKeys {
    fn new(keys: Keys, algorithms: Option<Vec<Algorithm>>) -> Self {
        let binding = algorithms.map(|algorithms| {
            let last = ArcSwap::from_pointee(bind(keys.snapshot(), &algorithms));
            KeyBinding { algorithms, last }
        });
        Self { keys, binding }
    }

    /// The present set. It is bound anew when it was replaced.
    fn load(&self) -> BoundKeys {
        let present = self.keys.load();
        let Some(binding) = &self.binding else { return BoundKeys::AsTheyAre(present) };
        let known = binding.last.load();
        if Arc::ptr_eq(&known.0, &present) {
            return BoundKeys::Bound(known);
        }
        let fresh = Arc::new(bind(Guard::into_inner(present), &binding.algorithms));
        binding.last.store(Arc::clone(&fresh));
        BoundKeys::Bound(Guard::from_inner(fresh))
    }
}

fn bind(set: Arc<KeySet>, algorithms: &[Algorithm]) -> Binding {
    let bound = Arc::new(set.bound_to_any(algorithms));
    (set, bound)
}

/// What two names have in common that one may be mistaken for the other: see `near_miss`.
pub(super) fn likeness(name: &str) -> Box<str> {
    let lower = name.trim_end_matches('/').to_ascii_lowercase();
    after_scheme(&lower).unwrap_or(&lower).into()
}

fn after_scheme(url: &str) -> Option<&str> {
    url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))
}
