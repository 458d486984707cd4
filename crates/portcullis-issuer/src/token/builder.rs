//! The settings of an issuer of tokens. What makes no sense fails here, not at a sign-in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{Clock, CutoffStore, GenerationStore};

use super::TokenIssuer;
use super::issuer::Settings;
use crate::SigningKeys;
use crate::cutoff::{Cutoffs, Generations};
use crate::error::IssuerError;

/// The claims that the issuer or its builder sets.
const RESERVED: [&str; 10] =
    ["iss", "aud", "iat", "exp", "jti", "nbf", "sub", "sid", "client_id", "auth_time"];

/// What an access token must have beside what the issuer always sets (RFC 9068 §2.2).
const ACCESS_TOKEN: &[&str] = &["sub", "client_id"];

/// Settings of a [`TokenIssuer`].
#[must_use]
pub struct TokenIssuerBuilder {
    name: String,
    audiences: Vec<String>,
    keys: SigningKeys,
    clock: Option<Arc<dyn Clock>>,
    lifetime: Duration,
    typ: String,
    required: &'static [&'static str],
    client: Option<String>,
    generation_claim: String,
    fractional: bool,
    cutoffs: Option<Arc<dyn Cutoffs>>,
    generations: Option<Arc<dyn Generations>>,
    allowed: Vec<String>,
}

impl TokenIssuerBuilder {
    pub(super) fn new(name: String, keys: SigningKeys) -> Self {
        Self {
            name,
            audiences: Vec::new(),
            keys,
            clock: None,
            lifetime: Duration::from_secs(15 * 60),
            typ: "at+jwt".to_owned(),
            required: ACCESS_TOKEN,
            client: None,
            generation_claim: "gen".to_owned(),
            fractional: false,
            cutoffs: None,
            generations: None,
            allowed: Vec::new(),
        }
    }

    /// Who the tokens are for (`aud`, [RFC 7519 §4.1.3]). Call it again for a further audience.
    ///
    /// [RFC 7519 §4.1.3]: https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// How long a token lives unless it is said otherwise: 15 minutes unless set. Fractions of a second
    /// are dropped.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// The profile for access tokens ([RFC 9068]), which is the one unless another is chosen: `typ` is
    /// `at+jwt`, and a token without `sub` or `client_id` is not minted.
    ///
    /// [RFC 9068]: https://www.rfc-editor.org/rfc/rfc9068
    pub fn access_token_profile(mut self) -> Self {
        self.typ = "at+jwt".to_owned();
        self.required = ACCESS_TOKEN;
        self
    }

    /// Tokens of no profile: `typ` is `JWT`, and nothing is required beside what the issuer sets.
    pub fn plain_jwt(self) -> Self {
        self.typ("JWT")
    }

    /// Tokens of another kind than access tokens, with this `typ`, of which nothing is required beside
    /// what the issuer sets ([RFC 8725 §3.11](https://www.rfc-editor.org/rfc/rfc8725#section-3.11)).
    pub fn typ(mut self, typ: impl Into<String>) -> Self {
        self.typ = typ.into();
        self.required = &[];
        self
    }

    /// The `client_id` of tokens whose claims name none
    /// ([RFC 9068 §2.2](https://www.rfc-editor.org/rfc/rfc9068#section-2.2)): a service that signs its own
    /// users in is its own client.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client = Some(client_id.into());
        self
    }

    /// The cutoffs of subjects. [`TokenBuilder::issue_with`](super::TokenBuilder::issue_with) waits
    /// until a token escapes those that apply to it, which is at most for the rest of a second.
    pub fn cutoffs(mut self, store: impl CutoffStore) -> Self {
        self.cutoffs = Some(Arc::new(store));
        self
    }

    /// The generations of subjects.
    /// [`TokenBuilder::issue_with`](super::TokenBuilder::issue_with) writes the one that is in force
    /// into the [generation claim](Self::generation_claim), 0 where there is none.
    pub fn generations(mut self, store: impl GenerationStore) -> Self {
        self.generations = Some(Arc::new(store));
        self
    }

    /// Lets a claim of this name be, at any depth, although it sounds like a secret. See
    /// [`TokenIssuer`].
    pub fn allow_claim(mut self, name: impl Into<String>) -> Self {
        self.allowed.push(name.into());
        self
    }

    /// The claim that holds the [generation](super::TokenBuilder::generation) of the subject: `gen`
    /// unless set. A verifier must be told the same name.
    pub fn generation_claim(mut self, name: impl Into<String>) -> Self {
        self.generation_claim = name.into();
        self
    }

    /// Writes `iat` with milliseconds, so that a cutoff in the same second can tell earlier from later
    /// tokens. Claims that read `iat` as an integer can't read such a token.
    pub fn fractional_iat(mut self) -> Self {
        self.fractional = true;
        self
    }

    /// The clock that `iat` and `exp` come from: that of the keys, unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// The issuer.
    ///
    /// # Errors
    ///
    /// If there is no name or no audience, if the lifetime is below a second or above the overlap of the
    /// keys, or if the claim for the generation is one that is used otherwise. The message names the
    /// setting.
    pub fn build(self) -> Result<TokenIssuer, IssuerError> {
        if self.name.is_empty() {
            return Err(IssuerError::setting("the name of the issuer (`iss`) is empty"));
        }
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            return Err(IssuerError::setting(
                "say with `audience` who the tokens are for (RFC 8725 §3.9)",
            ));
        }
        if self.typ.is_empty() {
            return Err(IssuerError::setting("`typ` is empty"));
        }
        if self.generation_claim.is_empty() || RESERVED.contains(&&*self.generation_claim) {
            return Err(IssuerError::setting(
                "`generation_claim` is empty or the name of a claim that is used otherwise",
            ));
        }
        if self.client.as_deref() == Some("") {
            return Err(IssuerError::setting("`client_id` is empty"));
        }
        check_lifetime(self.lifetime, self.keys.overlap())?;
        let clock = self.clock.unwrap_or_else(|| self.keys.clock());
        Ok(TokenIssuer::new(Settings {
            name: self.name.into(),
            audiences: self.audiences,
            keys: self.keys,
            clock,
            lifetime: self.lifetime,
            typ: self.typ.into(),
            required: self.required,
            client: self.client,
            generation_claim: self.generation_claim.into(),
            fractional: self.fractional,
            cutoffs: self.cutoffs,
            generations: self.generations,
            allowed: self.allowed,
        }))
    }
}

/// A token that outlives its key would stop working early.
pub(super) fn check_lifetime(lifetime: Duration, overlap: Duration) -> Result<(), IssuerError> {
    if lifetime < Duration::from_secs(1) {
        return Err(IssuerError::setting("`lifetime` is below one second"));
    }
    if lifetime > overlap {
        return Err(IssuerError::setting(format!(
            "`lifetime` is {} s, and the `overlap` of the signing keys {} s: a token would outlive its \
             key after a rotation",
            lifetime.as_secs(),
            overlap.as_secs()
        )));
    }
    Ok(())
}

impl fmt::Debug for TokenIssuerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuerBuilder")
            .field("name", &self.name)
            .field("audiences", &self.audiences)
            .field("keys", &self.keys)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
