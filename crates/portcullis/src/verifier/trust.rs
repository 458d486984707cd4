//! Which issuers a token is looked for among: by the place of the request that it came from.

use std::sync::Arc;

use super::table::Table;
use super::{Issuer, Issuers, TrustedIssuer};
use crate::error::{BuildError, Rejection, quoted};
use crate::jws::Compact;
use crate::source::Source;

/// All issuers that are trusted.
pub(super) struct Trust {
    /// Those that are bound to no place.
    open: Table,
    /// Those that are bound to one, by place.
    bound: Vec<(Source, Table)>,
}

impl Trust {
    pub(super) fn new(issuers: Vec<Issuer>, changing: Option<Issuers>) -> Result<Self, BuildError> {
        let alone = issuers.len() == 1 && changing.is_none();
        let mut trust = Self { open: Table::default(), bound: Vec::new() };
        for issuer in issuers {
            let issuer = Arc::new(TrustedIssuer::new(issuer, alone)?);
            for source in issuer.carriers() {
                trust.bound_to(source).add(&issuer)?;
            }
            if issuer.carriers().is_empty() {
                trust.open.add(&issuer)?;
            }
        }
        if let Some(changing) = changing {
            trust.open.set_changing(changing);
        }
        for (source, table) in &trust.bound {
            let padded = |issuer: &&Arc<TrustedIssuer>| issuer.settings.padded;
            let differ =
                |issuer: &&Arc<TrustedIssuer>| padded(issuer) != padded(&&table.issuers()[0]);
            if let Some(issuer) = table.issuers().iter().find(differ) {
                return Err(BuildError::new(format!(
                    "issuer {}: padded_base64: of the issuers that are bound to {source}, either \
                     all pad their tokens or none does",
                    quoted(issuer.name())
                )));
            }
        }
        Ok(trust)
    }

    fn bound_to(&mut self, source: &Source) -> &mut Table {
        let at = self.bound.iter().position(|(bound, _)| bound.is_same_place(source));
        let at = at.unwrap_or_else(|| {
            self.bound.push((source.clone(), Table::default()));
            self.bound.len() - 1
        });
        &mut self.bound[at].1
    }

    /// The place, if issuers are bound to it.
    fn bound(&self, source: Option<&Source>) -> Option<&(Source, Table)> {
        if self.bound.is_empty() {
            return None;
        }
        let source = source?;
        self.bound.iter().find(|(bound, _)| bound.is_same_place(source))
    }

    /// The places that a layer looks at, unless it is told others.
    pub(super) fn sources(&self) -> Vec<Source> {
        let bearer = (!self.open.is_empty()).then(Source::bearer);
        bearer.into_iter().chain(self.bound.iter().map(|(source, _)| source.clone())).collect()
    }

    /// True if what stands in this place is put there whoever caused the request.
    pub(super) fn is_ambient(&self, source: &Source) -> bool {
        self.bound(Some(source)).is_some_and(|(bound, _)| bound.is_ambient())
    }

    /// True if tokens in this place are padded.
    pub(super) fn is_padded(&self, source: Option<&Source>) -> bool {
        let table = self.bound(source).map(|(_, table)| table);
        table.and_then(|table| table.issuers().first()).is_some_and(|i| i.settings.padded)
    }

    /// True if a token of this issuer may come from this place.
    pub(super) fn may_come_from(&self, issuer: &TrustedIssuer, source: Option<&Source>) -> bool {
        if self.bound.is_empty() {
            return true;
        }
        match self.bound(source) {
            Some((place, _)) => issuer.carriers().iter().any(|own| own.is_same_place(place)),
            None => issuer.carriers().is_empty(),
        }
    }

    fn table(&self, source: Option<&Source>) -> &Table {
        self.bound(source).map_or(&self.open, |(_, table)| table)
    }

    /// The one issuer whose tokens come from there, if nothing has to be chosen.
    pub(super) fn only(&self, source: Option<&Source>) -> Option<&Arc<TrustedIssuer>> {
        self.table(source).only()
    }

    /// Whose token it says it is, among those whose tokens come from there.
    pub(super) fn select(
        &self,
        compact: &Compact<'_>,
        payload: &[u8],
        source: Option<&Source>,
    ) -> Result<Arc<TrustedIssuer>, Rejection> {
        let selected = self.table(source).select(compact, payload);
        selected.map_err(|rejection| self.explain(rejection, compact, source))
    }

    /// Says so if the token is of an issuer whose tokens come from elsewhere.
    pub(super) fn explain(
        &self,
        rejection: Rejection,
        compact: &Compact<'_>,
        source: Option<&Source>,
    ) -> Rejection {
        if self.bound.is_empty() {
            return rejection;
        }
        rejection.prefer_hint(|| {
            let named = super::trusted::named_in(compact)?;
            let elsewhere = self.bound.iter().find(|(place, table)| {
                !source.is_some_and(|source| place.is_same_place(source))
                    && table.find(&named).is_some()
            });
            match (elsewhere, self.bound(source)) {
                (Some((place, _)), _) => {
                    Some(format!("tokens of {} are taken from {place} only", quoted(&named)))
                }
                (None, Some((place, _))) if self.open.find(&named).is_some() => Some(format!(
                    "{place} is for the issuers that are bound to it, and {} is none of them",
                    quoted(&named)
                )),
                _ => None,
            }
        })
    }

    /// How many issuers a token from this place may be of.
    pub(super) fn len(&self, source: Option<&Source>) -> usize {
        self.table(source).len()
    }

    pub(super) fn names(&self) -> Vec<&str> {
        let tables = std::iter::once(&self.open).chain(self.bound.iter().map(|(_, table)| table));
        tables.flat_map(Table::issuers).map(|issuer| issuer.name()).collect()
    }
}
