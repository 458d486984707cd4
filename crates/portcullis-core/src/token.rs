//! The view of a token that revocation gets to see.

use super::hash::{self, Tag};
use crate::{Target, TargetKind, Timestamp};

/// What the rules of revocation may know of a token: its identifiers and times, after the signature
/// and all claims were checked.
///
/// A view proves nothing by itself; anybody may build one, for a test of a store for instance.
///
/// # Example
///
/// ```
/// use portcullis_core::{Target, TargetKind, Timestamp, TokenView};
///
/// let token = TokenView::new("https://idp.example.com")
///     .with_subject("bob")
///     .with_token_id("7f1c")
///     .with_issued_at(Timestamp::from_secs(1_700_000_000));
/// assert_eq!(
///     token.target(TargetKind::Subject),
///     Some(Target::subject("https://idp.example.com", "bob")),
/// );
/// assert_eq!(token.target(TargetKind::Session), None);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TokenView<'a> {
    issuer: &'a str,
    token_id: Option<(&'a str, TokenIdHash)>,
    fingerprint: Option<&'a str>,
    session: Option<&'a str>,
    subject: Option<&'a str>,
    client: Option<&'a str>,
    key: Option<&'a str>,
    issued_at: Option<Timestamp>,
    auth_time: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    generation: Option<u64>,
}

/// What revocations in memory ask for of the identifier of a token, worked out once.
///
/// For those who keep a token and ask about it again and again, and build a new [`TokenView`] of it each time
/// ([`TokenView::with_hashed_token_id`]). It is another one in each process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenIdHash(Tag);

impl TokenIdHash {
    /// Of this `jti`.
    #[must_use]
    #[inline]
    pub fn new(token_id: &str) -> Self {
        // the tag does not depend on the issuer
        Self(hash::tag(&Target::token("", token_id)))
    }

    #[inline]
    pub(crate) const fn tag(self) -> Tag {
        self.0
    }
}

macro_rules! parts {
    ($($(#[$doc:meta])* $field:ident, $with:ident: $type:ty;)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub const fn $field(&self) -> Option<$type> {
                self.$field
            }

            #[doc = concat!("With this [`", stringify!($field), "`](Self::", stringify!($field), ").")]
            #[must_use]
            pub const fn $with(mut self, $field: $type) -> Self {
                self.$field = Some($field);
                self
            }
        )*
    };
}

impl<'a> TokenView<'a> {
    /// A token of this issuer (as it was configured), of which nothing else is known yet.
    #[must_use]
    pub const fn new(issuer: &'a str) -> Self {
        Self {
            issuer,
            token_id: None,
            fingerprint: None,
            session: None,
            subject: None,
            client: None,
            key: None,
            issued_at: None,
            auth_time: None,
            expires_at: None,
            generation: None,
        }
    }

    /// The issuer, as it was configured.
    #[must_use]
    pub const fn issuer(&self) -> &'a str {
        self.issuer
    }

    /// `jti`: the identifier of this one token.
    #[must_use]
    #[inline]
    pub const fn token_id(&self) -> Option<&'a str> {
        match self.token_id {
            Some((id, _)) => Some(id),
            None => None,
        }
    }

    /// With this [`token_id`](Self::token_id).
    #[must_use]
    #[inline]
    pub fn with_token_id(self, token_id: &'a str) -> Self {
        self.with_hashed_token_id(token_id, TokenIdHash::new(token_id))
    }

    /// [`with_token_id`](Self::with_token_id), where its hash is known already.
    ///
    /// The hash has to be that of this very identifier: with another one, a token that is denied may pass.
    ///
    /// # Panics
    ///
    /// If it is the hash of another identifier, where debug assertions are enabled.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis_core::{TokenIdHash, TokenView};
    ///
    /// // once, when the token was verified
    /// let (jti, hash) = ("7f1c", TokenIdHash::new("7f1c"));
    /// // for each of its requests
    /// let token = TokenView::new("https://idp.example.com").with_hashed_token_id(jti, hash);
    /// assert_eq!(token.token_id(), Some("7f1c"));
    /// ```
    #[must_use]
    #[inline]
    pub fn with_hashed_token_id(mut self, token_id: &'a str, hash: TokenIdHash) -> Self {
        debug_assert_eq!(hash, TokenIdHash::new(token_id), "the hash of another identifier");
        self.token_id = Some((token_id, hash));
        self
    }

    /// The target that its identifier makes, with the hash of it.
    #[inline]
    pub(crate) fn hashed_token(&self) -> Option<(Target<'a>, TokenIdHash)> {
        self.token_id.map(|(id, hash)| (Target::token(self.issuer, id), hash))
    }

    parts! {
        /// The hash of the signing input, where there is no `jti`.
        fingerprint, with_fingerprint: &'a str;
        /// `sid`: the session it belongs to.
        session, with_session: &'a str;
        /// `sub`: whom it speaks for.
        subject, with_subject: &'a str;
        /// `client_id`, else `azp`: who obtained it.
        client, with_client: &'a str;
        /// The thumbprint of the key that signed it.
        key, with_key: &'a str;
        /// `iat`: when it was issued.
        issued_at, with_issued_at: Timestamp;
        /// `auth_time`: when its subject last signed in.
        auth_time, with_auth_time: Timestamp;
        /// `exp`: from when on it is expired.
        expires_at, with_expires_at: Timestamp;
        /// The subject's generation when it was issued.
        generation, with_generation: u64;
    }

    /// The target of this kind that the token falls under, if it has the claim for it.
    #[must_use]
    pub fn target(&self, kind: TargetKind) -> Option<Target<'a>> {
        let issuer = self.issuer;
        match kind {
            TargetKind::Token => self.token_id().map(|id| Target::token(issuer, id)),
            TargetKind::Fingerprint => self.fingerprint.map(|id| Target::fingerprint(issuer, id)),
            TargetKind::Session => self.session.map(|id| Target::session(issuer, id)),
            TargetKind::Subject => self.subject.map(|id| Target::subject(issuer, id)),
            TargetKind::Client => self.client.map(|id| Target::client(issuer, id)),
            TargetKind::Key => self.key.map(|id| Target::key(issuer, id)),
            TargetKind::Issuer => Some(Target::issuer_wide(issuer)),
            TargetKind::Everything => Some(Target::everything()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_that_was_kept_changes_nothing() {
        let (one, other) = (TokenIdHash::new("1"), TokenIdHash::new("2"));
        assert_ne!(one, other);
        let target = Target::token("a", "1");
        assert_eq!(one.tag(), hash::tag_of(target.hash128()), "whatever the issuer is");
        for view in [
            TokenView::new("a").with_token_id("1"),
            TokenView::new("a").with_hashed_token_id("1", one),
            TokenView::new("a").with_token_id("2").with_hashed_token_id("1", one),
        ] {
            assert_eq!(view.token_id(), Some("1"));
            assert_eq!(view.target(TargetKind::Token), Some(target));
            assert_eq!(view.hashed_token(), Some((target, one)));
        }
        assert_eq!(TokenView::new("a").hashed_token(), None);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic = "the hash of another identifier"]
    fn the_hash_of_another_identifier_is_noticed() {
        let _ = TokenView::new("a").with_hashed_token_id("1", TokenIdHash::new("2"));
    }
}
