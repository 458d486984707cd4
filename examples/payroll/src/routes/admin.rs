//! `POST /admin/rotate-key`: a new signing key.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;

use super::App;
use crate::auth::AsAdmin;
use crate::problem::Problem;

pub(super) async fn rotate_key(
    admin: AsAdmin,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Problem> {
    // Taken literally: a misspelt wish to withdraw keys must not pass for a rotation that keeps them.
    let withdraw = match query.as_deref() {
        None | Some("") => false,
        Some("revoke=true") => true,
        Some(_) => {
            let detail = "the query may be `revoke=true`, or nothing";
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        }
    };
    app.keys.rotate(withdraw).await?;
    tracing::info!(user = admin.sub, withdraw, "rotated the signing key");
    Ok(StatusCode::NO_CONTENT)
}
