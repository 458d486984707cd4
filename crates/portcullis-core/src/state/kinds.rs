//! Which kinds of target a table holds anything about.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::TargetKind;

/// The kinds that were ever put into a table, each of them before its first record can be found.
#[derive(Default)]
pub(super) struct Kinds(AtomicU32);

impl Kinds {
    pub(super) fn add(&self, kind: TargetKind) {
        self.0.fetch_or(bit(kind), Ordering::Release);
    }

    pub(super) fn add_all(&self, others: &Self) {
        self.0.fetch_or(others.load().0, Ordering::Release);
    }

    #[inline]
    pub(super) fn has(&self, kind: TargetKind) -> bool {
        self.load().has(kind)
    }

    #[inline]
    pub(super) fn load(&self) -> KindSet {
        KindSet(self.0.load(Ordering::Acquire))
    }
}

/// Kinds of target.
#[derive(Clone, Copy)]
pub(super) struct KindSet(u32);

impl KindSet {
    #[inline]
    pub(super) const fn has(self, kind: TargetKind) -> bool {
        self.0 & bit(kind) != 0
    }

    #[inline]
    pub(super) const fn without(self, kind: TargetKind) -> Self {
        Self(self.0 & !bit(kind))
    }

    #[inline]
    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, in the order of [`TargetKind::ALL`].
    #[inline]
    pub(super) fn iter(self) -> impl Iterator<Item = TargetKind> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let kind = *TargetKind::ALL.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(kind)
        })
    }
}

const fn bit(kind: TargetKind) -> u32 {
    1 << kind as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_there_and_nothing_else() {
        for a in TargetKind::ALL {
            for b in TargetKind::ALL {
                let (kinds, others) = (Kinds::default(), Kinds::default());
                kinds.add(a);
                others.add(b);
                kinds.add_all(&others);
                let both = kinds.load();
                assert_eq!(both.without(a).is_empty(), a == b);
                assert!(both.without(a).iter().eq((a != b).then_some(b)));
                let expected = TargetKind::ALL.into_iter().filter(|kind| [a, b].contains(kind));
                assert!(both.iter().eq(expected), "{a} and {b}");
                assert!(TargetKind::ALL.iter().all(|&k| kinds.has(k) == [a, b].contains(&k)));
            }
        }
        assert_eq!(Kinds::default().load().iter().count(), 0);
    }
}
