//! The way of a token through a verifier: from its text to what is known of it.
//!
//! Data moves forward only: split, decode, choose the issuer, check the signature, read the claims, apply the
//! rules. Each step is a module with one job and fails with its own kind.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::{AccessClaims, Clock, TokenHash};
use serde::de::DeserializeOwned;

use super::trust::Trust;
use super::{TrustedIssuer, Window, header_rules, key_issuer, rules};
use crate::Authentic;
use crate::cache::{Handle, Remember};
use crate::claims::{self, Captured, Capturing};
use crate::error::Rejection;
use crate::jws::{Compact, Header, Limits, OfThread, Parts, Scratch, check_signature, find_signer};
use crate::keys::Refusal;
use crate::registered::{Names, Registered};
use crate::source::Source;
use crate::verified::Token;

/// What all clones of a verifier share.
pub(super) struct Inner<C> {
    pub(super) trust: Trust,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
    pub(super) scratch: Scratch,
    pub(super) cache: Option<Box<dyn Remember<C>>>,
    pub(super) layers: AtomicU64,
}

/// Whether a key that is not in the set may be looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seeking {
    Allowed,
    Over,
}

impl<C: DeserializeOwned + Send + Sync + 'static> Inner<C> {
    /// Verifies a token, or finds it among those that were verified before.
    pub(super) fn verify_by(
        &self,
        source: Option<&Source>,
        token: &[u8],
        seeking: Seeking,
    ) -> Result<Authentic<C>, Refusal> {
        let anew = || self.verify(source, token, seeking);
        let Some(cache) = &self.cache else {
            return anew().map(Authentic::fresh);
        };
        // a token over the limit is in no cache
        let place = cache.place(token);
        if let Some(handle) = cache.get(place, token) {
            let issuer = &handle.entry.token.issuer;
            if !self.trust.may_come_from(issuer, source) {
                // it is refused here, and good where it belongs: what is remembered of it stays
                return anew().map(Authentic::fresh);
            }
            // first of all: keys that are too old to be trusted may have been withdrawn long ago
            issuer.check_keys()?;
            if self.is_trusted(&handle) {
                self.check_times(&handle.entry.token)?;
                return Ok(Authentic::remembered(handle));
            }
            cache.remove(place, token);
        }
        let verified = anew()?;
        cache.offer(place, token, &verified);
        Ok(Authentic::fresh(verified))
    }

    /// Everything, from the text on.
    fn verify(
        &self,
        source: Option<&Source>,
        token: &[u8],
        seeking: Seeking,
    ) -> Result<Arc<Token<C>>, Refusal> {
        self.scratch.with(|OfThread { headers, parts }| {
            let padded = self.trust.is_padded(source);
            let known = if padded { None } else { headers.take_apart(token, self.limits) };
            if let Some((compact, header)) = known {
                let verified = self.verify_with(source, &compact, header, seeking, parts);
                return verified.map_err(|refusal| self.refuse(token, refusal));
            }
            let compact = self.split(source, token)?;
            if let Some(header) = headers.get(&compact) {
                return self.verify_with(source, &compact, header, seeking, parts);
            }
            let header = Header::read(&compact)?;
            let verified = self.verify_with(source, &compact, &header, seeking, parts)?;
            headers.insert(&compact, header);
            Ok(verified)
        })
    }

    /// The same, with the memory that it takes.
    fn verify_with(
        &self,
        source: Option<&Source>,
        compact: &Compact<'_>,
        header: &Header,
        seeking: Seeking,
        parts: &mut Parts,
    ) -> Result<Arc<Token<C>>, Refusal> {
        parts.decode(compact, &self.scratch.decoder);
        let issuer = match self.trust.only(source) {
            Some(only) => Arc::clone(only),
            None => self.trust.select(compact, parts.payload(compact)?, source)?,
        };
        issuer.check_keys()?;
        let explain = |rejection: Rejection| {
            let rejection = rejection.prefer_hint(|| issuer.hint_of_another(compact));
            self.trust.explain(rejection, compact, source)
        };
        let key = find_signer(
            || issuer.keys(),
            |keys| {
                let allowed = |algorithm| issuer.allows(algorithm);
                check_signature(compact, header, keys, parts, allowed)
                    .map_err(|unsigned| unsigned.map(explain))
            },
            |wanted, rejection| match seeking {
                Seeking::Allowed => issuer.seek(wanted, rejection),
                Seeking::Over => Refusal::Final(rejection),
            },
        )?;
        rules::check_type(&issuer, header)?;
        let mut capturing = Capturing::new(issuer.claim_names());
        let mut claims: C =
            claims::read(parts.payload(compact)?, &mut capturing, &issuer.places())?;
        let captured = capturing.captured();
        if issuer.reads_header() {
            header_rules::check(&issuer, compact, captured)?;
        }
        let window = Window::of(&issuer.settings, &rules::Times::of(captured));
        let within = window.holds_now(&*self.clock);
        let now = (!within).then(|| self.clock.now());
        rules::check_claims(&issuer, captured, now)
            .map_err(|rejection| self.trust.explain(rejection, compact, source))?;
        key_issuer::check(&issuer, &key, captured.issuer.as_deref())?;
        if let Some(access) = (&mut claims as &mut dyn Any).downcast_mut::<AccessClaims>() {
            issuer.fill(access, captured)?;
        }
        let registered = registered(captured, &issuer, compact, window);
        Ok(Arc::new(Token { claims, registered, issuer, key, hash: TokenHash::new() }))
    }

    /// True if the key that signed a remembered token is still one of its issuer's. The generation is
    /// read before the set, as [`Keys::replace`] asks.
    fn is_trusted(&self, handle: &Handle<C>) -> bool {
        let issuer = &handle.entry.token.issuer;
        if issuer.is_withdrawn() {
            return false;
        }
        let generation = issuer.keys_generation();
        if handle.keys_generation.load(Ordering::Relaxed) == generation {
            return true;
        }
        let trusted = issuer.keys().has(&handle.entry.token.key);
        if trusted {
            handle.keys_generation.store(generation, Ordering::Relaxed);
        }
        trusted
    }

    /// The rules that the clock decides, for a token that was verified before.
    fn check_times(&self, token: &Token<C>) -> Result<(), Rejection> {
        if token.registered.window.holds_now(&*self.clock) {
            return Ok(());
        }
        let now = self.clock.now();
        let times = rules::Times {
            expires_at: token.registered.expires_at,
            not_before: token.registered.not_before,
            issued_at: token.registered.issued_at,
        };
        rules::check_times(&token.issuer, &times, now)
    }
}

impl<C> Inner<C> {
    /// Says of a token that was taken apart in haste whether it has three parts at all, before anything else. One that
    /// has not is waited for by nobody.
    #[cold]
    fn refuse(&self, token: &[u8], refusal: Refusal) -> Refusal {
        Compact::split(token, self.limits).err().map_or(refusal, Refusal::Final)
    }

    /// Takes a token from this place apart.
    pub(super) fn split<'a>(
        &self,
        source: Option<&Source>,
        token: &'a [u8],
    ) -> Result<Compact<'a>, Rejection> {
        let compact = Compact::split(token, self.limits)?;
        if self.trust.is_padded(source) { compact.without_padding() } else { Ok(compact) }
    }
}

fn registered(
    captured: &Captured<'_>,
    issuer: &TrustedIssuer,
    compact: &Compact<'_>,
    window: Window,
) -> Registered {
    // RFC 7515 §5.2: the signing input, and not the signature, which may have several valid forms
    let fingerprint = || {
        let hash = digest::digest(&digest::SHA256, compact.signing_input);
        URL_SAFE_NO_PAD.encode(hash)
    };
    let fingerprint = captured.token_id.is_none().then(fingerprint);
    let client = if issuer.claim_names().client.is_some() {
        &captured.named_client
    } else {
        captured.client_id.as_ref().map_or(&captured.authorized_party, |_| &captured.client_id)
    };
    let names = Names {
        issuer: captured.issuer.as_deref().and_then(|iss| issuer.identity(iss)),
        self_asserted: captured.self_asserted,
        subject: captured.subject.as_deref(),
        token_id: captured.token_id.as_deref(),
        session: captured.session.as_deref(),
        client: client.as_deref(),
        fingerprint: fingerprint.as_deref(),
        audience: captured.audience().unwrap_or_default(),
    };
    let mut registered = Registered::of(&names);
    registered.expires_at = captured.expires_at;
    registered.not_before = captured.not_before;
    registered.issued_at = captured.issued_at;
    registered.auth_time = captured.auth_time;
    registered.generation = captured.generation;
    registered.window = window;
    registered
}
