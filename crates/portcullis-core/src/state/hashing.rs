//! The hashes of targets, with the keys of the issuers that are asked about kept: most tokens are those of
//! one issuer or a few, and then only the id is left to hash.

use std::sync::OnceLock;

use super::super::hash::IdHasher;
use super::super::siphash::Hash;
use crate::{Target, TargetKind};

/// How many issuers are kept. What comes later is derived each time, which costs as much again as the id.
const ISSUERS: usize = 4;

/// Hashes as [`Target::hash128`] does, and sooner.
pub(super) struct Hashing {
    /// The first issuers that were asked about. The places are filled from the first on, and never again.
    issuers: [OnceLock<Issuer>; ISSUERS],
    everything: Hash,
}

struct Issuer {
    name: Box<str>,
    /// By kind.
    hashers: [IdHasher; TargetKind::ALL.len()],
}

impl Issuer {
    fn new(name: &str) -> Self {
        Self { name: name.into(), hashers: TargetKind::ALL.map(|kind| IdHasher::new(kind, name)) }
    }

    /// The hash of this target, if it is one of this issuer.
    #[inline(always)]
    fn hash(&self, target: &Target<'_>) -> Option<Hash> {
        let hasher = &self.hashers[target.kind() as usize];
        is_same(&self.name, target.issuer()).then(|| hasher.hash(target.id()))
    }
}

impl Hashing {
    pub(super) fn new() -> Self {
        let everything = hash(&Target::everything());
        Self { issuers: [const { OnceLock::new() }; ISSUERS], everything }
    }

    /// The hash of a target that is asked about: its issuer is kept while there is a place.
    // Always inlined: where the kind is known, little is left of it.
    #[inline(always)]
    pub(super) fn of_asked(&self, target: &Target<'_>) -> Hash {
        if target.kind() == TargetKind::Everything {
            return self.everything;
        }
        let first = self.issuers[0].get().and_then(|issuer| issuer.hash(target));
        first.unwrap_or_else(|| self.of_others(target))
    }

    /// The same for a target whose issuer is not the first.
    #[inline(never)]
    fn of_others(&self, target: &Target<'_>) -> Hash {
        for place in &self.issuers {
            // whoever was first has the place
            let issuer = place.get_or_init(|| Issuer::new(target.issuer()));
            if let Some(hash) = issuer.hash(target) {
                return hash;
            }
        }
        hash(target)
    }

    /// The hash of a target that is written. A log may tell of many issuers whose tokens never come here,
    /// so none is kept.
    pub(super) fn of_written(&self, target: &Target<'_>) -> u128 {
        if target.kind() == TargetKind::Everything {
            return self.everything.whole();
        }
        let mut known = self.issuers.iter().map_while(OnceLock::get);
        let kept = known.find_map(|issuer| issuer.hash(target));
        kept.unwrap_or_else(|| hash(target)).whole()
    }
}

fn hash(target: &Target<'_>) -> Hash {
    IdHasher::new(target.kind(), target.issuer()).hash(target.id())
}

/// `a == b`, without a call for names of 16 to 64 bytes, as those of issuers are.
#[inline(always)]
fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    // two pieces that overlap, unless there is nothing between them
    match a.len() {
        len if len != b.len() => false,
        16..=32 => {
            a.first_chunk::<16>() == b.first_chunk() && a.last_chunk::<16>() == b.last_chunk()
        }
        33..=64 => {
            a.first_chunk::<32>() == b.first_chunk() && a.last_chunk::<32>() == b.last_chunk()
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        // several of each length, and more than there are places
        ["", "i", "j", "k", "ii", "ij", "ji", "https://idp.example.com", "https://idp.example.net"]
            .map(String::from)
            .into()
    }

    /// Every kind of target of these issuers.
    fn targets(names: &[String]) -> Vec<Target<'_>> {
        let of = |name| TargetKind::ALL.map(|kind| Target::from_parts(kind, name, "bob"));
        names.iter().flat_map(|name| of(name)).collect()
    }

    fn kept(hashing: &Hashing) -> Vec<&str> {
        hashing.issuers.iter().filter_map(|place| Some(&*place.get()?.name)).collect()
    }

    #[test]
    fn whatever_is_kept_the_hash_is_that_of_the_target() {
        let names = names();
        for first in 0..names.len() {
            let hashing = Hashing::new();
            let mut rotated = names.clone();
            rotated.rotate_left(first);
            for round in 0..2 {
                for target in targets(&rotated) {
                    assert_eq!(
                        hashing.of_written(&target),
                        target.hash128(),
                        "{target:?}, {round}"
                    );
                    assert_eq!(
                        hashing.of_asked(&target).whole(),
                        target.hash128(),
                        "{target:?}, {round}"
                    );
                }
            }
            assert_eq!(kept(&hashing), rotated[..ISSUERS]);
        }
    }

    #[test]
    fn issuers_are_kept_when_they_are_asked_about_and_not_when_they_are_written() {
        let (hashing, names) = (Hashing::new(), names());
        for target in targets(&names) {
            hashing.of_written(&target);
        }
        hashing.of_asked(&Target::everything());
        assert!(kept(&hashing).is_empty());
        for _ in 0..2 {
            hashing.of_asked(&Target::token("i", "7f1c"));
            hashing.of_asked(&Target::subject("i", "bob"));
        }
        assert_eq!(kept(&hashing), ["i"]);
    }
    #[test]
    fn names_of_any_length_are_the_same_only_if_every_byte_is() {
        for len in 0..100 {
            let name = "i".repeat(len);
            assert!(is_same(&name, &name.clone()));
            assert!(!is_same(&name, &"i".repeat(len + 1)) && !is_same(&"i".repeat(len + 1), &name));
            for at in 0..len {
                let mut other = name.clone();
                other.replace_range(at..=at, "j");
                assert!(!is_same(&name, &other), "{at} of {len}");
            }
        }
    }
}
