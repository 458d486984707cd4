//! What a revocation can be aimed at: one token, a session, a subject, a client, a key, an issuer,
//! everything.

use std::fmt;

use super::hash;

/// The kind of thing that a revocation is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TargetKind {
    /// One token, by its `jti` ([RFC 7519 §4.1.7](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.7)).
    Token,
    /// One token without a `jti`, by the SHA-256 of its signing input.
    Fingerprint,
    /// A session, by its `sid` ([OpenID Connect Back-Channel Logout 1.0 §2.1](https://openid.net/specs/openid-connect-backchannel-1_0.html)).
    Session,
    /// A subject, by its `sub`.
    Subject,
    /// A client, by its `client_id`, else `azp`.
    Client,
    /// A signing key, by its thumbprint ([RFC 7638](https://www.rfc-editor.org/rfc/rfc7638)).
    Key,
    /// Everything that one issuer signed.
    Issuer,
    /// Everything.
    Everything,
}

impl TargetKind {
    /// Every kind, in the order in which they narrow down.
    pub const ALL: [Self; 8] = [
        Self::Token,
        Self::Fingerprint,
        Self::Session,
        Self::Subject,
        Self::Client,
        Self::Key,
        Self::Issuer,
        Self::Everything,
    ];

    /// A short name that stores may write into their tables. It never changes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "jti",
            Self::Fingerprint => "fpr",
            Self::Session => "sid",
            Self::Subject => "sub",
            Self::Client => "client",
            Self::Key => "key",
            Self::Issuer => "iss",
            Self::Everything => "all",
        }
    }

    /// The kind with this [short name](Self::as_str).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for TargetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a revocation is aimed at, or what a token is asked about.
///
/// A target is always qualified by the issuer, by the identity that was configured: two issuers may
/// both have a subject `bob`.
///
/// # Example
///
/// ```
/// use portcullis_core::{Target, TargetKind};
///
/// let bob = Target::subject("https://idp.example.com", "bob");
/// assert_eq!((bob.kind(), bob.id()), (TargetKind::Subject, "bob"));
/// assert_ne!(bob, Target::subject("https://other.example.com", "bob"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target<'a> {
    kind: TargetKind,
    issuer: &'a str,
    id: &'a str,
}

impl<'a> Target<'a> {
    /// One token by its `jti`.
    #[must_use]
    pub const fn token(issuer: &'a str, jti: &'a str) -> Self {
        Self { kind: TargetKind::Token, issuer, id: jti }
    }

    /// One token by the fingerprint of its signing input.
    #[must_use]
    pub const fn fingerprint(issuer: &'a str, fingerprint: &'a str) -> Self {
        Self { kind: TargetKind::Fingerprint, issuer, id: fingerprint }
    }

    /// A session by its `sid`.
    #[must_use]
    pub const fn session(issuer: &'a str, sid: &'a str) -> Self {
        Self { kind: TargetKind::Session, issuer, id: sid }
    }

    /// A subject by its `sub`.
    #[must_use]
    pub const fn subject(issuer: &'a str, sub: &'a str) -> Self {
        Self { kind: TargetKind::Subject, issuer, id: sub }
    }

    /// A client by its `client_id`.
    #[must_use]
    pub const fn client(issuer: &'a str, client_id: &'a str) -> Self {
        Self { kind: TargetKind::Client, issuer, id: client_id }
    }

    /// A signing key by its thumbprint.
    #[must_use]
    pub const fn key(issuer: &'a str, thumbprint: &'a str) -> Self {
        Self { kind: TargetKind::Key, issuer, id: thumbprint }
    }

    /// Everything that one issuer signed.
    #[must_use]
    pub const fn issuer_wide(issuer: &'a str) -> Self {
        Self { kind: TargetKind::Issuer, issuer, id: "" }
    }

    /// Everything, whoever signed it.
    #[must_use]
    pub const fn everything() -> Self {
        Self { kind: TargetKind::Everything, issuer: "", id: "" }
    }

    /// A target from the parts that a store has written down. The parts that a kind does not have
    /// are dropped, so that a target reads back as it was written.
    #[must_use]
    pub const fn from_parts(kind: TargetKind, issuer: &'a str, id: &'a str) -> Self {
        match kind {
            TargetKind::Issuer => Self::issuer_wide(issuer),
            TargetKind::Everything => Self::everything(),
            kind => Self { kind, issuer, id },
        }
    }

    /// What kind of thing this is.
    #[must_use]
    pub const fn kind(&self) -> TargetKind {
        self.kind
    }

    /// The issuer as it was configured; empty for [everything](TargetKind::Everything).
    #[must_use]
    pub const fn issuer(&self) -> &'a str {
        self.issuer
    }

    /// The `jti`, `sid`, `sub`, client, thumbprint or fingerprint; empty for an
    /// [issuer](TargetKind::Issuer) and for [everything](TargetKind::Everything).
    #[must_use]
    pub const fn id(&self) -> &'a str {
        self.id
    }

    /// 128 bits that stand for this target in memory, under keys drawn once for the process. 96 of them are
    /// SipHash-1-3 over all parts, so nobody outside can aim for a collision. The low 32 are a faster hash,
    /// by which filters tell most of what is not there. The numbers mean nothing in another process: never store
    /// them.
    #[must_use]
    pub fn hash128(&self) -> u128 {
        hash::hash(self)
    }

    /// An owned copy.
    #[must_use]
    pub fn to_owned(&self) -> TargetBuf {
        TargetBuf { kind: self.kind, issuer: self.issuer.into(), id: self.id.into() }
    }
}

/// For logs. The identifiers are shown with control characters escaped.
impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({:?}, {:?})", self.kind, self.issuer, self.id)
    }
}

/// An owned [`Target`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetBuf {
    kind: TargetKind,
    issuer: Box<str>,
    id: Box<str>,
}

impl TargetBuf {
    /// Borrows it.
    #[must_use]
    pub fn as_target(&self) -> Target<'_> {
        Target { kind: self.kind, issuer: &self.issuer, id: &self.id }
    }
}

impl From<Target<'_>> for TargetBuf {
    fn from(target: Target<'_>) -> Self {
        target.to_owned()
    }
}

impl fmt::Debug for TargetBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_target(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_listed_in_their_order() {
        assert!(TargetKind::ALL.iter().enumerate().all(|(n, kind)| *kind as usize == n));
    }

    #[test]
    fn names_read_back() {
        for kind in TargetKind::ALL {
            assert_eq!(TargetKind::from_name(kind.as_str()), Some(kind));
        }
        assert_eq!(TargetKind::from_name("nope"), None);
    }

    #[test]
    fn parts_that_a_kind_does_not_have_are_dropped() {
        assert_eq!(Target::from_parts(TargetKind::Everything, "x", "y"), Target::everything());
        assert_eq!(Target::from_parts(TargetKind::Issuer, "x", "y"), Target::issuer_wide("x"));
        assert_eq!(Target::from_parts(TargetKind::Token, "x", "y"), Target::token("x", "y"));
    }

    #[test]
    fn debug_escapes_what_an_attacker_may_have_chosen() {
        assert_eq!(format!("{:?}", Target::subject("i", "a\nb")), r#"sub("i", "a\nb")"#);
    }
}
