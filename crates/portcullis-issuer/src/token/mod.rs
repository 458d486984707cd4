//! Minting: typed claims in, a signed token out.

mod builder;
mod claims;
mod issue;
mod issuer;
mod secrets;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::Timestamp;
use serde::Serialize;

pub use builder::TokenIssuerBuilder;
pub use issuer::TokenIssuer;

use self::claims::Written;
use crate::JwsHeader;
use crate::error::IssuerError;
use crate::header::quoted;

/// The size of a cookie that every browser takes (RFC 6265bis §5.6), and of what is left for one header
/// in the default limits of most proxies.
const LARGE: usize = 4096;

/// A token that is about to be minted, for what differs from one token to the next. See
/// [`TokenIssuer::token`].
#[derive(Debug)]
#[must_use = "nothing is minted until `mint`"]
pub struct TokenBuilder<'a, C> {
    issuer: &'a TokenIssuer,
    claims: &'a C,
    subject: Option<&'a str>,
    client: Option<&'a str>,
    session: Option<&'a str>,
    audiences: Vec<&'a str>,
    authenticated_at: Option<Timestamp>,
    generation: Option<u64>,
    not_before: Option<Timestamp>,
    lifetime: Option<Duration>,
}

impl<'a, C: Serialize> TokenBuilder<'a, C> {
    fn new(issuer: &'a TokenIssuer, claims: &'a C) -> Self {
        Self {
            issuer,
            claims,
            subject: None,
            client: None,
            session: None,
            audiences: Vec::new(),
            authenticated_at: None,
            generation: None,
            not_before: None,
            lifetime: None,
        }
    }

    /// With this `sub`, where the claims have none of their own.
    pub fn subject(mut self, subject: &'a str) -> Self {
        self.subject = Some(subject);
        self
    }

    /// With this `client_id`, where the claims have none of their own.
    pub fn client_id(mut self, client_id: &'a str) -> Self {
        self.client = Some(client_id);
        self
    }

    /// For this audience instead of the issuer's. Call it again for a further one.
    pub fn audience(mut self, audience: &'a str) -> Self {
        self.audiences.push(audience);
        self
    }

    /// With this `auth_time`: when the subject proved who it is, which a refreshed token remembers.
    /// Fractions of a second are dropped.
    pub fn authenticated_at(mut self, time: Timestamp) -> Self {
        self.authenticated_at = Some(Timestamp::from_secs(time.as_secs()));
        self
    }

    /// With this `sid`: the session that the token belongs to.
    pub fn session(mut self, session: &'a str) -> Self {
        self.session = Some(session);
        self
    }

    /// With the generation of the subject, in the claim that
    /// [`generation_claim`](TokenIssuerBuilder::generation_claim) names.
    pub fn generation(mut self, generation: u64) -> Self {
        self.generation = Some(generation);
        self
    }

    /// With this `nbf`: the token is not good before.
    pub fn not_before(mut self, not_before: Timestamp) -> Self {
        self.not_before = Some(not_before);
        self
    }

    /// With another lifetime than the issuer's. It can be shorter, and it can be longer as far as the
    /// overlap of the keys allows.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Signs it.
    ///
    /// # Errors
    ///
    /// If the claims are no JSON object, collide with what the issuer sets, lack what the kind of token
    /// requires or hold an obvious secret, if the lifetime is out of range, or if the cryptography
    /// fails.
    pub fn mint(self) -> Result<Minted, IssuerError> {
        let claims = Written::new(self.claims)?;
        self.mint_written(&claims)
    }

    fn mint_written(self, claims: &Written) -> Result<Minted, IssuerError> {
        let settings = self.issuer.settings();
        let lifetime = self.lifetime.unwrap_or(settings.lifetime);
        builder::check_lifetime(lifetime, settings.keys.overlap())?;
        // the time before the key: a key retires after it was taken, so never before this `iat`, and
        // verifies until this token is over
        let now = settings.clock.now();
        let key = settings.keys.current();
        let issued_at = settings.issued_at(now);
        // whole seconds, so that the token never lives longer than its lifetime
        let expires_at = Timestamp::from_secs(now.as_secs())
            .saturating_add(Duration::from_secs(lifetime.as_secs()));
        let id = random_id()?;

        let mut policy: claims::Policy<'_> = vec![
            ("iss".into(), quoted(&settings.name)),
            ("aud".into(), settings.audience_json(&self.audiences)),
            ("iat".into(), issued_at.to_string()),
            ("exp".into(), expires_at.to_string()),
            ("jti".into(), quoted(&id)),
        ];
        let generation = self.generation.map(|generation| generation.to_string());
        for (name, value) in [
            ("sub", self.subject.map(quoted)),
            ("client_id", self.client.map(quoted)),
            ("sid", self.session.map(quoted)),
            ("auth_time", self.authenticated_at.map(|time| time.to_string())),
            ("nbf", self.not_before.map(|time| time.to_string())),
            (&*settings.generation_claim, generation),
        ] {
            policy.extend(value.map(|value| (Cow::Borrowed(name), value)));
        }
        let client = settings.client.as_deref();
        let payload = claims::payload(policy, claims, client, settings.required)?;
        secrets::refuse(&payload, &settings.allowed)?;
        let token = key.sign(&JwsHeader::new().with_typ(&*settings.typ), payload)?;
        if token.len() > LARGE {
            tracing::warn!(
                target: "portcullis",
                bytes = token.len(),
                jti = %id,
                "a token is larger than 4096 bytes: cookies and many proxies take no more"
            );
        }
        Ok(Minted { token, id, issued_at, expires_at })
    }
}

/// A token, and what is to be remembered of it.
///
/// `Debug` does not show the token: whoever has it may use it.
#[derive(Clone, PartialEq, Eq)]
pub struct Minted {
    token: String,
    id: String,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl Minted {
    /// The token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The token, taken out.
    #[must_use]
    pub fn into_token(self) -> String {
        self.token
    }

    /// `jti`: what a denylist or an allowlist calls the token.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `iat`: when it was issued.
    #[must_use]
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// `exp`: when it expires.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The `expires_in` of a token response ([RFC 6749 §5.1]): the seconds from `iat` to `exp`, rounded
    /// down.
    ///
    /// [RFC 6749 §5.1]: https://www.rfc-editor.org/rfc/rfc6749#section-5.1
    #[must_use]
    pub fn expires_in(&self) -> u64 {
        self.expires_at.saturating_since(self.issued_at).as_secs()
    }
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minted")
            .field("id", &self.id)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// 128 random bits (RFC 7519 §4.1.7 asks that a collision be negligible).
pub(crate) fn random_id() -> Result<String, IssuerError> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| IssuerError::crypto("there is no randomness"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
