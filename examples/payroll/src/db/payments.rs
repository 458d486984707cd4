//! Payments: what was paid to whom, by whom, when.

use rusqlite::{OptionalExtension as _, Row, params};
use serde::Serialize;

use super::{Db, DbError};

/// A payment.
#[derive(Debug, Serialize)]
pub(crate) struct Payment {
    id: i64,
    worker_id: i64,
    amount_cents: i64,
    paid_by: String,
    /// Seconds since 1970.
    paid_at: i64,
}

impl Payment {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            worker_id: row.get(1)?,
            amount_cents: row.get(2)?,
            paid_by: row.get(3)?,
            paid_at: row.get(4)?,
        })
    }
}

impl Db {
    /// All payments, the oldest first.
    pub(crate) async fn payments(&self) -> Result<Vec<Payment>, DbError> {
        self.call(|db| {
            let sql =
                "SELECT id, worker_id, amount_cents, paid_by, paid_at FROM payments ORDER BY id";
            db.prepare_cached(sql)?.query_map([], Payment::from_row)?.collect()
        })
        .await
    }

    /// Pays a worker; `None` if there is none of that id.
    pub(crate) async fn pay(
        &self,
        worker_id: i64,
        amount_cents: i64,
        paid_by: String,
    ) -> Result<Option<Payment>, DbError> {
        self.write(move |db| {
            let sql = "INSERT INTO payments (worker_id, amount_cents, paid_by, paid_at)
                       SELECT id, ?, ?, unixepoch() FROM workers WHERE id = ?
                       RETURNING id, worker_id, amount_cents, paid_by, paid_at";
            db.prepare_cached(sql)?
                .query_row(params![amount_cents, paid_by, worker_id], Payment::from_row)
                .optional()
        })
        .await
    }
}
