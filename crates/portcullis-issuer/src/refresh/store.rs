//! Where families are kept: the trait, and a store in memory.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portcullis_core::{BoxError, Timestamp};

use super::Family;

/// A table of [`Family`]s.
///
/// Everything that must not happen twice rests on [`advance`](Self::advance): of any number of calls for one generation,
/// at most one may be told `true`, on whatever instance it runs. In SQL it is
/// `UPDATE … WHERE id = $1 AND generation = $2 - 1`. A store that says `true` to two lets a stolen token be used beside
/// the stolen-from, unseen.
///
/// `portcullis-testing` has the suite that a store must pass, `refresh_store_tests!`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store of refresh tokens",
    note = "implement `RefreshStore`: five async methods over a table"
)]
pub trait RefreshStore: Send + Sync + 'static {
    /// What it can fail with. It is kept as the source of the outage.
    type Error: Into<BoxError> + Send;

    /// Adds a family. Those that expired up to `now` may be forgotten.
    ///
    /// # Errors
    ///
    /// If it was not stored: nobody is signed in then.
    fn insert(
        &self,
        family: &Family,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The family of this [`id`](Family::id).
    ///
    /// # Errors
    ///
    /// If the table could not be asked.
    fn find(&self, id: &str) -> impl Future<Output = Result<Option<Family>, Self::Error>> + Send;

    /// Puts the family in the place of the one with its id, if that one's [`generation`](Family::generation) is the one
    /// before. `false` if it is not, or if there is none any more.
    ///
    /// # Errors
    ///
    /// If the table could not be written to. It may have been all the same: the client is out then.
    fn advance(&self, family: &Family) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// Removes a family, if it is there.
    ///
    /// # Errors
    ///
    /// If the table could not be written to.
    fn remove(&self, id: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// All families of a subject.
    ///
    /// # Errors
    ///
    /// If the table could not be asked.
    fn of_subject(
        &self,
        subject: &str,
    ) -> impl Future<Output = Result<Vec<Family>, Self::Error>> + Send;
}

/// Families in memory, for one instance and until it ends. Clones share them.
///
/// What has expired is swept away whenever the number of families has doubled since the last time.
#[derive(Clone, Debug, Default)]
pub struct MemoryRefreshStore {
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    families: HashMap<String, Family>,
    swept: usize,
}

/// How many families there are before the first sweep.
const FIRST_SWEEP: usize = 1_024;

impl MemoryRefreshStore {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many families there are, among them such as have expired and were not swept away yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().families.len()
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Nothing that could panic runs under this lock.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RefreshStore for MemoryRefreshStore {
    type Error = Infallible;

    async fn insert(&self, family: &Family, now: Timestamp) -> Result<(), Infallible> {
        let mut table = self.lock();
        if table.families.len() >= (2 * table.swept).max(FIRST_SWEEP) {
            table.families.retain(|_, family| family.expires_at() > now);
            table.swept = table.families.len();
        }
        table.families.insert(family.id().to_owned(), family.clone());
        Ok(())
    }

    async fn find(&self, id: &str) -> Result<Option<Family>, Infallible> {
        Ok(self.lock().families.get(id).cloned())
    }

    async fn advance(&self, family: &Family) -> Result<bool, Infallible> {
        let mut table = self.lock();
        let Some(stored) = table.families.get_mut(family.id()) else { return Ok(false) };
        let next = stored.generation().checked_add(1) == Some(family.generation());
        if next {
            *stored = family.clone();
        }
        Ok(next)
    }

    async fn remove(&self, id: &str) -> Result<(), Infallible> {
        self.lock().families.remove(id);
        Ok(())
    }

    async fn of_subject(&self, subject: &str) -> Result<Vec<Family>, Infallible> {
        let table = self.lock();
        Ok(table.families.values().filter(|family| family.subject() == subject).cloned().collect())
    }
}

impl<S: RefreshStore> RefreshStore for Arc<S> {
    type Error = S::Error;

    async fn insert(&self, family: &Family, now: Timestamp) -> Result<(), S::Error> {
        (**self).insert(family, now).await
    }

    async fn find(&self, id: &str) -> Result<Option<Family>, S::Error> {
        (**self).find(id).await
    }

    async fn advance(&self, family: &Family) -> Result<bool, S::Error> {
        (**self).advance(family).await
    }

    async fn remove(&self, id: &str) -> Result<(), S::Error> {
        (**self).remove(id).await
    }

    async fn of_subject(&self, subject: &str) -> Result<Vec<Family>, S::Error> {
        (**self).of_subject(subject).await
    }
}
