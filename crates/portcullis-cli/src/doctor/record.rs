//! A client that remembers what it fetched: what is judged is what a verifier gets to see.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use portcullis::{BoxError, Clock as _, SystemClock, Timestamp};
use portcullis_oidc::{Fetch, HttpClient};

/// The most of a document that is read: a verifier reads no more either.
const LIMIT: usize = 1024 * 1024;

/// A document that was fetched.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// By this machine's clock, when the answer began.
    pub(super) at: Timestamp,
}

#[derive(Clone)]
pub(super) struct Recorder {
    client: HttpClient,
    documents: Arc<Mutex<Vec<Document>>>,
}

impl Recorder {
    pub(super) fn new(client: HttpClient) -> Self {
        Self { client, documents: Arc::default() }
    }

    /// Those of status 200, in order: the metadata, then the keys.
    pub(super) fn documents(&self) -> Vec<Document> {
        // what is in there is whole, whoever panicked
        self.documents.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Fetch for Recorder {
    type Body = Full<Bytes>;
    type Error = BoxError;

    async fn fetch(&self, request: Request<()>) -> Result<Response<Full<Bytes>>, BoxError> {
        let response = self.client.fetch(request).await?;
        let at = SystemClock::new().now();
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, LIMIT).collect().await?.to_bytes();
        if parts.status == 200 {
            let document = Document { headers: parts.headers.clone(), body: body.clone(), at };
            self.documents.lock().unwrap_or_else(PoisonError::into_inner).push(document);
        }
        Ok(Response::from_parts(parts, Full::new(body)))
    }
}
