//! The settings of an issuer that are about single claims.

use super::{ClaimPath, Issuer};
use crate::claims::{ClaimRule, ClaimValue};

impl Issuer {
    /// A claim that must have one of certain values. Rules are applied in their order, after the
    /// issuer and before everything else.
    pub fn check_claim(mut self, rule: ClaimRule) -> Self {
        self.claim_names.rules.push(rule);
        self
    }

    /// A parameter of the header that must have one of certain values, such as the `signer` of Amazon's
    /// load balancer. The header is signed as much as the payload is.
    pub fn check_header(mut self, rule: ClaimRule) -> Self {
        self.header_rules.push(rule);
        self
    }

    /// A claim that says whom a token is for, where an issuer leaves out `aud`: `client_id` with
    /// Cognito, `azp` with Clerk. It must be one of these, and `aud` may be missing; an `aud` that is
    /// there must name us all the same ([RFC 7519 §4.1.3](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3)).
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis::Issuer;
    ///
    /// let issuer = Issuer::new("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example")
    ///     .audience_claim("client_id", ["1example23456789"]);
    /// # let _ = issuer;
    /// ```
    pub fn audience_claim<V: Into<ClaimValue>>(
        mut self,
        path: impl Into<ClaimPath>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        self.stands_in = true;
        self.check_claim(ClaimRule::one_of(path, values).about_audience())
    }

    /// As [`audience_claim`](Self::audience_claim), for a parameter of the header: `client` with
    /// Amazon's load balancer.
    pub fn audience_header<V: Into<ClaimValue>>(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        self.stands_in = true;
        self.check_header(ClaimRule::one_of(name, values).about_audience())
    }

    /// The claim that identifies a token, where an issuer has another name for `jti`. A token without
    /// it is known by its fingerprint.
    pub fn token_id_claim(mut self, name: impl Into<String>) -> Self {
        self.claim_names.token_id = Some(name.into().into());
        self
    }

    /// The claim that identifies a session, where an issuer has another name for `sid`.
    pub fn session_claim(mut self, name: impl Into<String>) -> Self {
        self.claim_names.session = Some(name.into().into());
        self
    }

    /// The claim that names the client, where it is neither `client_id` nor `azp`: `cid` with Okta,
    /// `appid` with Entra's v1.0 tokens. The usual two then do not count.
    pub fn client_claim(mut self, name: impl Into<String>) -> Self {
        self.claim_names.client = Some(name.into().into());
        self
    }

    /// The claim that holds the subject's generation, for
    /// [`MinGeneration`](crate::MinGeneration): a whole number.
    pub fn generation_claim(mut self, name: impl Into<String>) -> Self {
        self.claim_names.generation = Some(name.into().into());
        self
    }

    /// An object of claims that the subject can write himself, as `user_metadata` is with Supabase. Roles
    /// and scopes can't be taken from it, and a token that is refused for want of them is explained if it
    /// claims some there.
    pub fn self_asserted(mut self, name: impl Into<String>) -> Self {
        self.claim_names.self_asserted.push(name.into().into());
        self
    }
}
