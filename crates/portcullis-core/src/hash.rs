//! The hash that stands for a target in memory, and its low bits, the [`Tag`], which can be had before the rest.
//!
//! Most targets that are asked about are not there, and a filter tells that of most of them by the tag. So it is made by a
//! hash that takes few instructions: foldhash, with seeds drawn for the process. Nothing rests on nobody
//! being able to make tags alike. Who did would have filters that let his targets pass, and what passes is looked
//! up by all bits of the hash, of which the others are SipHash.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::{Target, TargetKind};

/// The low bits of a hash.
pub(crate) type Tag = u32;

/// What is drawn at random once for the process.
struct Seed {
    sip: (u64, u64),
    issuers: u64,
    tags: [u64; TargetKind::ALL.len()],
    shared: SharedSeed,
}

/// The standard library's keys are unpredictable, which is all that a keyed hash asks for; mixing two of
/// them gives 128 bits.
fn seed() -> &'static Seed {
    static SEED: OnceLock<Seed> = OnceLock::new();
    SEED.get_or_init(|| {
        let draw = || RandomState::new().build_hasher().finish();
        Seed {
            sip: (draw(), draw()),
            issuers: draw(),
            tags: TargetKind::ALL.map(|_| draw()),
            shared: SharedSeed::from_u64(draw()),
        }
    })
}

/// [`Target::hash128`].
pub(crate) fn hash(target: &Target<'_>) -> u128 {
    let (k0, k1) = seed().sip;
    let mut hasher = SipHasher13::new_with_keys(k0, k1);
    hasher.write_u8(target.kind() as u8);
    // with its length, so that it is known where it ends
    hasher.write_usize(target.issuer().len());
    hasher.write(target.issuer().as_bytes());
    hasher.write(target.id().as_bytes());
    hasher.finish128().as_u128() << Tag::BITS | u128::from(tag(target))
}

/// The tag of a target. The issuer is part of it: many may have users and tokens of the same names.
#[inline]
pub(crate) fn tag(target: &Target<'_>) -> Tag {
    let Seed { issuers, tags, shared, .. } = seed();
    let issuer = fold(*issuers, shared, target.issuer());
    fold(tags[target.kind() as usize] ^ issuer, shared, target.id()) as Tag
}

#[inline]
fn fold(seed: u64, shared: &SharedSeed, name: &str) -> u64 {
    let mut hasher = FoldHasher::with_seed(seed, shared);
    hasher.write(name.as_bytes());
    hasher.finish()
}

/// The tag of the target that has this hash.
#[inline]
pub(crate) const fn tag_of(hash: u128) -> Tag {
    hash as Tag
}

/// Numbers as good as random, for tests (splitmix64).
#[cfg(test)]
pub(crate) fn spread(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;

    /// The hash without the tag, on which nothing rests.
    fn sip(target: &Target<'_>) -> u128 {
        target.hash128() >> Tag::BITS
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
            Target::session("a", ""),
            Target::everything(),
        ];
        for (i, a) in targets.iter().enumerate() {
            for (j, b) in targets.iter().enumerate() {
                assert_eq!(sip(a) == sip(b), i == j, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn long_names_are_told_apart_as_short_ones_are() {
        let mut seen = std::collections::HashSet::new();
        for issuer in 0..200 {
            for id in 0..200 {
                let (issuer, id) = ("i".repeat(issuer), "i".repeat(id));
                assert!(seen.insert(sip(&Target::token(&issuer, &id))), "{issuer} {id}");
            }
        }
    }

    #[test]
    fn the_low_bits_are_the_tag_which_every_kind_has_of_its_own() {
        let tags: Vec<Tag> =
            TargetKind::ALL.map(|kind| tag(&Target::from_parts(kind, "bob", "bob"))).into();
        let different: std::collections::HashSet<_> = tags.iter().collect();
        assert_eq!(different.len(), TargetKind::ALL.len(), "{tags:x?}");
        for (kind, tag) in TargetKind::ALL.into_iter().zip(tags) {
            assert_eq!(tag_of(Target::from_parts(kind, "bob", "bob").hash128()), tag, "{kind}");
        }
    }

    #[test]
    fn what_many_issuers_name_alike_is_told_apart_by_the_tag() {
        let kinds = TargetKind::ALL.into_iter().filter(|kind| *kind != TargetKind::Everything);
        for kind in kinds {
            let tag = |issuer: usize| tag(&Target::from_parts(kind, &issuer.to_string(), "1"));
            let tags: std::collections::HashSet<_> = (0..1_000).map(tag).collect();
            // two of a thousand have the same in one of 8,600 processes
            assert!(tags.len() > 997, "{kind}: {} of 1,000", tags.len());
        }
    }

    #[test]
    fn the_seed_is_drawn() {
        // a seed that can be guessed lets a stranger aim for a collision
        let Seed { sip: (k0, k1), issuers, tags, .. } = seed();
        let mut drawn: Vec<u64> = tags.iter().chain([k0, k1, issuers]).copied().collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), TargetKind::ALL.len() + 3, "{drawn:x?}");
        assert!(drawn[0] > u64::from(u16::MAX), "{drawn:x?}");
    }
}
