//! A role that is only a type.

use portcullis_axum::{AccessClaims, Role};

struct Admin;

#[axum::debug_handler]
async fn pay(_: Role<Admin, AccessClaims>) {}

fn main() {}
