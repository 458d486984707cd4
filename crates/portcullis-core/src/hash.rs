//! The hash that stands for a target in memory, in two steps: a key for its kind and issuer, and its id
//! under that key. Whoever asks about many targets of one issuer keeps the key.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::TargetKind;

/// What hashes the ids of one kind and issuer.
pub(crate) struct IdHasher(SipHasher13);

impl IdHasher {
    /// For this kind and issuer, under a key of their own. The last byte that is hashed for it is the kind
    /// and all before it the issuer, so no two of them have the same bytes.
    pub(crate) fn new(kind: TargetKind, issuer: &str) -> Self {
        let (k0, k1) = *hash_seed();
        let mut hasher = SipHasher13::new_with_keys(k0, k1);
        hasher.write(issuer.as_bytes());
        hasher.write_u8(kind as u8);
        let key = hasher.finish128();
        Self(SipHasher13::new_with_keys(key.h1, key.h2))
    }

    /// What [`Target::hash128`](crate::Target::hash128) is for a target with this id.
    #[inline]
    pub(crate) fn hash(&self, id: &str) -> u128 {
        self.0.hash(id.as_bytes()).as_u128()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;

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
}
