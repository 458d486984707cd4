//! The issuer of tokens: what all of them have in common.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{Clock, Timestamp};
use serde::Serialize;

use super::{Minted, TokenBuilder, TokenIssuerBuilder};
use crate::SigningKeys;
use crate::cutoff::{Cutoffs, Generations};
use crate::error::IssuerError;
use crate::header::quoted;

/// Mints tokens: it sets `iss`, `aud`, `iat`, `exp` and `jti`, the user's claims follow. Clones share
/// the settings.
///
/// They are access tokens ([RFC 9068]) unless [another kind](TokenIssuerBuilder::typ) is chosen: `typ` is
/// `at+jwt`, `sub` and `client_id` are required. `jti` is 128 random bits. `iat` is rounded down to the
/// second and never later than now. A claim that the issuer sets can't be set by the claims too: that is
/// an error, so that no member is ever there twice.
///
/// A payload is signed and not encrypted: whoever sees the token reads it. So a claim whose name says
/// that it is a secret (`password`, `client_secret`, `apiKey`, … at any depth), a private JWK and a
/// private key in PEM are errors, unless [allowed by name](TokenIssuerBuilder::allow_claim). A token of
/// more than 4096 bytes is logged as a warning, since cookies and many proxies take no more.
///
/// To let somebody sign in again within the second of a sign-out, name the
/// [cutoffs](TokenIssuerBuilder::cutoffs) and [issue](TokenBuilder::issue_with) instead of minting.
///
/// # Example
///
/// ```
/// use portcullis::{Algorithm, jws};
/// use portcullis_issuer::{SigningKey, SigningKeys, TokenIssuer};
///
/// #[derive(serde::Serialize)]
/// struct Payroll<'a> { sub: &'a str, roles: &'a [&'a str] }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = SigningKeys::new(SigningKey::generate(Algorithm::ES256)?);
/// let issuer = TokenIssuer::builder("https://payroll.example.com", keys.clone())
///     .audience("payroll")
///     .client_id("payroll-web")
///     .build()?;
/// let minted = issuer.mint(&Payroll { sub: "bob", roles: &["reader"] })?;
///
/// assert!(jws::verify(minted.token(), &keys.verification_keys()).is_ok());
/// # Ok(())
/// # }
/// ```
///
/// [RFC 9068]: https://www.rfc-editor.org/rfc/rfc9068
#[derive(Clone)]
pub struct TokenIssuer {
    settings: Arc<Settings>,
}

pub(super) struct Settings {
    pub(super) name: Box<str>,
    pub(super) audiences: Vec<String>,
    pub(super) keys: SigningKeys,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) lifetime: Duration,
    pub(super) typ: Box<str>,
    pub(super) required: &'static [&'static str],
    pub(super) client: Option<String>,
    pub(super) generation_claim: Box<str>,
    pub(super) fractional: bool,
    pub(super) cutoffs: Option<Arc<dyn Cutoffs>>,
    pub(super) generations: Option<Arc<dyn Generations>>,
    pub(super) allowed: Vec<String>,
}

impl Settings {
    /// `iat`: never later than now, or a cutoff that follows in the same second would miss the token.
    pub(super) fn issued_at(&self, now: Timestamp) -> Timestamp {
        if self.fractional {
            Timestamp::from_millis(now.as_millis())
        } else {
            Timestamp::from_secs(now.as_secs())
        }
    }

    /// One audience is a string, several are an array (RFC 7519 §4.1.3).
    pub(super) fn audience_json(&self, instead: &[&str]) -> String {
        let ours = || self.audiences.iter().map(String::as_str).collect();
        let audiences: Vec<&str> = if instead.is_empty() { ours() } else { instead.to_vec() };
        match audiences.as_slice() {
            [one] => quoted(one),
            several => serde_json::Value::from(several).to_string(),
        }
    }
}

impl TokenIssuer {
    /// An issuer of this name (`iss`) that signs with these keys. Say the
    /// [audience](TokenIssuerBuilder::audience) next.
    pub fn builder(name: impl Into<String>, keys: impl Into<SigningKeys>) -> TokenIssuerBuilder {
        TokenIssuerBuilder::new(name.into(), keys.into())
    }

    pub(super) fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings) }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Mints a token of these claims.
    ///
    /// # Errors
    ///
    /// If the claims are no JSON object, collide with what the issuer sets, lack what the kind of token
    /// requires or hold an obvious secret, or if the cryptography fails.
    pub fn mint<C: Serialize>(&self, claims: &C) -> Result<Minted, IssuerError> {
        self.token(claims).mint()
    }

    /// A token of these claims, of which more is to be said.
    ///
    /// # Example
    ///
    /// ```
    /// # use portcullis::Algorithm;
    /// # use portcullis_issuer::{SigningKey, TokenIssuer};
    /// use std::time::Duration;
    ///
    /// # #[derive(serde::Serialize)]
    /// # struct Roles { roles: Vec<String> }
    /// # fn main() -> Result<(), portcullis_issuer::IssuerError> {
    /// # let key = SigningKey::generate(Algorithm::EdDSA)?;
    /// # let issuer = TokenIssuer::builder("https://a.example", key).audience("api").client_id("web").build()?;
    /// # let roles = Roles { roles: vec![] };
    /// let minted =
    ///     issuer.token(&roles).subject("bob").session("s-17").lifetime(Duration::from_secs(60)).mint()?;
    /// assert!(minted.expires_in() <= 60);
    /// # Ok(())
    /// # }
    /// ```
    pub fn token<'a, C: Serialize>(&'a self, claims: &'a C) -> TokenBuilder<'a, C> {
        TokenBuilder::new(self, claims)
    }

    /// `iss`: the name of the issuer.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// The keys that it signs with.
    #[must_use]
    pub fn keys(&self) -> &SigningKeys {
        &self.settings.keys
    }

    /// How long a token lives unless it is said otherwise.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.settings.lifetime
    }

    /// The audiences of a token unless it is said otherwise.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        self.settings.audiences.iter().map(String::as_str)
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.settings.clock
    }
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuer")
            .field("name", &self.settings.name)
            .field("audiences", &self.settings.audiences)
            .field("keys", &self.settings.keys)
            .field("lifetime", &self.settings.lifetime)
            .field("typ", &self.settings.typ)
            .finish_non_exhaustive()
    }
}
