//! What the server answered, for the page to show: requests, statuses and reasons, and never a token.

use std::convert::Infallible;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use portcullis_axum::Rejection;
use serde::Serialize;
use tokio::sync::{broadcast, watch};
use tower_http::csrf::ProtectionError;

/// What an answer says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note(&'static str);

impl Note {
    /// For the extensions of a response.
    pub(crate) fn new(text: &'static str) -> Extension<Self> {
        Extension(Self(text))
    }
}

/// Tells everybody who listens.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    answers: broadcast::Sender<Answer>,
    stopping: watch::Receiver<bool>,
}

#[derive(Clone, Debug, Serialize)]
struct Answer {
    /// Milliseconds since 1970, as scripts count.
    time: u64,
    status: u16,
    request: String,
    why: String,
}

impl Activity {
    /// Until the service stops.
    pub(crate) fn new(stopping: watch::Receiver<bool>) -> Self {
        Self { answers: broadcast::channel(64).0, stopping }
    }
}

/// Notes what is answered, unless it is a page's file or a good look.
pub(crate) async fn record(
    State(activity): State<Activity>,
    request: Request,
    next: Next,
) -> Response {
    let look = matches!(*request.method(), Method::GET | Method::HEAD);
    let line = format!("{} {}", request.method(), request.uri().path());
    let origin = origin_of_others(&request);
    let response = next.run(request).await;
    if look && response.status().is_success() || response.status() == StatusCode::NOT_FOUND {
        return response;
    }
    let mut why = reason(&response);
    if let (false, Some(origin)) = (response.status().is_success(), origin) {
        why += &format!(" (from {})", origin.escape_debug());
    }
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    // An error means that nobody listens.
    let _ = activity.answers.send(Answer {
        time,
        status: response.status().as_u16(),
        request: line,
        why,
    });
    response
}

/// Where the request came from, if it was not the page itself.
fn origin_of_others(request: &Request) -> Option<String> {
    let origin = request.headers().get(header::ORIGIN)?;
    let host = request.headers().get(header::HOST).map_or(&b""[..], HeaderValue::as_bytes);
    let own = origin.as_bytes().strip_prefix(b"http://") == Some(host);
    (!own).then(|| String::from_utf8_lossy(origin.as_bytes()).into_owned())
}

fn reason(response: &Response) -> String {
    let extensions = response.extensions();
    if let Some(rejection) = extensions.get::<Rejection>() {
        format!("{:?}: {rejection}", rejection.kind())
    } else if let Some(error) = extensions.get::<ProtectionError>() {
        format!("CrossOrigin: {error}")
    } else if let Some(Note(text)) = extensions.get() {
        (*text).to_owned()
    } else {
        response.status().canonical_reason().unwrap_or_default().to_owned()
    }
}

/// `GET /activity`: server-sent events.
pub(crate) async fn follow(State(activity): State<Activity>) -> impl IntoResponse {
    let state = (activity.answers.subscribe(), activity.stopping);
    let events = stream::unfold(state, async |(mut answers, mut stopping)| {
        loop {
            let answer = tokio::select! {
                answer = answers.recv() => answer,
                // whether it stops or is gone
                _ = stopping.changed() => return None,
            };
            match answer {
                Ok(answer) => {
                    let event = Event::default().json_data(answer).ok()?;
                    return Some((Ok::<_, Infallible>(event), (answers, stopping)));
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
