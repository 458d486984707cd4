//! What is worth protecting: an account, and who may pay from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::State;
use axum::{Extension, Form, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::activity::Note;
use crate::auth::{AsAdmin, SignedIn};
use crate::problem::Problem;

/// What is in the account, in cents.
#[derive(Clone, Debug)]
pub(crate) struct Account(Arc<AtomicU32>);

impl Account {
    /// With a thousand dollars.
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU32::new(100_000)))
    }
}

/// `GET /api/account`
pub(crate) async fn show(State(account): State<Account>, _: SignedIn) -> Json<Value> {
    Json(json!({ "balance_cents": account.0.load(Ordering::Relaxed) }))
}

/// What is asked. A plain form can send it: that is what makes it worth forging.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Payment {
    amount_cents: u32,
}

/// `POST /api/payments`
pub(crate) async fn pay(
    State(account): State<Account>,
    admin: AsAdmin,
    Form(Payment { amount_cents }): Form<Payment>,
) -> Result<(Extension<Note>, Json<Value>), Problem> {
    let paid = |balance: u32| balance.checked_sub(amount_cents).filter(|_| amount_cents > 0);
    let balance = account
        .0
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, paid)
        .map_err(|_| Problem::unprocessable("an amount above zero, and no more than there is"))?;
    tracing::info!(user = admin.sub, amount_cents, "paid");
    Ok((Note::new("paid"), Json(json!({ "balance_cents": balance - amount_cents }))))
}
