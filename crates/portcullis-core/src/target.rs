//! What a revocation can be aimed at: one token, a session, a subject, a client, a key, an issuer,
//! everything.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

use siphasher::sip128::{Hasher128, SipHasher13};

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

    /// 128 bits that stand for this target in memory: SipHash-1-3 under a key drawn once for the
    /// process, over the parts with their lengths. Nobody outside can aim for a collision, and the
    /// numbers mean nothing in another process: never store them.
    #[must_use]
    pub fn hash128(&self) -> u128 {
        let (k0, k1) = *hash_seed();
        let mut hasher = SipHasher13::new_with_keys(k0, k1);
        // In one piece where it fits, which is faster. The same target always goes the same way.
        let mut whole = [0; 160];
        let (issuer, id) = (self.issuer.as_bytes(), self.id.as_bytes());
        let head = 1 + size_of::<u64>();
        let (id_at, end) = (head + issuer.len(), head + issuer.len() + id.len());
        if end <= whole.len() {
            whole[0] = self.kind as u8;
            whole[1..head].copy_from_slice(&(issuer.len() as u64).to_le_bytes());
            whole[head..id_at].copy_from_slice(issuer);
            whole[id_at..end].copy_from_slice(id);
            return hasher.hash(&whole[..end]).as_u128();
        }
        hasher.write_u8(self.kind as u8);
        hasher.write(&(issuer.len() as u64).to_le_bytes());
        hasher.write(issuer);
        hasher.write(id);
        hasher.finish128().as_u128()
    }

    /// An owned copy.
    #[must_use]
    pub fn to_owned(&self) -> TargetBuf {
        TargetBuf { kind: self.kind, issuer: self.issuer.into(), id: self.id.into() }
    }
}

/// The one random seed of the process. The standard library's keys are unpredictable, which is all
/// that a keyed hash asks for; mixing two of them gives 128 bits.
fn hash_seed() -> &'static (u64, u64) {
    static SEED: OnceLock<(u64, u64)> = OnceLock::new();
    SEED.get_or_init(|| {
        let draw = || RandomState::new().build_hasher().finish();
        (draw(), draw())
    })
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
    fn names_read_back() {
        for kind in TargetKind::ALL {
            assert_eq!(TargetKind::from_name(kind.as_str()), Some(kind));
        }
        assert_eq!(TargetKind::from_name("nope"), None);
    }

    #[test]
    fn the_hash_depends_on_every_part_and_where_it_ends() {
        let targets = [
            Target::token("a", "bc"),
            Target::token("ab", "c"),
            Target::token("abc", ""),
            Target::token("", "abc"),
            Target::subject("a", "bc"),
            Target::fingerprint("a", "bc"),
            Target::issuer_wide("a"),
            Target::issuer_wide("abc"),
            Target::everything(),
        ];
        for (i, a) in targets.iter().enumerate() {
            for (j, b) in targets.iter().enumerate() {
                assert_eq!(a.hash128() == b.hash128(), i == j, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn long_names_are_told_apart_as_short_ones_are() {
        let mut seen = std::collections::HashSet::new();
        for issuer in 0..200 {
            for id in 0..200 {
                let (issuer, id) = ("i".repeat(issuer), "i".repeat(id));
                assert!(seen.insert(Target::token(&issuer, &id).hash128()), "{issuer} {id}");
            }
        }
    }

    #[test]
    fn the_seed_is_drawn() {
        // a seed that can be guessed lets a stranger aim for a collision
        let seed = *hash_seed();
        assert_eq!(*hash_seed(), seed, "once for the process");
        assert!(seed.0 != seed.1 && seed.0.min(seed.1) > u64::from(u16::MAX), "{seed:?}");
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
