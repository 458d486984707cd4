//! Giving a store its epoch.

use portcullis_core::state::{Draft, DraftFact};
use portcullis_core::{Entry, StoreError, Target};
use tokio_postgres::types::Type;

use crate::PostgresStore;
use crate::error::{corrupt, standby};
use crate::facts::moment;
use crate::reading::get;

impl PostgresStore {
    /// Gives the store an epoch, unless it has one, and refuses all tokens that were issued so far: nobody knows
    /// what the store before it held. True if it was done now.
    ///
    /// Until this is done, by any service, the store answers nothing: empty tables are those of a store that has
    /// never been used or of one that has lost everything, and nobody can tell which. The same goes for a dump that was
    /// restored in another cluster. Calling it at every start is safe, and signs everybody out after such a loss.
    ///
    /// # Errors
    ///
    /// As [`Revoke::revoke`](portcullis_core::Revoke::revoke).
    pub async fn initialise(&self) -> Result<bool, StoreError> {
        self.initialise_with(true).await
    }

    /// As [`initialise`](Self::initialise), but tokens that were issued so far go on working. **If the store has lost
    /// revocations, those tokens work again.** For the first time ever, before anything was revoked.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn insecure_initialise_trusting_all_tokens(&self) -> Result<bool, StoreError> {
        self.initialise_with(false).await
    }

    async fn initialise_with(&self, cut_off: bool) -> Result<bool, StoreError> {
        let inner = self.inner();
        let entry = Entry::not_before_now(Target::everything());
        let draft = Draft::of_entry(&entry, &inner.retention)?;
        let after = match draft.fact() {
            DraftFact::NotBefore(cutoff) => moment(Some(cutoff)).1,
            _ => None,
        };
        let (_, keep_after) = moment(draft.keep_until());
        let params: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 4] = [
            (&cut_off, Type::BOOL),
            (&after, Type::INT8),
            (&keep_after, Type::INT8),
            (&inner.told_now(), Type::INT8),
        ];
        let what = "can't initialise the store";
        let rows = inner.source.query(what, &inner.sql.initialise, &params).await?;
        let row = rows.first().ok_or_else(|| corrupt("a function says nothing"))?;
        if get::<&str>(row, 0)? == "standby" {
            return Err(standby());
        }
        get::<Option<bool>>(row, 1)?.ok_or_else(|| corrupt("a function says nothing"))
    }
}
