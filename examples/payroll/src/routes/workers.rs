//! `/workers`: who is paid.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Deserialize;

use super::App;
use crate::auth::{AsAdmin, AsReader};
use crate::body::Body;
use crate::db::{Change, Worker};
use crate::problem::Problem;

const MAX_NAME: usize = 200;

pub(super) async fn list(
    _reader: AsReader,
    State(app): State<App>,
) -> Result<Json<Vec<Worker>>, Problem> {
    Ok(Json(app.db.workers().await?))
}

/// What is to change; what is not named stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeWorker {
    name: Option<String>,
    salary_cents: Option<i64>,
}

impl ChangeWorker {
    fn validate(self) -> Result<Change, Problem> {
        let Self { name, salary_cents } = self;
        if name.is_none() && salary_cents.is_none() {
            return Err(Problem::unprocessable("give a `name`, `salary_cents` or both"));
        }
        let name = name.map(|name| name.trim().to_owned());
        if let Some(name) = &name
            && (name.is_empty()
                || name.chars().count() > MAX_NAME
                || name.contains(char::is_control))
        {
            let detail = format!("`name` must be 1 to {MAX_NAME} characters on one line");
            return Err(Problem::unprocessable(detail));
        }
        if salary_cents.is_some_and(|cents| cents < 0) {
            return Err(Problem::unprocessable("`salary_cents` must not be negative"));
        }
        Ok(Change { name, salary_cents })
    }
}

pub(super) async fn change(
    admin: AsAdmin,
    State(app): State<App>,
    id: Result<Path<i64>, PathRejection>,
    Body(change): Body<ChangeWorker>,
) -> Result<Json<Worker>, Problem> {
    let change = change.validate()?;
    let unknown = || Problem::not_found("there is no such worker");
    // what is no number is no worker's id either
    let Path(id) = id.map_err(|_| unknown())?;
    let worker = app.db.change_worker(id, change).await?.ok_or_else(unknown)?;
    tracing::info!(user = admin.sub, worker = id, "changed a worker");
    Ok(Json(worker))
}
