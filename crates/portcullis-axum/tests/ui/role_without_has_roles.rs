//! Claims that do not say which roles their subject has.

use portcullis_axum::{Role, roles};

#[derive(serde::Deserialize)]
struct Payroll {}

roles! { Admin = "admin"; }

#[axum::debug_handler]
async fn pay(_: Role<Admin, Payroll>) {}

fn main() {}
