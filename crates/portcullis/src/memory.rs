//! The store of revocations in memory.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_core::state::{CUTOFF_KINDS, DENIAL_KINDS, Limits, State, Usage};
use portcullis_core::{
    AllowlistStore, AllowlistWriter, Clock, CutoffStore, DenylistStore, Entry, GenerationStore,
    Position, Retention, Revoke, Revoked, StoreError, SystemClock, Target, TargetKind, Timestamp,
    TokenView,
};

/// Revocations in memory: cutoffs, a denylist, an allowlist and generations, all answered without
/// waiting.
///
/// **It is lost at a restart, and not shared between instances**: what was revoked works again then,
/// or still works there. Use it where tokens live for minutes, in tests, or where there is one
/// process and a restart signs everybody out anyway (new signing keys). Where revocations have to
/// last, use a durable store such as `portcullis-sqlite`.
///
/// It is an exact set, see [`portcullis_core::state`]: at capacity a write is refused and nothing is
/// evicted. Clones share what they hold.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use portcullis::{Denylist, IatCutoff, MemoryStore, Retention, Revocation};
///
/// let store = MemoryStore::builder()
///     // only if every verifier enforces it
///     .with_retention(Retention::default().max_lifetime(Duration::from_secs(900)))
///     .build();
/// let rule = IatCutoff::new(store.clone()).and(Denylist::new(store.clone()));
/// # let _ = rule;
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    inner: Arc<Inner>,
}

struct Inner {
    state: State,
    retention: Retention,
    clock: Box<dyn Clock>,
    position: AtomicU64,
}

impl MemoryStore {
    /// A store with the default [`Limits`] and [`Retention`].
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Starts one that is set up.
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder {
            limits: Limits::default(),
            retention: Retention::default(),
            clock: Box::new(SystemClock::new()),
        }
    }

    /// How much it holds.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.inner.state.usage()
    }

    /// Gives back the memory of what has expired. Writes do this by themselves where they would
    /// otherwise need more memory, so it is never necessary.
    pub fn purge(&self) {
        self.inner.state.purge(self.now());
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The position of a write that is now done or about to be.
    fn next_position(&self) -> Position {
        Position::new(self.inner.position.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("usage", &self.usage()).finish_non_exhaustive()
    }
}

/// Sets up a [`MemoryStore`].
#[must_use]
pub struct MemoryStoreBuilder {
    limits: Limits,
    retention: Retention,
    clock: Box<dyn Clock>,
}

impl MemoryStoreBuilder {
    /// How much it may hold: a million entries in each room, unless set.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long it keeps entries.
    pub fn with_retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// The clock that stamps cutoffs and tells what has expired: the machine's, unless set.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// The store.
    #[must_use]
    pub fn build(self) -> MemoryStore {
        let Self { limits, retention, clock } = self;
        let state = State::new(limits);
        let inner = Inner { state, retention, clock, position: AtomicU64::new(0) };
        MemoryStore { inner: Arc::new(inner) }
    }
}

impl fmt::Debug for MemoryStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStoreBuilder")
            .field("limits", &self.limits)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}

impl CutoffStore for MemoryStore {
    type Error = Infallible;

    async fn cutoff(&self, target: &Target<'_>) -> Result<Option<Timestamp>, Infallible> {
        Ok(self.inner.state.cutoff(target))
    }

    fn kinds(&self) -> &'static [TargetKind] {
        CUTOFF_KINDS
    }

    fn peek_cutoff(&self, targets: &[Target<'_>]) -> Option<Option<Timestamp>> {
        Some(targets.iter().filter_map(|target| self.inner.state.cutoff(target)).max())
    }

    fn peek_token_cutoff(&self, token: &TokenView<'_>) -> Option<Option<Timestamp>> {
        Some(self.inner.state.token_cutoff(token))
    }

    fn version(&self) -> Option<u64> {
        self.inner.state.version(|| self.now())
    }
}

impl DenylistStore for MemoryStore {
    type Error = Infallible;

    async fn is_denied(&self, target: &Target<'_>) -> Result<bool, Infallible> {
        Ok(self.inner.state.is_denied(target, || self.now()))
    }

    fn kinds(&self) -> &'static [TargetKind] {
        DENIAL_KINDS
    }

    async fn is_any_denied(
        &self,
        token: &TokenView<'_>,
        targets: &[Target<'_>],
    ) -> Result<bool, Infallible> {
        Ok(self.inner.state.is_any_denied(token, targets, || self.now()))
    }

    fn peek_denied(&self, token: &TokenView<'_>, targets: &[Target<'_>]) -> Option<bool> {
        Some(self.inner.state.is_any_denied(token, targets, || self.now()))
    }

    fn peek_token_denied(&self, token: &TokenView<'_>) -> Option<bool> {
        Some(self.inner.state.is_token_denied(token, || self.now()))
    }

    fn version(&self) -> Option<u64> {
        self.inner.state.version(|| self.now())
    }
}

impl GenerationStore for MemoryStore {
    type Error = Infallible;

    async fn min_generation(&self, target: &Target<'_>) -> Result<Option<u64>, Infallible> {
        Ok(self.inner.state.min_generation(target))
    }

    fn peek_min_generation(&self, target: &Target<'_>) -> Option<Option<u64>> {
        Some(self.inner.state.min_generation(target))
    }

    fn version(&self) -> Option<u64> {
        self.inner.state.version(|| self.now())
    }
}

impl AllowlistStore for MemoryStore {
    type Error = Infallible;

    async fn is_allowed(&self, token: &Target<'_>) -> Result<bool, Infallible> {
        Ok(self.inner.state.is_allowed(token))
    }

    fn peek_allowed(&self, token: &Target<'_>) -> Option<bool> {
        Some(self.inner.state.is_allowed(token))
    }
}

impl Revoke for MemoryStore {
    async fn revoke(&self, entry: Entry) -> Result<Revoked, StoreError> {
        let cutoff = self.inner.state.revoke(&entry, &self.inner.retention, self.now())?;
        Ok(Revoked::new(self.next_position(), cutoff))
    }
}

impl AllowlistWriter for MemoryStore {
    async fn allow(
        &self,
        token: Target<'_>,
        subject: Option<&str>,
        expires_at: Option<Timestamp>,
    ) -> Result<Position, StoreError> {
        let Inner { state, retention, .. } = &*self.inner;
        let position = self.next_position();
        state.allow(token, subject, expires_at, position, retention, self.now())?;
        Ok(position)
    }

    async fn remove(&self, target: Target<'_>) -> Result<Position, StoreError> {
        let Inner { state, retention, .. } = &*self.inner;
        let position = self.next_position();
        state.remove(target, position, retention, self.now())?;
        Ok(position)
    }
}
