//! The store: what is asked for every request.

use std::fmt;
use std::sync::Arc;

use portcullis_core::revocation::is_cut_off;
use portcullis_core::state::{CUTOFF_KINDS, DENIAL_KINDS, Limits, Usage};
use portcullis_core::{
    AllowlistStore, Clock, CutoffStore, DenylistStore, GenerationStore, Retention, StoreError,
    Target, TargetKind, Timestamp, TokenView,
};
use tokio_postgres::types::Type;

use crate::PostgresStoreBuilder;
use crate::error::corrupt;
use crate::facts::{COLLAPSED, DENIED, GENERATION, NOT_BEFORE, denied_from, generation_from_sql};
use crate::listen::Listener;
use crate::reading::{Asked, Seen, get};
use crate::source::Source;
use crate::sql::{SCHEMA, Sql};

/// Revocations on PostgreSQL: cutoffs, a denylist, an allowlist and generations, and a feed of them.
///
/// What it promises, and what not, is at [the crate](crate). Clones share the connections.
#[derive(Clone)]
pub struct PostgresStore {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) source: Source,
    pub(crate) sql: Sql,
    pub(crate) limits: Limits,
    pub(crate) retention: Retention,
    /// Where there is none, the server's clock counts.
    pub(crate) clock: Option<Arc<dyn Clock>>,
    /// How many rows a page of a snapshot has.
    pub(crate) page: i64,
    pub(crate) listener: Listener,
    pub(crate) seen: Seen,
}

impl PostgresStore {
    /// The tables and functions, for those who create them by hand; the text begins with how to.
    pub const SCHEMA: &'static str = SCHEMA;

    /// A store on the server of this URL, or of a string of `key=value`, that is set up.
    #[must_use = "a builder does nothing until it is connected"]
    pub fn builder(url: impl Into<String>) -> PostgresStoreBuilder {
        PostgresStoreBuilder::new(url.into())
    }

    /// A store through a pool that is there already, that is set up.
    #[cfg(feature = "tokio-postgres")]
    #[must_use = "a builder does nothing until it is connected"]
    pub fn through(pool: impl crate::Clients) -> PostgresStoreBuilder {
        PostgresStoreBuilder::through(Arc::new(crate::pool::Lender(pool)))
    }

    /// Connects to the server of this URL, with everything else as preset.
    ///
    /// # Errors
    ///
    /// See [`PostgresStoreBuilder::connect`].
    pub async fn connect(url: impl Into<String>) -> Result<Self, StoreError> {
        Self::builder(url).connect().await
    }

    pub(crate) fn from_inner(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// How many entries the store holds.
    ///
    /// # Errors
    ///
    /// If the server could not be asked.
    pub async fn usage(&self) -> Result<Usage, StoreError> {
        let inner = self.inner();
        let rows = inner.source.query("can't count the entries", &inner.sql.usage, &[]).await?;
        let mut counts = [0; 3];
        for row in &rows {
            let (room, rows): (i16, i64) = (get(row, 0)?, get(row, 1)?);
            let known = usize::try_from(room).ok().and_then(|room| counts.get_mut(room));
            let count = usize::try_from(rows).map_err(|_| corrupt("a count is negative"))?;
            *known.ok_or_else(|| corrupt("a room is not one of ours"))? = count;
        }
        Ok(Usage::new(counts[0], counts[1], counts[2]))
    }

    /// Drops entries that have expired, at most so many of each table, and tells how many were dropped. Writes do it where they
    /// would find no room otherwise, so it is never necessary; run it now and then to keep the tables small.
    ///
    /// # Errors
    ///
    /// If the server could not be asked.
    pub async fn purge(&self, most: u32) -> Result<u64, StoreError> {
        let inner = self.inner();
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        let params: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
            [(&inner.told_now(), Type::INT8), (&most, Type::INT4)];
        let rows =
            inner.source.query("can't drop what has expired", &inner.sql.purge, &params).await?;
        let row = rows.first().ok_or_else(|| corrupt("a function says nothing"))?;
        u64::try_from(get::<i64>(row, 0)?).map_err(|_| corrupt("a count is negative"))
    }
}

impl CutoffStore for PostgresStore {
    type Error = StoreError;

    async fn cutoff(&self, target: &Target<'_>) -> Result<Option<Timestamp>, StoreError> {
        self.latest_cutoff(&[*target]).await
    }

    fn kinds(&self) -> &'static [TargetKind] {
        CUTOFF_KINDS
    }

    async fn latest_cutoff(&self, targets: &[Target<'_>]) -> Result<Option<Timestamp>, StoreError> {
        let asked: Vec<Asked<'_>> = targets
            .iter()
            .flat_map(|target| [(NOT_BEFORE, *target), (COLLAPSED, *target)])
            .collect();
        let answer = self.inner.look(&asked).await?;
        Ok(answer.facts.iter().map(|(_, value)| Timestamp::from_millis(*value)).max())
    }
}

impl DenylistStore for PostgresStore {
    type Error = StoreError;

    async fn is_denied(&self, target: &Target<'_>) -> Result<bool, StoreError> {
        self.any_denied(&[*target], None).await
    }

    fn kinds(&self) -> &'static [TargetKind] {
        DENIAL_KINDS
    }

    async fn is_any_denied(
        &self,
        token: &TokenView<'_>,
        targets: &[Target<'_>],
    ) -> Result<bool, StoreError> {
        self.any_denied(targets, Some(token)).await
    }
}

impl PostgresStore {
    async fn any_denied(
        &self,
        targets: &[Target<'_>],
        token: Option<&TokenView<'_>>,
    ) -> Result<bool, StoreError> {
        let subject = token.and_then(|token| token.target(TargetKind::Subject));
        let asked: Vec<Asked<'_>> = targets
            .iter()
            .map(|target| (DENIED, *target))
            .chain(subject.map(|subject| (COLLAPSED, subject)))
            .collect();
        let answer = self.inner.look(&asked).await?;
        let issued = token.and_then(TokenView::issued_at);
        Ok(answer.facts.iter().any(|(rule, value)| match rule.as_str() {
            DENIED => denied_from(*value).is_none_or(|from| from <= answer.now),
            _ => issued.is_none_or(|issued| is_cut_off(issued, Timestamp::from_millis(*value))),
        }))
    }
}

impl GenerationStore for PostgresStore {
    type Error = StoreError;

    async fn min_generation(&self, target: &Target<'_>) -> Result<Option<u64>, StoreError> {
        let answer = self.inner.look(&[(GENERATION, *target)]).await?;
        answer.facts.first().map(|(_, value)| generation_from_sql(*value)).transpose()
    }
}

impl AllowlistStore for PostgresStore {
    type Error = StoreError;

    async fn is_allowed(&self, token: &Target<'_>) -> Result<bool, StoreError> {
        self.inner.look_for_listing(token).await
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("channel", &self.inner.sql.channel)
            .finish_non_exhaustive()
    }
}
