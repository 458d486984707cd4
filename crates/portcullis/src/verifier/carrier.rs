//! Issuers whose tokens come in one place of the request only, put there by a proxy.

use super::Issuer;
use crate::source::Source;

impl Issuer {
    /// Takes the tokens of this issuer from this place of the request, or from another that is added,
    /// and from no other; and tokens of no other issuer from there.
    ///
    /// A proxy such as Google's IAP or Amazon's load balancer puts its own token into its own header.
    /// The same token in `Authorization` was copied there by somebody, and another issuer's token in
    /// that header did not come from the proxy. A [`JwtLayer`](crate::JwtLayer) looks at these places
    /// without being told; elsewhere call [`Verifier::verify_from`](crate::Verifier::verify_from).
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis::{Issuer, Source};
    ///
    /// # fn main() -> Result<(), portcullis::BuildError> {
    /// let iap = Issuer::new("https://cloud.google.com/iap")
    ///     .taken_from(Source::header("x-goog-iap-jwt-assertion")?.ambient())
    ///     .audience("/projects/1/global/backendServices/2");
    /// # let _ = iap;
    /// # Ok(())
    /// # }
    /// ```
    pub fn taken_from(mut self, source: Source) -> Self {
        if !self.carriers.contains(&source) {
            self.carriers.push(source);
        }
        self
    }

    /// Takes tokens whose three parts are padded with `=`, as those of Amazon's load balancer are,
    /// against [RFC 7515 §2](https://www.rfc-editor.org/rfc/rfc7515#section-2). The signature is over the
    /// padded text. Only an issuer that is [bound to a place](Self::taken_from) can have this, together
    /// with every other that is bound to the same place.
    pub fn padded_base64(mut self) -> Self {
        self.padded = true;
        self
    }

    /// Reads `iss` and `exp` from the header as well, where Amazon's load balancer has them
    /// ([RFC 7519 §5.3](https://www.rfc-editor.org/rfc/rfc7519#section-5.3)). Where header and payload
    /// both have one, both must be good.
    pub fn claims_in_header(mut self) -> Self {
        self.claims_in_header = true;
        self
    }
}
