//! How users replace the answer to a rejection.

use std::fmt;

use bytes::Bytes;
use http::Response;

use crate::error::Rejection;

/// Builds the answer to a rejection, given the one that would be sent otherwise.
///
/// It is implemented for closures; see
/// [`JwtLayer::with_rejection_response`](crate::JwtLayer::with_rejection_response).
///
/// `standard` has the status and all headers: the challenge, `Cache-Control`, `Retry-After`. Keep
/// them and replace the body, unless you know better: a 401 without a `WWW-Authenticate` is no valid
/// answer ([RFC 9110 §15.5.2](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2)). The
/// [diagnosis](Rejection::diagnosis) of the rejection is for the log and does not belong in an answer.
pub trait ResponseForRejection: Send + Sync + 'static {
    /// The answer to send.
    fn response_for_rejection(
        &self,
        rejection: &Rejection,
        standard: Response<Bytes>,
    ) -> Response<Bytes>;
}

impl<F, T> ResponseForRejection for F
where
    F: Fn(&Rejection, Response<Bytes>) -> Response<T> + Send + Sync + 'static,
    T: Into<Bytes>,
{
    fn response_for_rejection(
        &self,
        rejection: &Rejection,
        standard: Response<Bytes>,
    ) -> Response<Bytes> {
        self(rejection, standard).map(Into::into)
    }
}

impl fmt::Debug for dyn ResponseForRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<response for rejection>")
    }
}
