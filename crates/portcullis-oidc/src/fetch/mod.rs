//! Fetching one document: the trait that users implement for a client of their own, and what holds for
//! every client: caps on bytes and time, no redirects, no compression.

#[cfg(feature = "reqwest")]
mod client;

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Buf;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use portcullis_core::BoxError;

#[cfg(feature = "reqwest")]
pub use self::client::{HttpClient, HttpClientBuilder};
use crate::error::{FetchError, FetchErrorKind};
use crate::freshness::retry_after;
use crate::url::Url;

/// An HTTP client that keys are fetched with.
///
/// It makes the request as it is given and hands the answer back as it comes. Caps on the length of
/// the body and on the time are held by the caller, which stops reading and drops the future.
///
/// # Rules
///
/// - **Redirects are not followed.** An answer of 3xx is handed back, and counts as a failure: where
///   keys come from is configured, not told by a server.
/// - The body is handed back as it was sent. It is not decompressed: a few bytes may become gigabytes.
/// - The server's certificate is checked, and for the host of the request's URL.
/// - The future may be dropped at any point.
///
/// # Example
///
/// A client for tests, which answers every request with the same document:
///
/// ```
/// use http::{Request, Response};
/// use portcullis_oidc::Fetch;
///
/// struct Fixed(&'static str);
///
/// impl Fetch for Fixed {
///     type Body = String;
///     type Error = std::convert::Infallible;
///
///     async fn fetch(&self, _: Request<()>) -> Result<Response<String>, Self::Error> {
///         Ok(Response::new(self.0.to_owned()))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a client that keys can be fetched with",
    note = "implement `portcullis_oidc::Fetch`, or use `portcullis_oidc::HttpClient`"
)]
pub trait Fetch: Send + Sync + 'static {
    /// The body of an answer. `String` will do where it is at hand; otherwise the client's own.
    type Body: Body<Data: Send, Error: Into<BoxError>> + Send + 'static;

    /// Why there is no answer.
    type Error: Into<BoxError>;

    /// Makes this request, which is a GET.
    ///
    /// # Errors
    ///
    /// If no answer could be had. An answer of whatever status is none.
    fn fetch(
        &self,
        request: Request<()>,
    ) -> impl Future<Output = Result<Response<Self::Body>, Self::Error>> + Send;
}

impl<F: Fetch> Fetch for std::sync::Arc<F> {
    type Body = F::Body;
    type Error = F::Error;

    async fn fetch(&self, request: Request<()>) -> Result<Response<Self::Body>, Self::Error> {
        (**self).fetch(request).await
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) enum Answer {
    /// 304: what was had is still right. The headers may say for how long.
    NotModified(HeaderMap),
    /// 200.
    Document(Document),
}

/// What came with status 200.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// [`Fetch`] with its types erased, and with the rules that hold for all.
pub(crate) trait FetchDocument: Send + Sync {
    /// Gets this document, unless it is the one with this entity tag.
    fn get<'a>(
        &'a self,
        url: &'a Url,
        known: Option<&'a HeaderValue>,
        caps: Caps,
    ) -> AnswerFuture<'a>;
}

pub(crate) type AnswerFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Answer, FetchError>> + Send + 'a>>;

/// What one document may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps {
    pub(crate) bytes: usize,
    /// From the request to the last byte.
    pub(crate) time: Duration,
}

impl<F: Fetch> FetchDocument for F {
    fn get<'a>(
        &'a self,
        url: &'a Url,
        known: Option<&'a HeaderValue>,
        caps: Caps,
    ) -> AnswerFuture<'a> {
        let answer = async move {
            let mut request = Request::new(());
            *request.uri_mut() = url.uri().clone();
            let headers = request.headers_mut();
            headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            if let Some(tag) = known {
                headers.insert(IF_NONE_MATCH, tag.clone());
            }
            let answer = self.fetch(request).await.map_err(|error| {
                FetchError::caused(FetchErrorKind::Transport, url, "no answer", error.into())
            })?;
            read(url, answer, known.is_some(), caps.bytes).await
        };
        Box::pin(async move {
            tokio::time::timeout(caps.time, answer).await.unwrap_or_else(|_| {
                let message = format!("no answer to its end within {:?}", caps.time);
                Err(FetchError::new(FetchErrorKind::Timeout, url, message))
            })
        })
    }
}

async fn read<B>(
    url: &Url,
    answer: Response<B>,
    conditional: bool,
    max_bytes: usize,
) -> Result<Answer, FetchError>
where
    B: Body<Error: Into<BoxError>>,
{
    let (parts, body) = answer.into_parts();
    if parts.status == StatusCode::NOT_MODIFIED && conditional {
        return Ok(Answer::NotModified(parts.headers));
    }
    if parts.status != StatusCode::OK {
        let mut message = format!("the answer is {}", parts.status.as_u16());
        if parts.status.is_redirection() {
            message += ", a redirect, and those are not followed: configure where it leads to";
        }
        return Err(FetchError::answered(url, parts.status, message, retry_after(&parts.headers)));
    }
    let mut encodings = parts.headers.get_all(CONTENT_ENCODING).iter();
    if encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let message = "the answer is compressed, which was not asked for";
        return Err(FetchError::new(FetchErrorKind::Encoding, url, message));
    }
    let too_large = || {
        let message = format!("the answer is longer than {max_bytes} bytes");
        FetchError::new(FetchErrorKind::TooLarge, url, message)
    };
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(too_large());
    }
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.map_err(|error| {
            let message = "the answer broke off";
            FetchError::caused(FetchErrorKind::Transport, url, message, error.into())
        })?;
        let Ok(mut data) = frame.into_data() else { continue };
        if data.remaining() > max_bytes - bytes.len() {
            return Err(too_large());
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            bytes.extend_from_slice(chunk);
            let read = chunk.len();
            data.advance(read);
        }
    }
    Ok(Answer::Document(Document { headers: parts.headers, body: bytes }))
}
