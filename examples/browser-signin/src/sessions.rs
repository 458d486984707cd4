//! Sessions: signing in, renewing, signing out, and the two cookies that carry them.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::AppendHeaders;
use axum::{Extension, Json};
use portcullis_axum::{Algorithm, Clock as _, Jwt, JwtLayer, MemoryStore, SystemClock, Verified};
use portcullis_issuer::refresh::{
    Grant, MemoryRefreshStore, RefreshError, RefreshErrorKind, RefreshTokens, Session,
};
use portcullis_issuer::{SessionCookie, SigningKey, SigningKeys, TokenIssuer};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::activity::Note;
use crate::auth::{self, AUDIENCE, ISSUER, REFRESH, Rule, SESSION, SignedIn, User};
use crate::limits::Limits;
use crate::passwords::Users;
use crate::problem::Problem;

/// How long a session may go on without a new sign-in.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);
/// How long it may lie idle.
const IDLE: Duration = Duration::from_secs(60 * 60);
/// How long a name or a password may be, in bytes.
const LONGEST_INPUT: usize = 128;

/// What a request about a session comes back with: a status, a note for the page's list, and both cookies.
type Answer = (StatusCode, Extension<Note>, AppendHeaders<[(HeaderName, HeaderValue); 2]>);

/// Everything that makes and ends sessions.
#[derive(Clone)]
pub(crate) struct Sessions {
    issuer: TokenIssuer,
    sessions: RefreshTokens<MemoryRefreshStore, MemoryStore, Rule>,
    revoked: MemoryStore,
    token: SessionCookie,
    refresh_token: SessionCookie,
    lifetime: Duration,
    forgers: SocketAddr,
}

impl Sessions {
    /// With a key of its own, which ends with the program.
    pub(crate) fn new(
        lifetime: Duration,
        forgers: SocketAddr,
        revoked: MemoryStore,
    ) -> anyhow::Result<Self> {
        let keys = SigningKeys::from(SigningKey::generate(Algorithm::ES256)?);
        let issuer = TokenIssuer::builder(ISSUER, keys)
            .audience(AUDIENCE)
            .client_id(AUDIENCE)
            .lifetime(lifetime)
            .build()?;
        let sessions = RefreshTokens::builder(ISSUER, MemoryRefreshStore::new(), revoked.clone())
            .lifetime(LONGEST)
            .idle(IDLE)
            .revocation(auth::rule(revoked.clone()))
            .build()?;
        let token = SessionCookie::new(SESSION)?;
        let refresh_token = SessionCookie::new(REFRESH)?.strict();
        Ok(Self { issuer, sessions, revoked, token, refresh_token, lifetime, forgers })
    }

    /// The layer that checks the tokens.
    pub(crate) fn layer(&self) -> anyhow::Result<JwtLayer<User, Rule>> {
        let keys = self.issuer.keys().verification_keys();
        Ok(auth::layer(keys, self.lifetime, auth::rule(self.revoked.clone()))?)
    }

    /// An answer with a new token of this session.
    fn answer(&self, note: &'static str, session: &Session) -> Result<Answer, Problem> {
        let family = session.family();
        let user = User {
            sub: family.subject().to_owned(),
            roles: family.data().map(str::to_owned).into_iter().collect(),
        };
        let token = self.issuer.token(&user).session(family.session());
        let minted = token.mint().map_err(Problem::unavailable)?;
        let token = self.token.set(minted.token(), self.lifetime).map_err(Problem::unavailable)?;
        let refresh =
            self.refresh_token.set(session.token(), IDLE).map_err(Problem::unavailable)?;
        Ok(answer(note, [token, refresh]))
    }

    /// An answer that makes the browser forget both.
    fn cleared(&self, note: &'static str) -> Answer {
        answer(note, [self.token.clear(), self.refresh_token.clear()])
    }
}

fn answer(note: &'static str, cookies: [HeaderValue; 2]) -> Answer {
    let cookies = cookies.map(|cookie| (SET_COOKIE, cookie));
    (StatusCode::NO_CONTENT, Note::new(note), AppendHeaders(cookies))
}

/// What is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    username: String,
    password: String,
}

/// `POST /session`
pub(crate) async fn sign_in(
    State(app): State<Sessions>,
    State(users): State<Users>,
    State(limits): State<Limits>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    Json(SignIn { username, password }): Json<SignIn>,
) -> Result<Answer, Problem> {
    if username.len() > LONGEST_INPUT || password.len() > LONGEST_INPUT {
        return Err(Problem::unprocessable("a name and a password of at most 128 bytes"));
    }
    limits.attempt(client.ip(), &username).map_err(Problem::too_many)?;
    let role = users.role(&username, password).await.map_err(Problem::unavailable)?;
    let role = role.ok_or(Problem::unauthorized("unknown name or wrong password"))?;

    // Whoever has just signed out everywhere waits for the next second.
    let waited = app.issuer.wait_past_cutoff(&app.revoked, &username).await;
    waited.map_err(Problem::unavailable)?;
    let grant = Grant::new(username).data(role);
    let session = app.sessions.begin(grant).await.map_err(Problem::unavailable)?;
    app.answer("signed in", &session)
}

/// `POST /session/refresh`
pub(crate) async fn refresh(
    State(app): State<Sessions>,
    headers: HeaderMap,
) -> Result<Answer, Problem> {
    let token = app.refresh_token.read(&headers);
    let token = token.ok_or(Problem::unauthorized("nobody is signed in"))?;
    let session = app.sessions.rotate(token).await.map_err(refused)?;
    app.answer("renewed: the token was over, the session goes on", &session)
}

/// `DELETE /session`: works with a token that is over, too.
pub(crate) async fn sign_out(
    State(app): State<Sessions>,
    headers: HeaderMap,
) -> Result<Answer, Problem> {
    if let Some(token) = app.refresh_token.read(&headers) {
        app.sessions.end(token).await.map_err(Problem::unavailable)?;
    }
    Ok(app.cleared("signed out: this session is denied"))
}

/// `DELETE /sessions`
pub(crate) async fn sign_out_everywhere(
    State(app): State<Sessions>,
    Jwt(me): SignedIn,
) -> Result<Answer, Problem> {
    app.sessions.end_all(&me.sub).await.map_err(Problem::unavailable)?;
    Ok(app.cleared("signed out everywhere: every token issued until now is refused"))
}

/// Why it was refused is for the log; the page gets to know that it was.
fn refused(error: RefreshError) -> Problem {
    match error.kind() {
        RefreshErrorKind::Unavailable => Problem::unavailable(error),
        kind => {
            tracing::warn!(?kind, "refused to renew a session");
            Problem::unauthorized("the session is over")
        }
    }
}

/// `GET /api/me`: who is signed in, and what the page shows of it. The signature stays here: with it, script would
/// have the token after all.
pub(crate) async fn show(
    State(app): State<Sessions>,
    Jwt(me): SignedIn,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let token = app.token.read(&headers).unwrap_or_default();
    let parts: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return Err(Problem::unavailable("the layer let a token pass that is none"));
    };
    let left = Verified::expires_at(&me).map(|exp| exp.saturating_since(SystemClock::new().now()));
    let (stranger, neighbour) = (app.forgers, app.forgers.port());
    Ok(Json(json!({
        "user": me.sub,
        "roles": me.roles,
        "expires_in_ms": left.map(|left| left.as_millis() as u64),
        "lifetime_ms": app.lifetime.as_millis() as u64,
        "token": { "header": header, "payload": payload, "signature_length": signature.len() },
        "cookies": [
            { "name": SESSION, "attributes": ["HttpOnly", "Secure", "SameSite=Lax", "this host only"] },
            { "name": REFRESH, "attributes": ["HttpOnly", "Secure", "SameSite=Strict", "this host only", "works once"] },
        ],
        // The same server under two names: another site, and a neighbour on this one.
        "forgers": {
            "stranger": format!("http://{stranger}/"),
            "neighbour": format!("http://localhost:{neighbour}/"),
        },
    })))
}
