//! The request for a token: a form, read strictly and within a limit.

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::pin;

use bytes::Buf;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request};
use http_body::Body;

use super::answer::Refusal;

/// How long a request may be. Two assertions of the usual size take an eighth of it.
const LONGEST: usize = 32 * 1024;

/// The parameters of a request ([RFC 6749 §3.2](https://www.rfc-editor.org/rfc/rfc6749#section-3.2)).
pub(super) struct Form {
    parameters: Vec<(String, String)>,
}

impl Form {
    /// Reads a request to its end.
    pub(super) async fn read<B: Body>(request: Request<B>) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        if parts.method != Method::POST {
            return Err(Refusal::method());
        }
        if !is_form(&parts.headers) {
            return Err(Refusal::request("the request is no application/x-www-form-urlencoded"));
        }
        if let Some(credential) = parts.headers.get(AUTHORIZATION) {
            // RFC 6749 §5.2: the answer names the scheme that the client used
            let scheme = credential.as_bytes().split(|b| *b == b' ').next().unwrap_or_default();
            return Err(Refusal::scheme(scheme.eq_ignore_ascii_case(b"Basic")));
        }
        let body = read_body(body).await?;
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(&body) {
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(Refusal::request("a parameter is there twice"));
            }
            parameters.push((Cow::into_owned(name), Cow::into_owned(value)));
        }
        Ok(Self { parameters })
    }

    /// A parameter. One without a value counts as left out.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let essence = only.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

async fn read_body<B: Body>(body: B) -> Result<Vec<u8>, Refusal> {
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        // whoever broke off hears no answer
        let frame = frame.map_err(|_| Refusal::request("the request broke off"))?;
        let Ok(mut data) = frame.into_data() else { continue };
        if data.remaining() > LONGEST - bytes.len() {
            return Err(Refusal::too_large());
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            bytes.extend_from_slice(chunk);
            let length = chunk.len();
            data.advance(length);
        }
    }
    Ok(bytes)
}
