//! Workers: who is paid.

use rusqlite::{OptionalExtension as _, Row, params};
use serde::Serialize;

use super::{Db, DbError};

/// A worker.
#[derive(Debug, Serialize)]
pub(crate) struct Worker {
    id: i64,
    name: String,
    salary_cents: i64,
}

impl Worker {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(0)?, name: row.get(1)?, salary_cents: row.get(2)? })
    }
}

/// What is to be different about a worker.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) name: Option<String>,
    pub(crate) salary_cents: Option<i64>,
}

impl Db {
    /// All workers.
    pub(crate) async fn workers(&self) -> Result<Vec<Worker>, DbError> {
        self.call(|db| {
            db.prepare_cached("SELECT id, name, salary_cents FROM workers ORDER BY id")?
                .query_map([], Worker::from_row)?
                .collect()
        })
        .await
    }

    /// Changes a worker; `None` if there is none of that id.
    pub(crate) async fn change_worker(
        &self,
        id: i64,
        change: Change,
    ) -> Result<Option<Worker>, DbError> {
        self.write(move |db| {
            let sql = "UPDATE workers
                       SET name = coalesce(?, name), salary_cents = coalesce(?, salary_cents)
                       WHERE id = ?
                       RETURNING id, name, salary_cents";
            db.prepare_cached(sql)?
                .query_row(params![change.name, change.salary_cents, id], Worker::from_row)
                .optional()
        })
        .await
    }
}
