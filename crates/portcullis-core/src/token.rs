//! The view of a token that revocation gets to see.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

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
    token_id: Option<&'a str>,
    token_hash: Option<&'a TokenHash>,
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

/// A place for the hash of a token's identifier, which revocations in memory ask for at each question.
///
/// For those who keep a token and build a new [`TokenView`] of it for each of its requests: the first question leaves the hash
/// here ([`TokenView::with_token_hash`]), and the others find it.
#[derive(Default)]
pub struct TokenHash(AtomicU64);

/// There is a hash, in the low bits.
const KNOWN: u64 = 1 << Tag::BITS;

impl TokenHash {
    /// Nothing is there yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// With the hash of a token of this issuer (as it was configured) that has this `jti`.
    #[must_use]
    pub fn of(issuer: &str, token_id: &str) -> Self {
        let hash = Self::new();
        hash.fill(&Target::token(issuer, token_id));
        hash
    }

    #[inline]
    fn tag(&self, target: &Target<'_>) -> Tag {
        // it is a number and guards nothing; whoever misses it works it out again
        let known = self.0.load(Ordering::Relaxed);
        if known & KNOWN == 0 {
            return self.fill(target);
        }
        debug_assert_eq!(known as Tag, hash::tag(target), "the hash of another token");
        known as Tag
    }

    #[inline(never)]
    fn fill(&self, target: &Target<'_>) -> Tag {
        let tag = hash::tag(target);
        self.0.store(KNOWN | u64::from(tag), Ordering::Relaxed);
        tag
    }
}

// What it is is nobody's business: who knows many of them may find out the seeds.
impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenHash").finish_non_exhaustive()
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
            token_hash: None,
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
    pub const fn token_id(&self) -> Option<&'a str> {
        self.token_id
    }

    /// With this [`token_id`](Self::token_id), and [no place](Self::with_token_hash) for its hash: the one that there was
    /// is another identifier's.
    #[must_use]
    pub const fn with_token_id(mut self, token_id: &'a str) -> Self {
        self.token_id = Some(token_id);
        self.token_hash = None;
        self
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

    /// With a place where the hash of its [`token_id`](Self::token_id) is kept, which has to be there already.
    ///
    /// It has to be a place for this very token: with the hash of another one, a token that is denied may pass.
    ///
    /// # Panics
    ///
    /// Questions about it do, where the hash is another token's and debug assertions are enabled.
    ///
    /// # Example
    ///
    /// ```
    /// use portcullis_core::{TokenHash, TokenView};
    ///
    /// // once, with the token that was verified
    /// let hash = TokenHash::new();
    /// // for each of its requests
    /// let token = TokenView::new("https://idp.example.com").with_token_id("7f1c").with_token_hash(&hash);
    /// # let _ = token;
    /// ```
    #[must_use]
    pub const fn with_token_hash(mut self, hash: &'a TokenHash) -> Self {
        self.token_hash = Some(hash);
        self
    }

    /// The tag of the target that its identifier makes.
    #[inline]
    pub(crate) fn tag_of_token(&self, target: &Target<'_>) -> Tag {
        self.token_hash.map_or_else(|| hash::tag(target), |kept| kept.tag(target))
    }

    /// The target of this kind that the token falls under, if it has the claim for it.
    #[must_use]
    pub fn target(&self, kind: TargetKind) -> Option<Target<'a>> {
        let issuer = self.issuer;
        match kind {
            TargetKind::Token => self.token_id.map(|id| Target::token(issuer, id)),
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
    fn the_first_question_leaves_the_hash_and_the_others_find_it() {
        let target = Target::token("a", "1");
        let tag = hash::tag(&target);
        let (new, known) = (TokenHash::new(), TokenHash::of("a", "1"));
        assert_eq!(known.0.load(Ordering::Relaxed), KNOWN | u64::from(tag));
        let view = TokenView::new("a").with_token_id("1");
        assert_eq!(view.tag_of_token(&target), tag);
        for hash in [&new, &known] {
            assert_eq!([0; 2].map(|_| view.with_token_hash(hash).tag_of_token(&target)), [tag; 2]);
        }
        assert_eq!(new.0.into_inner(), known.0.into_inner());
    }

    #[test]
    fn it_is_not_shown() {
        assert_eq!(format!("{:?}", TokenHash::of("a", "1")), "TokenHash { .. }");
    }

    #[test]
    fn another_identifier_leaves_the_place_of_the_first_alone() {
        let hash = TokenHash::new();
        let view = TokenView::new("a").with_token_id("1").with_token_hash(&hash);
        let (first, other) = (Target::token("a", "1"), Target::token("a", "2"));
        // in this order: what was left here for the other would be taken for the first one's
        assert_eq!(view.with_token_id("2").tag_of_token(&other), hash::tag(&other));
        assert_eq!(view.tag_of_token(&first), hash::tag(&first));
        assert_eq!(view.with_token_id("2").tag_of_token(&other), hash::tag(&other));
    }

    /// Asks about the token `1` of the issuer `a`.
    #[cfg(debug_assertions)]
    fn ask_with(hash: &TokenHash) -> Tag {
        let view = TokenView::new("a").with_token_id("1").with_token_hash(hash);
        view.tag_of_token(&Target::token("a", "1"))
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic = "the hash of another token"]
    fn the_hash_of_another_token_is_noticed() {
        ask_with(&TokenHash::of("a", "2"));
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic = "the hash of another token"]
    fn the_hash_of_another_issuers_token_is_noticed() {
        ask_with(&TokenHash::of("b", "1"));
    }
}
