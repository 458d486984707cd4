//! The hashes of targets, with the keys of the issuers that are asked about kept: most tokens are those of
//! one issuer or a few, and then only the id is left to hash.

use std::sync::OnceLock;

use super::super::hash::IdHasher;
use crate::{Target, TargetKind};

/// How many issuers are kept. What comes later is derived each time, which costs as much again as the id.
const ISSUERS: usize = 4;

/// Hashes as [`Target::hash128`] does, and sooner.
pub(super) struct Hashing {
    /// The first issuers that were asked about. The places are filled from the first on, and never again.
    issuers: [OnceLock<Issuer>; ISSUERS],
    everything: u128,
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
    fn hash(&self, target: &Target<'_>) -> Option<u128> {
        let hasher = &self.hashers[target.kind() as usize];
        (*self.name == *target.issuer()).then(|| hasher.hash(target.id()))
    }
}

impl Hashing {
    pub(super) fn new() -> Self {
        let everything = Target::everything().hash128();
        Self { issuers: [const { OnceLock::new() }; ISSUERS], everything }
    }

    /// The hash of a target that is asked about: its issuer is kept while there is a place.
    // Always inlined: where the kind is known, little is left of it.
    #[inline(always)]
    pub(super) fn of_asked(&self, target: &Target<'_>) -> u128 {
        if target.kind() == TargetKind::Everything {
            return self.everything;
        }
        let first = self.issuers[0].get().and_then(|issuer| issuer.hash(target));
        first.unwrap_or_else(|| self.of_others(target))
    }

    /// The same for a target whose issuer is not the first.
    #[inline(never)]
    fn of_others(&self, target: &Target<'_>) -> u128 {
        for place in &self.issuers {
            // whoever was first has the place
            let issuer = place.get_or_init(|| Issuer::new(target.issuer()));
            if let Some(hash) = issuer.hash(target) {
                return hash;
            }
        }
        target.hash128()
    }

    /// The hash of a target that is written. A log may tell of many issuers whose tokens never come here,
    /// so none is kept.
    pub(super) fn of_written(&self, target: &Target<'_>) -> u128 {
        if target.kind() == TargetKind::Everything {
            return self.everything;
        }
        let mut known = self.issuers.iter().map_while(OnceLock::get);
        known.find_map(|issuer| issuer.hash(target)).unwrap_or_else(|| target.hash128())
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
                    assert_eq!(hashing.of_asked(&target), target.hash128(), "{target:?}, {round}");
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
}
