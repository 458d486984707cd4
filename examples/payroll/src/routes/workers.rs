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
                || name.contains(breaks_the_line))
        {
            let detail = format!(
                "`name` must be 1 to {MAX_NAME} characters on one line, without control characters"
            );
            return Err(Problem::unprocessable(detail));
        }
        if salary_cents.is_some_and(|cents| cents < 0) {
            return Err(Problem::unprocessable("`salary_cents` must not be negative"));
        }
        Ok(Change { name, salary_cents })
    }
}

/// What makes a name read as something else than it is: control characters, the separators of lines and
/// paragraphs, and the controls that turn the direction of the text after them (Unicode Standard
/// Annex #9, §2), by which a name can show the amount beside it in another order. A name in Arabic or
/// Hebrew needs none of them.
fn breaks_the_line(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{2028}' | '\u{2029}'
            | '\u{061C}' | '\u{200E}' | '\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2066}'..='\u{2069}')
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
