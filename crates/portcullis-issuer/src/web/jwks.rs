//! The public keys of an issuer, for everybody.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use tower_service::Service;

use super::{Body, document};
use crate::SigningKeys;

/// A service that answers every path with the JWK Set of an issuer
/// ([RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)): mount it where the metadata says
/// (`jwks_uri`).
///
/// It answers `GET` and `HEAD`, with an entity tag and 304 where nothing changed. Caches may keep the set
/// for half of the time for which the ring
/// [publishes a key before it signs](crate::SigningKeysBuilder::publish_before), so that nobody meets a
/// token under a key that they can't have yet. Shared secrets are never in it.
///
/// # Example
///
/// ```
/// use http::Request;
/// use portcullis::Algorithm;
/// use portcullis_issuer::{SigningKey, SigningKeys, web::JwksService};
/// use tower_service::Service as _;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = SigningKeys::new(SigningKey::generate(Algorithm::ES256)?);
/// let mut service = JwksService::new(keys);
///
/// let answer = service.call(Request::get("/jwks.json").body(())?).await?;
/// assert_eq!(answer.headers()["cache-control"], "public, max-age=1800");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct JwksService {
    keys: SigningKeys,
    max_age: Option<Duration>,
}

impl JwksService {
    /// Of these keys. It follows every rotation.
    #[must_use]
    pub fn new(keys: SigningKeys) -> Self {
        Self { keys, max_age: None }
    }

    /// Lets caches keep it for this long, where that is less than half of the time for which keys are
    /// published before they sign.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }
}

impl<B> Service<Request<B>> for JwksService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let longest = self.keys.publish_before() / 2;
        let max_age = self.max_age.map_or(longest, |max_age| max_age.min(longest));
        ready(Ok(document::answer(
            request.method(),
            request.headers(),
            "application/jwk-set+json",
            self.keys.jwk_set(),
            max_age,
        )))
    }
}
