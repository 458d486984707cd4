//! `POST /signin`: a password for a token.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};

use super::App;
use crate::body::Body;
use crate::password::Overloaded;
use crate::problem::Problem;

/// What is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    username: String,
    password: String,
}

/// What is answered, as in RFC 6749 §5.1.
#[derive(Serialize)]
struct SignedIn {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
}

pub(super) async fn sign_in(
    State(app): State<App>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    Body(SignIn { username, password }): Body<SignIn>,
) -> Result<impl IntoResponse, Problem> {
    let place = app.passwords.queue(client.ip()).map_err(|full| match full {
        Overloaded::Queue => Problem::unavailable(&"too many sign-ins are waiting"),
        Overloaded::Address => {
            tracing::warn!(address = %client.ip(), "refused a sign-in: too many are waiting there");
            Problem::too_many(Duration::from_secs(1))
        }
    })?;
    let turn = app.slowdown.turn(&username, client.ip()).await;
    let attempt = turn.begin().map_err(|wait| {
        tracing::warn!(address = %client.ip(), "slowed a sign-in after too many failures");
        Problem::too_many(wait)
    })?;

    let user = match app.db.user(&username).await {
        // where demo users may not sign in, they are as unknown as anybody
        Ok(user) => user.filter(|user| app.demo_users || !user.demo),
        Err(error) => {
            attempt.forgive();
            return Err(error.into());
        }
    };
    let hash = user.as_ref().map(|user| user.password.clone());
    match place.verify(password, hash).await {
        Ok(true) => attempt.succeeded(),
        Ok(false) => {
            // The name is logged only if it is a user's: people type passwords in its place.
            let known = user.is_some().then_some(&*username);
            tracing::warn!(user = known, address = %client.ip(), "refused a sign-in");
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "unknown user or wrong password"));
        }
        Err(error) => {
            attempt.forgive();
            return Err(Problem::unavailable(&error));
        }
    }
    drop(place);
    let Some(user) = user else {
        // nobody's password is ever right
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "unknown user or wrong password"));
    };

    let minted = app.keys.mint(&username, &user.role, &app.revocations).await?;
    tracing::info!(user = username, address = %client.ip(), "signed in");
    let answer = SignedIn {
        expires_in: minted.expires_in(),
        token_type: "Bearer",
        access_token: minted.into_token(),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)))
}
