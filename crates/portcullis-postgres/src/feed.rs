//! Following: what was written since the oldest transaction that was open at the last read. A row that commits late is in it; what
//! was returned before is returned again, which does no harm.

use portcullis_core::feed::{Batch, Changes, Chunk, Epoch, Feed, FeedError, FeedErrorKind, Start};
use portcullis_core::{Position, StoreError};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::PostgresStore;
use crate::error::{corrupt, standby, uninitialised};
use crate::facts::change;
use crate::reading::get;

const WHAT: &str = "can't follow the store";

/// How many writes one read returns at most. Who is further behind takes a new snapshot, page by page.
const MOST: i64 = 200_000;

/// Where a reader is: in which epoch, and which transactions it has seen.
#[derive(Clone, Debug)]
pub struct PostgresCursor {
    epoch: Epoch,
    seen: Snapshot,
}

/// Where a reader of a snapshot is: the key of the last row.
#[derive(Clone, Debug)]
pub struct PostgresPage(Vec<u8>);

/// Which transactions a statement saw: `xmin:xmax:xid,xid,…`.
#[derive(Clone, Debug)]
struct Snapshot {
    /// All before this have ended.
    xmin: u64,
    /// None from this on had begun.
    xmax: u64,
    /// Those in between that had not ended.
    open: Box<[u64]>,
}

impl Snapshot {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (xmin, xmax) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let open = parts.next()?.split(',').filter(|xid| !xid.is_empty());
        let open = open.map(|xid| xid.parse().ok()).collect::<Option<_>>()?;
        Some(Self { xmin, xmax, open })
    }

    fn has_seen(&self, xid: u64) -> bool {
        xid < self.xmin || (xid < self.xmax && !self.open.contains(&xid))
    }
}

/// The epoch and the snapshot of an answer of the primary of an initialised store.
fn status(row: Option<&Row>) -> Result<(Epoch, Snapshot), FeedError> {
    let row = row.ok_or_else(|| corrupt("the server left a question unanswered"))?;
    if get(row, 0)? {
        return Err(not_primary());
    }
    let epoch: Option<String> = get(row, 2)?;
    let Some(epoch) = epoch.filter(|_| get(row, 1).unwrap_or(false)) else {
        return Err(uninitialised().into());
    };
    let snapshot = Snapshot::parse(get(row, 3)?).ok_or_else(|| corrupt("a snapshot is none"))?;
    Ok((Epoch::new(epoch), snapshot))
}

fn not_primary() -> FeedError {
    let error = standby();
    FeedError::new(FeedErrorKind::NotPrimary, error.to_string()).with_source(error)
}

fn collect(rows: &[Row], first: usize) -> Result<Changes, StoreError> {
    let mut changes = Changes::new();
    for row in rows {
        changes.extend(change(row, first)?);
    }
    Ok(changes)
}

impl Feed for PostgresStore {
    type Cursor = PostgresCursor;
    type Page = PostgresPage;

    async fn start(&self) -> Result<Start<PostgresCursor>, FeedError> {
        let inner = self.inner();
        let rows = inner.source.query(WHAT, &inner.sql.start, &[]).await?;
        let (epoch, seen) = status(rows.first())?;
        inner.listener.forget();
        Ok(Start::new(epoch.clone(), PostgresCursor { epoch, seen }))
    }

    async fn snapshot(
        &self,
        page: Option<&PostgresPage>,
    ) -> Result<Chunk<PostgresPage>, FeedError> {
        let inner = self.inner();
        let after = page.map_or(&[][..], |page| &page.0);
        let params: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
            [(&after, Type::BYTEA), (&inner.page, Type::INT8)];
        // whoever follows says how long a page may take
        let (what, sql) = ("can't read a snapshot", &inner.sql.snapshot);
        let rows = inner.source.query_patiently(what, sql, &params).await?;
        if rows.iter().map(|row| get(row, 0)).next().transpose()?.unwrap_or(false) {
            return Err(not_primary());
        }
        let changes = collect(&rows, 2)?;
        let full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= inner.page);
        Ok(match rows.last().filter(|_| full) {
            Some(last) => Chunk::new(changes, PostgresPage(get(last, 1)?)),
            None => Chunk::last(changes),
        })
    }

    async fn read(&self, after: &PostgresCursor) -> Result<Batch<PostgresCursor>, FeedError> {
        let inner = self.inner();
        let from = after.seen.xmin.to_string();
        let mut most = MOST + 1;
        loop {
            let params: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
                [(&from, Type::TEXT), (&most, Type::INT8)];
            let rows = inner.source.query(WHAT, &inner.sql.read, &params).await?;
            let (epoch, seen) = status(rows.first())?;
            if epoch != after.epoch {
                let what = "the server, its timeline or its tables are others";
                return Err(FeedError::new(FeedErrorKind::NewEpoch, what));
            }
            if seen.xmax < after.seen.xmax {
                let what = "the server is at an earlier transaction than it was";
                return Err(FeedError::new(FeedErrorKind::Diverged, what));
            }
            if i64::try_from(rows.len()).is_ok_and(|rows| rows >= most) {
                if seen.xmin > after.seen.xmin {
                    let what = "too much was written since the last read";
                    return Err(FeedError::new(FeedErrorKind::Gap, what));
                }
                // A transaction that is open for long keeps it all to be read again, and a new start would begin at
                // the same place.
                most = i64::MAX;
                continue;
            }
            // one statement sees one moment: whatever was acknowledged before it is there
            let changes = collect(&rows, 4)?;
            let reached = Position::new(seen.xmin.saturating_sub(1));
            return Ok(Batch::new(epoch.clone(), PostgresCursor { epoch, seen }, reached, changes));
        }
    }

    async fn changed(&self, after: &PostgresCursor) {
        self.inner().listener.changed(|xid| after.seen.has_seen(xid)).await;
    }

    fn reset(&self) {
        self.inner().source.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_tells_what_it_has_seen() {
        let snapshot = Snapshot::parse("10:14:10,12").unwrap();
        let seen: Vec<_> = (8..16).filter(|xid| snapshot.has_seen(*xid)).collect();
        assert_eq!(seen, [8, 9, 11, 13]);
        assert!(Snapshot::parse("10:10:").unwrap().open.is_empty());
        for text in ["", "1", "1:2", "a:2:", "1:2:x"] {
            assert!(Snapshot::parse(text).is_none(), "{text}");
        }
    }
}
