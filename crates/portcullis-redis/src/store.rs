//! The store: what is asked for every request.

use std::fmt;
use std::sync::Arc;

use portcullis_core::revocation::is_cut_off;
use portcullis_core::state::{CUTOFF_KINDS, DENIAL_KINDS, Limits, Usage};
use portcullis_core::{
    AllowlistStore, Clock, CutoffStore, DenylistStore, GenerationStore, Retention, StoreError,
    Target, TargetKind, Timestamp, TokenView,
};
use redis::Script;

use crate::RedisStoreBuilder;
use crate::keys::Keys;
use crate::link::Link;
use crate::listen::Listener;
use crate::reading::{Commands, Question, Seen};
use crate::rows::{Class, denied_from, field, listing, value};

/// Revocations on Redis or Valkey: cutoffs, a denylist, an allowlist and generations, and a
/// feed of them.
///
/// What it promises, and what not, is at [the crate](crate). Clones share the connections.
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) keys: Keys,
    pub(crate) limits: Limits,
    pub(crate) retention: Retention,
    /// Where there is none, the server's clock counts.
    pub(crate) clock: Option<Arc<dyn Clock>>,
    pub(crate) log_length: usize,
    /// How many entries one answer of the feed has, about.
    pub(crate) page: usize,
    pub(crate) write_script: Script,
    pub(crate) read_script: Script,
    /// The connection of requests, and the one of the feed, whose pages would delay them.
    pub(crate) requests: Link,
    pub(crate) following: Link,
    pub(crate) listener: Listener,
    pub(crate) seen: Seen,
}

impl RedisStore {
    /// A store on the server of this URL that is set up: `redis://[user:password@]host[:port][/database]`,
    /// or `rediss://` with the feature `tls`.
    #[must_use = "a builder does nothing until it is connected"]
    pub fn builder(url: impl Into<String>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url.into())
    }

    /// Connects to the server of this URL, with everything else as preset.
    ///
    /// # Errors
    ///
    /// See [`RedisStoreBuilder::connect`].
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
        let what = "can't count the revocations";
        let keys = &self.inner.keys;
        let mut commands = Commands::default();
        for key in [&keys.denials, &keys.cutoffs, &keys.allowed] {
            commands.add(["HLEN", key]);
        }
        let inner = self.inner();
        let mut counts = inner.run(&inner.requests, what, &commands).await?.into_iter();
        let mut count = || crate::reading::parsed(what, counts.next());
        Ok(Usage::new(count()?, count()?, count()?))
    }
}

/// The latest time of these rows.
fn latest(rows: &[Option<String>]) -> Result<Option<i64>, StoreError> {
    let mut values = rows.iter().flatten().map(|row| value(row));
    values.try_fold(None, |latest, value| Ok(latest.max(Some(value?))))
}

/// The fields of cutoffs of a target: those that were written, and for a subject those of its denials.
fn cutoff_fields(target: &Target<'_>) -> impl Iterator<Item = String> {
    let collapsed = target.kind() == TargetKind::Subject;
    let collapsed = collapsed.then(|| field(Class::Collapsed, target));
    [field(Class::NotBefore, target)].into_iter().chain(collapsed)
}

impl CutoffStore for RedisStore {
    type Error = StoreError;

    async fn cutoff(&self, target: &Target<'_>) -> Result<Option<Timestamp>, StoreError> {
        self.latest_cutoff(&[*target]).await
    }

    fn kinds(&self) -> &'static [TargetKind] {
        CUTOFF_KINDS
    }

    async fn latest_cutoff(&self, targets: &[Target<'_>]) -> Result<Option<Timestamp>, StoreError> {
        let cutoffs = targets.iter().flat_map(cutoff_fields).collect();
        let answer = self.inner.look(&Question { cutoffs, ..Question::default() }).await?;
        Ok(latest(&answer.cutoffs)?.map(Timestamp::from_millis))
    }
}

impl DenylistStore for RedisStore {
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

impl RedisStore {
    async fn any_denied(
        &self,
        targets: &[Target<'_>],
        token: Option<&TokenView<'_>>,
    ) -> Result<bool, StoreError> {
        let mut question = Question::default();
        for target in targets {
            match Class::denial(target.kind()) {
                Class::Denied => question.denials.push(field(Class::Denied, target)),
                class => question.cutoffs.push(field(class, target)),
            }
        }
        let broad = question.cutoffs.len();
        let subject = token.and_then(|token| token.target(TargetKind::Subject));
        question.cutoffs.extend(subject.map(|subject| field(Class::Collapsed, &subject)));
        let answer = self.inner.look(&question).await?;
        let (broad, collapsed) = answer.cutoffs.split_at(broad);
        for row in answer.denials.iter().chain(broad).flatten() {
            if denied_from(row)?.is_none_or(|from| from <= answer.now) {
                return Ok(true);
            }
        }
        let collapsed = latest(collapsed)?.map(Timestamp::from_millis);
        let issued = token.and_then(TokenView::issued_at);
        Ok(collapsed.is_some_and(|cutoff| issued.is_none_or(|issued| is_cut_off(issued, cutoff))))
    }
}

impl GenerationStore for RedisStore {
    type Error = StoreError;

    async fn min_generation(&self, target: &Target<'_>) -> Result<Option<u64>, StoreError> {
        let cutoffs = vec![field(Class::Generation, target)];
        let answer = self.inner.look(&Question { cutoffs, ..Question::default() }).await?;
        let row = answer.cutoffs.iter().flatten().next();
        let unreadable = || crate::error::corrupt("a generation is not a number");
        row.map(|row| {
            let value = row.split_once(';').and_then(|(value, _)| value.parse().ok());
            value.ok_or_else(unreadable)
        })
        .transpose()
    }
}

impl AllowlistStore for RedisStore {
    type Error = StoreError;

    async fn is_allowed(&self, token: &Target<'_>) -> Result<bool, StoreError> {
        let allowed = vec![field(Class::Listed, token)];
        let answer = self.inner.look(&Question { allowed, ..Question::default() }).await?;
        let Some(row) = answer.allowed.into_iter().flatten().next() else { return Ok(false) };
        let Some((first, owner)) = listing(&row)? else { return Ok(false) };
        // Whose it is is only known now. What is removed in between was removed while this was asked.
        let issuer = Target::issuer_wide(token.issuer());
        let mut cutoffs = vec![
            field(Class::RemovedWidely, &issuer),
            field(Class::RemovedWidely, &Target::everything()),
        ];
        if !owner.is_empty() {
            cutoffs.push(owner.to_owned());
        }
        let answer = self.inner.look(&Question { cutoffs, ..Question::default() }).await?;
        let removed = latest(&answer.cutoffs)?.and_then(|position| u64::try_from(position).ok());
        Ok(removed.is_none_or(|removed| first.get() > removed))
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("keys", &self.inner.keys.meta).finish_non_exhaustive()
    }
}
