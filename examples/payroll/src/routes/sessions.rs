//! `/me`, `/signout` and `/users/{name}/sign-out-everywhere`: the token in hand, and the end of it.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Result};
use portcullis_axum::{Jwt, JwtRejection, Verified};

use super::App;
use crate::auth::{self, Admin, SignedIn};
use crate::problem::Problem;

pub(super) async fn me(Jwt(me): SignedIn) -> impl IntoResponse {
    auth::claims(&me)
}

pub(super) async fn sign_out(Jwt(me): SignedIn, State(app): State<App>) -> Result<StatusCode> {
    app.revocations.sign_out(&me).await?;
    tracing::info!(user = me.sub, "signed out");
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn sign_out_everywhere(
    Jwt(me): SignedIn,
    State(app): State<App>,
    name: Result<Path<String>, PathRejection>,
) -> Result<StatusCode> {
    // what is not even text is nobody's name
    let name = name.map_or_else(|_| String::new(), |Path(name)| name);
    if me.sub != name {
        // who is asked for decides, so this can't stand in the signature
        Verified::require::<Admin>(&me).map_err(JwtRejection::from)?;
        if app.db.user(&name).await.map_err(Problem::from)?.is_none() {
            return Err(Problem::not_found("there is no such user").into());
        }
    }
    app.revocations.sign_out_everywhere(&name).await?;
    tracing::info!(user = name, by = me.sub, "signed out everywhere");
    Ok(StatusCode::NO_CONTENT)
}
