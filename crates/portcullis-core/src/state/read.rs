//! Asking a state.

use std::sync::atomic::Ordering;

use super::super::hash::{self, Tag};
use super::expiry::Expiry;
use super::kinds::KindSet;
use super::records::Record;
use super::{CUTOFF_KINDS, Marks, State};
use crate::revocation::is_cut_off;
use crate::{Target, TargetKind, Timestamp, TokenView};

impl State {
    /// True if this target itself is denied. The clock is only asked where the answer depends on it.
    #[must_use]
    #[inline]
    pub fn is_denied(&self, target: &Target<'_>, now: impl FnOnce() -> Timestamp) -> bool {
        self.denied_kinds.has(target.kind()) && self.holds_denial(target, hash::tag(target), now)
    }

    /// True if this target, which has this tag, is denied.
    // Always inlined: where the kind is known, little is left of it.
    #[inline(always)]
    fn holds_denial(&self, target: &Target<'_>, tag: Tag, now: impl FnOnce() -> Timestamp) -> bool {
        let denials = self.denials_of(target.kind());
        denials.may_hold(tag) && denials.holds(target, now)
    }

    /// True if any of the targets is denied, or if the token falls under a cutoff that its subject's
    /// denials were collapsed into. A token without `iat` always does.
    #[must_use]
    pub fn is_any_denied(
        &self,
        token: &TokenView<'_>,
        targets: &[Target<'_>],
        now: impl Fn() -> Timestamp,
    ) -> bool {
        targets.iter().any(|target| self.is_denied(target, &now)) || self.is_collapsed(token)
    }

    /// [`is_any_denied`](Self::is_any_denied) about all the targets of a token. Those of which nothing is
    /// held are not even made.
    #[must_use]
    #[inline]
    pub fn is_token_denied(&self, token: &TokenView<'_>, now: impl Fn() -> Timestamp) -> bool {
        let kinds = self.denied_kinds.load();
        if kinds.has(TargetKind::Token)
            && let Some(target) = token.target(TargetKind::Token)
            && self.holds_denial(&target, token.tag_of_token(&target), &now)
        {
            return true;
        }
        // most states deny nothing but single tokens, and then none is left
        let kinds = kinds.without(TargetKind::Token);
        (!kinds.is_empty() && self.is_denied_by(kinds, token, now)) || self.is_collapsed(token)
    }

    /// True if the token is denied by a target of these kinds.
    #[inline(never)]
    fn is_denied_by(
        &self,
        kinds: KindSet,
        token: &TokenView<'_>,
        now: impl Fn() -> Timestamp,
    ) -> bool {
        let mut targets = kinds.iter().filter_map(|kind| token.target(kind));
        targets.any(|target| self.is_denied(&target, &now))
    }

    #[inline]
    fn is_collapsed(&self, token: &TokenView<'_>) -> bool {
        self.collapsed.kinds.has(TargetKind::Subject) && self.is_subject_collapsed(token)
    }

    #[inline(never)]
    fn is_subject_collapsed(&self, token: &TokenView<'_>) -> bool {
        let subject = token.target(TargetKind::Subject);
        let Some(mark) = subject.and_then(|subject| self.mark(&self.collapsed, &subject)) else {
            return false;
        };
        let cutoff = Timestamp::from_millis(mark);
        token.issued_at().is_none_or(|issued| is_cut_off(issued, cutoff))
    }

    fn mark<T: Ord + Copy>(&self, marks: &Marks<T>, target: &Target<'_>) -> Option<T> {
        let held = marks.kinds.has(target.kind()) && marks.table.may_hold(hash::tag(target));
        let mark = held.then(|| marks.table.find(target.hash128()))?;
        mark.map(|mark| mark.value)
    }

    /// The cutoff of this target: the later of the one that was written and the one that its denials
    /// were collapsed into.
    #[must_use]
    pub fn cutoff(&self, target: &Target<'_>) -> Option<Timestamp> {
        let written = self.mark(&self.not_before, target);
        let collapsed = self.mark(&self.collapsed, target);
        written.max(collapsed).map(Timestamp::from_millis)
    }

    /// The latest [cutoff](Self::cutoff) of all the targets of a token. Those of which nothing is held are
    /// not even made.
    #[must_use]
    pub fn token_cutoff(&self, token: &TokenView<'_>) -> Option<Timestamp> {
        let latest = |marks: &Marks<i64>| {
            let kinds = marks.kinds.load().iter().filter(|kind| CUTOFF_KINDS.contains(kind));
            let targets = kinds.filter_map(|kind| token.target(kind));
            targets.filter_map(|target| self.mark(marks, &target)).max()
        };
        latest(&self.not_before).max(latest(&self.collapsed)).map(Timestamp::from_millis)
    }

    /// The least generation of this target that still works.
    #[must_use]
    pub fn min_generation(&self, target: &Target<'_>) -> Option<u64> {
        self.mark(&self.generations, target)
    }

    /// True if this token is on the allowlist.
    #[must_use]
    pub fn is_allowed(&self, token: &Target<'_>) -> bool {
        let Some(listed) = self.listed.get(token.hash128()) else { return false };
        let removed_at = |kind, key: &dyn Fn() -> u128| {
            let known = self.removed.kinds.has(kind).then(|| self.removed.table.get(key()));
            known.flatten().map_or(0, |mark| mark.value)
        };
        listed.position > removed_at(TargetKind::Subject, &|| listed.subject)
            && listed.position
                > removed_at(TargetKind::Issuer, &|| Target::issuer_wide(token.issuer()).hash128())
            && listed.position
                > removed_at(TargetKind::Everything, &|| Target::everything().hash128())
    }

    /// A number that grows with every write that may deny what passed before; `None` while denials are pending, which come into force
    /// without one. See [`Revocation::version`](crate::Revocation::version).
    #[must_use]
    pub fn version(&self, now: impl FnOnce() -> Timestamp) -> Option<u64> {
        let version = self.version.load(Ordering::Acquire);
        let pending_until = self.pending_until.load(Ordering::Acquire);
        let pending = pending_until > i64::MIN && pending_until > now().as_millis();
        (!pending).then_some(version)
    }

    /// Until when the denial of a target is kept, if it is denied or will be.
    pub(super) fn denial_expiry(&self, target: &Target<'_>) -> Option<Expiry> {
        let denials = self.denials_of(target.kind());
        let key = target.hash128();
        let now = denials.now.get(key).map(|denied| denied.expiry());
        let pending = denials.pending.get(key).map(|pending| pending.expiry());
        now.max(pending)
    }
}
