//! Writing: a change is drafted here, and merged, counted and stamped by one function on the server, in one transaction.

use portcullis_core::state::{Draft, DraftFact, is_broad};
use portcullis_core::{
    AllowlistWriter, Entry, Position, Revoke, Revoked, StoreError, StoreErrorKind, Target,
    Timestamp,
};
use tokio_postgres::types::Type;

use crate::PostgresStore;
use crate::error::{corrupt, standby, uninitialised};
use crate::facts::{
    COLLAPSED, DENIED, GENERATION, NOT_BEFORE, REMOVED, generation_to_sql, millis, moment,
};
use crate::reading::get;
use crate::store::Inner;

const WHAT: &str = "can't write to the store";

impl Inner {
    async fn write(&self, draft: &Draft<'_>, entry: Option<&Entry>) -> Result<Revoked, StoreError> {
        let target = draft.target();
        let narrow = !is_broad(target.kind());
        let (rule, (fixed, after)) = match draft.fact() {
            DraftFact::Denied { effective_at } => (DENIED, (effective_at.map(millis), None)),
            DraftFact::NotBefore(cutoff) => (NOT_BEFORE, moment(Some(cutoff))),
            DraftFact::Collapsed(cutoff) => (COLLAPSED, moment(Some(cutoff))),
            DraftFact::MinGeneration(minimum) => {
                (GENERATION, (Some(generation_to_sql(minimum)), None))
            }
            DraftFact::Removed if !narrow => (REMOVED, (None, None)),
            DraftFact::Removed => return self.list(draft, false, None).await,
            DraftFact::Allowed { subject } => return self.list(draft, true, subject).await,
            _ => {
                let message = "this store is too old for that";
                return Err(StoreError::new(StoreErrorKind::Invalid, message));
            }
        };
        let denies_narrowly = rule == DENIED && narrow;
        let owner = entry.filter(|_| denies_narrowly).and_then(Entry::subject);
        let collapsed = entry.and_then(|entry| Draft::collapsed(entry, &self.retention));
        let collapse_after = collapsed.and_then(|draft| match draft.fact() {
            DraftFact::Collapsed(cutoff) => moment(Some(cutoff)).1,
            _ => None,
        });
        let (keep_fixed, keep_after) = moment(draft.keep_until());
        let (room, most) = match denies_narrowly {
            true => (0_i16, self.limits.max_denials()),
            false => (1, self.limits.max_cutoffs()),
        };
        let rows = self
            .source
            .query(
                WHAT,
                &self.sql.revoke,
                &[
                    (&rule, Type::TEXT),
                    (&target.kind().as_str(), Type::TEXT),
                    (&target.issuer().as_bytes(), Type::BYTEA),
                    (&target.id().as_bytes(), Type::BYTEA),
                    (&owner.map(str::as_bytes), Type::BYTEA),
                    (&fixed, Type::INT8),
                    (&after, Type::INT8),
                    (&keep_fixed, Type::INT8),
                    (&keep_after, Type::INT8),
                    (&room, Type::INT2),
                    (&count(most), Type::INT8),
                    (&count(self.limits.max_denials_per_subject()), Type::INT8),
                    (&collapsed.is_some(), Type::BOOL),
                    (&collapse_after, Type::INT8),
                    (&count(self.limits.max_cutoffs()), Type::INT8),
                    (&self.told_now(), Type::INT8),
                ],
            )
            .await?;
        let row = rows.first().ok_or_else(|| corrupt("a write has no receipt"))?;
        let position = self.position(get(row, 0)?, get(row, 1)?, most)?;
        self.notify(position).await;
        let cutoff: Option<i64> = get(row, 2)?;
        Ok(Revoked::new(position, cutoff.map(Timestamp::from_millis)))
    }

    async fn list(
        &self,
        draft: &Draft<'_>,
        listed: bool,
        subject: Option<&str>,
    ) -> Result<Revoked, StoreError> {
        let target = draft.target();
        let (keep_fixed, keep_after) = moment(draft.keep_until());
        let most = self.limits.max_allowed();
        let rows = self
            .source
            .query(
                WHAT,
                &self.sql.list,
                &[
                    (&listed, Type::BOOL),
                    (&target.kind().as_str(), Type::TEXT),
                    (&target.issuer().as_bytes(), Type::BYTEA),
                    (&target.id().as_bytes(), Type::BYTEA),
                    (&subject.map(str::as_bytes), Type::BYTEA),
                    (&keep_fixed, Type::INT8),
                    (&keep_after, Type::INT8),
                    (&count(most), Type::INT8),
                    (&self.told_now(), Type::INT8),
                ],
            )
            .await?;
        let row = rows.first().ok_or_else(|| corrupt("a write has no receipt"))?;
        Ok(Revoked::new(self.position(get(row, 0)?, get(row, 1)?, most)?, None))
    }

    /// What a function says of a write.
    fn position(&self, status: &str, at: Option<i64>, most: usize) -> Result<Position, StoreError> {
        let full = |message| Err(StoreError::new(StoreErrorKind::Full, message));
        match (status, at.map(u64::try_from)) {
            ("ok", Some(Ok(at))) => Ok(Position::new(at)),
            ("standby", _) => Err(standby()),
            ("uninitialised", _) => Err(uninitialised()),
            ("full", _) => full(format!("the store is full: it holds {most} such entries")),
            ("subject", _) => {
                let limit = self.limits.max_denials_per_subject();
                full(format!("the subject has {limit} denied tokens and sessions already"))
            }
            _ => Err(corrupt("a function says what it never says")),
        }
    }

    /// Wakes whoever listens. It is a transaction of its own: with a notification in it, commits would queue up behind each
    /// other. If it is lost, there is still the next regular read.
    async fn notify(&self, position: Position) {
        let told = position.to_string();
        let params: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
            [(&self.sql.channel, Type::TEXT), (&told, Type::TEXT)];
        let _ = self.source.query("can't wake anybody", &self.sql.notify, &params).await;
    }
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

impl Revoke for PostgresStore {
    async fn revoke(&self, entry: Entry) -> Result<Revoked, StoreError> {
        let inner = self.inner();
        let draft = Draft::of_entry(&entry, &inner.retention)?;
        inner.write(&draft, Some(&entry)).await
    }
}

impl AllowlistWriter for PostgresStore {
    async fn allow(
        &self,
        token: Target<'_>,
        subject: Option<&str>,
        expires_at: Option<Timestamp>,
    ) -> Result<Position, StoreError> {
        let inner = self.inner();
        let draft = Draft::listing(token, subject, expires_at, &inner.retention)?;
        Ok(inner.write(&draft, None).await?.position())
    }

    async fn remove(&self, target: Target<'_>) -> Result<Position, StoreError> {
        let inner = self.inner();
        let draft = Draft::removal(target, &inner.retention)?;
        Ok(inner.write(&draft, None).await?.position())
    }
}
