//! `/payments`: what was paid.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::App;
use crate::auth::{AsAdmin, AsReader};
use crate::body::Body;
use crate::db::Payment;
use crate::problem::Problem;

pub(super) async fn list(
    _reader: AsReader,
    State(app): State<App>,
) -> Result<Json<Vec<Payment>>, Problem> {
    Ok(Json(app.db.payments().await?))
}

/// An order to pay. Money is whole cents: a fraction of one is refused with the rest of what is not
/// an integer of 64 bits.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pay {
    worker_id: i64,
    amount_cents: i64,
}

pub(super) async fn pay(
    admin: AsAdmin,
    State(app): State<App>,
    Body(Pay { worker_id, amount_cents }): Body<Pay>,
) -> Result<(StatusCode, Json<Payment>), Problem> {
    if amount_cents <= 0 {
        return Err(Problem::unprocessable("`amount_cents` must be positive"));
    }
    let payment = app.db.pay(worker_id, amount_cents, admin.sub.clone()).await?;
    let payment = payment.ok_or_else(|| Problem::unprocessable("there is no such worker"))?;
    tracing::info!(user = admin.sub, worker = worker_id, amount_cents, "paid");
    Ok((StatusCode::CREATED, Json(payment)))
}
