//! The verifier: from the text of a token to an [`Authentic`] one.

use std::marker::PhantomData;
use std::sync::Arc;

use portcullis_core::Assertable;

use crate::Authentic;
use crate::error::Rejection;

/// stub
#[derive(Debug)]
pub struct Issuer;
/// stub
#[derive(Debug)]
pub struct VerifierBuilder;

/// stub
#[derive(Debug)]
pub struct Verifier<C = ()>(PhantomData<fn() -> C>);

impl<C: serde::de::DeserializeOwned + Send + Sync + 'static> Verifier<C> {
    /// Verifies a token.
    pub fn verify(&self, token: &str) -> Result<Authentic<C>, Rejection> {
        let _ = token;
        Err(crate::RejectionKind::MalformedToken.into())
    }
}

pub(crate) struct TrustedIssuer;

impl TrustedIssuer {
    pub(crate) fn name(&self) -> &str {
        ""
    }
    pub(crate) fn assertable(&self) -> &Assertable {
        unreachable!()
    }
}
#[allow(dead_code)]
type X = Arc<()>;
