//! A store in place of the rule around it.

use portcullis_axum::{AccessClaims, DenylistStore, JwtLayer, Target, Verifier};

struct SignedOut;
impl DenylistStore for SignedOut {
    type Error = std::io::Error;

    async fn is_denied(&self, _: &Target<'_>) -> Result<bool, Self::Error> {
        Ok(false)
    }
}

fn layer(verifier: Verifier<AccessClaims>) {
    let _ = JwtLayer::new(verifier).with_revocation(SignedOut);
}

fn main() {}
