//! The issuers that a token may name, found by hash: how many there are makes no difference.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::look_alike::What;
use super::trusted::likeness;
use super::{Issuers, TrustedIssuer};
use crate::claims;
use crate::error::{BuildError, Diagnosis, Rejection, RejectionKind, quoted};
use crate::jws::{Compact, decode};

/// How many issuers are compared one by one for a hint, once a token was refused.
const NEAR: usize = 16;

/// The issuers whose tokens come from the same places.
#[derive(Default)]
pub(super) struct Table {
    /// In the order in which they were added.
    issuers: Vec<Arc<TrustedIssuer>>,
    /// Every spelling of every issuer, and every listed tenant.
    by_name: HashMap<Box<str>, Arc<TrustedIssuer>, RandomState>,
    /// The same by what is left of a spelling when its usual mistakes are taken off, for hints.
    by_likeness: HashMap<Box<str>, Arc<TrustedIssuer>>,
    /// Issuers that take any tenant, of which there are few.
    any_tenant: Vec<Arc<TrustedIssuer>>,
    /// Those that come and go.
    changing: Option<Issuers>,
}

impl Table {
    pub(super) fn add(&mut self, issuer: &Arc<TrustedIssuer>) -> Result<(), BuildError> {
        for name in issuer.names() {
            self.by_likeness.insert(likeness(&name), Arc::clone(issuer));
            if self.by_name.insert(name.as_str().into(), Arc::clone(issuer)).is_some() {
                return Err(BuildError::new(format!(
                    "issuer {}: trust: it is there twice",
                    quoted(&name)
                )));
            }
        }
        if issuer.takes_any_tenant() {
            self.any_tenant.push(Arc::clone(issuer));
        }
        self.issuers.push(Arc::clone(issuer));
        Ok(())
    }

    pub(super) fn set_changing(&mut self, issuers: Issuers) {
        self.changing = Some(issuers);
    }

    pub(super) fn len(&self) -> usize {
        self.issuers.len() + self.changing.as_ref().map_or(0, Issuers::len)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.issuers.is_empty() && self.changing.is_none()
    }

    pub(super) fn issuers(&self) -> &[Arc<TrustedIssuer>] {
        &self.issuers
    }

    /// The one issuer that there is, if nothing has to be chosen.
    pub(super) fn only(&self) -> Option<&Arc<TrustedIssuer>> {
        match (self.issuers.as_slice(), &self.changing) {
            ([only], None) => Some(only),
            _ => None,
        }
    }

    /// Whose token it says it is. With one issuer there is nothing to choose: `iss` is compared after
    /// the signature. With several it only selects one, by exact match, and is compared again.
    pub(super) fn select(
        &self,
        compact: &Compact<'_>,
        payload: &[u8],
    ) -> Result<Arc<TrustedIssuer>, Rejection> {
        if let Some(only) = self.only() {
            return Ok(Arc::clone(only));
        }
        let named = match claims::untrusted_issuer(payload) {
            Some(named) => named,
            None => self.issuer_in_header(compact).map(Cow::Owned).ok_or_else(|| {
                Diagnosis::new()
                    .expected("`iss`, a string, to choose one of the trusted issuers by")
                    .reject(RejectionKind::UntrustedIssuer)
            })?,
        };
        self.find(&named).ok_or_else(|| self.untrusted(&named))
    }

    /// The `iss` of the header, where all issuers have it there.
    fn issuer_in_header(&self, compact: &Compact<'_>) -> Option<String> {
        if self.issuers.is_empty() || !self.issuers.iter().all(|i| i.settings.claims_in_header) {
            return None;
        }
        let header = decode(compact.header, "header").ok()?;
        claims::untrusted_issuer(&header).map(Cow::into_owned)
    }

    /// The issuer with exactly this name.
    pub(super) fn find(&self, named: &str) -> Option<Arc<TrustedIssuer>> {
        let fixed = self.by_name.get(named);
        fixed
            .or_else(|| self.any_tenant.iter().find(|issuer| issuer.goes_by(named)))
            .cloned()
            .or_else(|| self.changing.as_ref()?.find(named))
    }

    #[cold]
    fn untrusted(&self, named: &str) -> Rejection {
        let few = || self.issuers.iter().take(NEAR);
        let like = self.by_likeness.get(&*likeness(named));
        let hint = like
            .and_then(|issuer| issuer.near_miss(named))
            .or_else(|| self.changing.as_ref().and_then(|changing| near(changing, named)))
            .or_else(|| few().find_map(|issuer| issuer.near_miss(named)))
            .or_else(|| {
                few().find_map(|i| i.settings.recognise(What::Issuer, named)).map(Into::into)
            });
        Diagnosis::new()
            .expected(format!("one of {} trusted issuers", self.len()))
            .found(quoted(named))
            .maybe_hint(hint)
            .reject(RejectionKind::UntrustedIssuer)
    }
}

/// What may be meant among issuers that come and go, by a few other spellings.
fn near(issuers: &Issuers, named: &str) -> Option<String> {
    let other_scheme = match named.strip_prefix("http://") {
        Some(rest) => format!("https://{rest}"),
        None => named.replacen("https://", "http://", 1),
    };
    let spellings = [
        named.trim_end_matches('/').to_owned(),
        format!("{named}/"),
        other_scheme,
        named.to_ascii_lowercase(),
    ];
    spellings.iter().find_map(|spelling| issuers.find(spelling)?.near_miss(named))
}
