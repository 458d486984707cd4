//! The view of a token that revocation gets to see.

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

    parts! {
        /// `jti`: the identifier of this one token.
        token_id, with_token_id: &'a str;
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
