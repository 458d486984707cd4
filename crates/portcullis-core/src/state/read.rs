//! Asking a state.

use std::sync::atomic::Ordering;

use super::State;
use super::expiry::Expiry;
use super::records::Record;
use crate::revocation::is_cut_off;
use crate::{Target, TargetKind, Timestamp, TokenView};

impl State {
    /// True if this target itself is denied. The clock is only asked where the answer depends on it.
    #[must_use]
    pub fn is_denied(&self, target: &Target<'_>, now: impl FnOnce() -> Timestamp) -> bool {
        let denials = self.denials_of(target.kind());
        if denials.kinds.has(target.kind()) && denials.now.contains(target.hash128()) {
            return true;
        }
        let pending = denials.pending.get(target);
        pending.is_some_and(|pending| pending.effective_millis <= now().as_millis())
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

    fn is_collapsed(&self, token: &TokenView<'_>) -> bool {
        let subject = token.target(TargetKind::Subject);
        let Some(mark) = subject.and_then(|subject| self.collapsed.get(&subject)) else {
            return false;
        };
        let cutoff = Timestamp::from_millis(mark.value);
        token.issued_at().is_none_or(|issued| is_cut_off(issued, cutoff))
    }

    /// The cutoff of this target: the later of the one that was written and the one that its denials
    /// were collapsed into.
    #[must_use]
    pub fn cutoff(&self, target: &Target<'_>) -> Option<Timestamp> {
        let written = self.not_before.get(target).map(|mark| mark.value);
        let collapsed = self.collapsed.get(target).map(|mark| mark.value);
        written.max(collapsed).map(Timestamp::from_millis)
    }

    /// The least generation of this target that still works.
    #[must_use]
    pub fn min_generation(&self, target: &Target<'_>) -> Option<u64> {
        self.generations.get(target).map(|mark| mark.value)
    }

    /// True if this token is on the allowlist.
    #[must_use]
    pub fn is_allowed(&self, token: &Target<'_>) -> bool {
        let Some(listed) = self.listed.get(token.hash128()) else { return false };
        let removed_at = |kind, key: &dyn Fn() -> u128| {
            let known = self.removed.kinds.has(kind).then(|| self.removed.table.get(key()));
            known.flatten().map_or(0, |mark| mark.value)
        };
        let issuer = Target::issuer_wide(token.issuer());
        listed.position > removed_at(TargetKind::Subject, &|| listed.subject)
            && listed.position > removed_at(TargetKind::Issuer, &|| issuer.hash128())
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
        let (key, denials) = (target.hash128(), self.denials_of(target.kind()));
        let now = denials.now.get(key).map(|denied| denied.expiry());
        let pending = denials.pending.table.get(key).map(|pending| pending.expiry());
        now.max(pending)
    }
}
