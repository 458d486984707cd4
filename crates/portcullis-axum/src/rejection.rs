//! What an extractor answers when it refuses.

use std::error::Error;
use std::fmt;

use axum_core::response::{IntoResponse, Response};
use portcullis::{Rejection, RejectionKind};

/// Why an extractor refused. As a response it is left to the [`JwtLayer`](crate::JwtLayer) to render.
///
/// A handler may return it as well, for what only the handler can decide:
///
/// ```
/// use portcullis_axum::{Jwt, JwtRejection, RejectionKind};
///
/// # #[derive(serde::Deserialize)] struct Payroll { department: u32 }
/// async fn department(Jwt(me): Jwt<Payroll>) -> Result<String, JwtRejection> {
///     if me.department != 7 {
///         return Err(RejectionKind::CheckFailed.into());
///     }
///     Ok("welcome".into())
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::get(department));
/// ```
#[derive(Clone, Debug)]
pub struct JwtRejection(Rejection);

impl JwtRejection {
    /// What kind of rejection it is.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        self.0.kind()
    }

    /// The rejection, with its diagnosis for the log.
    #[must_use]
    pub const fn rejection(&self) -> &Rejection {
        &self.0
    }
}

impl From<Rejection> for JwtRejection {
    fn from(rejection: Rejection) -> Self {
        Self(rejection)
    }
}

impl From<RejectionKind> for JwtRejection {
    fn from(kind: RejectionKind) -> Self {
        Self(kind.into())
    }
}

impl From<JwtRejection> for Rejection {
    fn from(rejection: JwtRejection) -> Self {
        rejection.0
    }
}

impl IntoResponse for JwtRejection {
    fn into_response(self) -> Response {
        self.0.into_refusal()
    }
}

impl fmt::Display for JwtRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for JwtRejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_text_and_source_are_those_of_the_rejection() {
        let rejection =
            Rejection::new(RejectionKind::CheckFailed).with_source("the ledger is shut");
        let wrapped = JwtRejection::from(rejection.clone());
        assert_eq!(wrapped.to_string(), rejection.to_string());
        assert!(wrapped.to_string().contains("does not permit this"), "{wrapped}");
        assert_eq!(wrapped.source().unwrap().to_string(), "the ledger is shut");
        assert!(JwtRejection::from(RejectionKind::CheckFailed).source().is_none());
    }
}
