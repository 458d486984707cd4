//! The version: while it stays the same, what passed still passes.

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::state::{Limits, State};
use portcullis_core::{
    CutoffStore, Denylist, DenylistStore, Entry, GenerationStore, IatCutoff, MinGeneration,
    NoRevocation, OptionalRule, Position, Retention, Revocation, StoreError, Target, Timestamp,
    TokenView, Verdict,
};

use crate::fake::{ISSUER, NOW, Script};

fn state() -> (State, Retention) {
    (State::new(Limits::default()), Retention::default())
}

#[test]
fn every_write_that_may_deny_changes_it_and_a_listing_does_not() {
    let (state, retention) = state();
    let token = Target::token(ISSUER, "1");
    let bob = Target::subject(ISSUER, "bob");
    let mut last = state.version(|| NOW).unwrap();
    let mut changed = |state: &State| {
        let version = state.version(|| NOW).unwrap();
        let changed = version > last;
        last = version;
        changed
    };
    for entry in [Entry::deny(token), Entry::not_before_now(bob), Entry::min_generation(bob, 7)] {
        state.revoke(&entry, &retention, NOW).unwrap();
        assert!(changed(&state), "{entry:?}");
    }
    let at = Position::new;
    state.allow(token, None, None, at(5), &retention, NOW).unwrap();
    assert!(!changed(&state), "a new listing denies nobody");
    state.allow(token, None, None, at(4), &retention, NOW).unwrap();
    assert!(changed(&state), "a listing that came earlier may fall under a removal");
    for target in [bob, token] {
        state.remove(target, at(6), &retention, NOW).unwrap();
        assert!(changed(&state), "{target:?}");
    }
    state.purge(NOW);
    assert!(!changed(&state), "nothing was written");
}

#[test]
fn there_is_none_while_a_denial_is_pending() {
    let (state, retention) = state();
    let before = state.version(|| NOW).unwrap();
    let grace = NOW.saturating_add(Duration::from_millis(1_500));
    let entry = Entry::deny_from(Target::token(ISSUER, "1"), grace);
    state.revoke(&entry, &retention, NOW).unwrap();
    assert_eq!(state.version(|| NOW), None);
    let just_before = Timestamp::from_millis(grace.as_millis() - 1);
    assert_eq!(state.version(|| just_before), None);
    assert!(state.version(|| grace).unwrap() > before);
}

#[test]
fn the_clock_is_asked_only_while_a_denial_is_pending() {
    let (state, retention) = state();
    let denied = Target::token(ISSUER, "1");
    let asked = || panic!("nothing depends on the time");
    assert_eq!(state.version(asked), Some(0));
    // from this moment on: there is nothing to wait for
    state.revoke(&Entry::deny_from(denied, NOW), &retention, NOW).unwrap();
    assert!(state.is_denied(&denied, asked));
    assert!(state.version(asked) > Some(0));
}

#[test]
fn rules_together_have_one_only_if_all_of_them_have() {
    // a store that has to be asked every time
    let asked = || Denylist::new(Script::default());
    assert_eq!(asked().version(), None);
    assert_eq!(asked().and(NoRevocation).version(), None);
    assert_eq!(NoRevocation.and(IatCutoff::new(Script::default())).version(), None);
    assert_eq!(NoRevocation.and(NoRevocation).version(), Some(0));
    assert_eq!(OptionalRule::<Denylist<Script>>::new(None).version(), Some(0));
    assert_eq!(OptionalRule::new(Some(asked())).version(), None);
}

/// A rule that says nothing of a version.
struct Plain;

impl Revocation for Plain {
    fn peek(&self, _: &TokenView<'_>) -> Option<Verdict> {
        None
    }

    async fn check(&self, _: &TokenView<'_>) -> Verdict {
        Verdict::Allowed
    }
}

#[test]
fn a_rule_that_says_nothing_of_it_is_asked_every_time() {
    assert_eq!(Plain.version(), None);
    assert_eq!(GenerationStore::version(&Script::default()), None);
    assert_eq!(NoRevocation.and(Plain).version(), None);
}

/// A store with a version that has to be asked all the same, as one does whose memory holds a part.
struct Versioned;

impl CutoffStore for Versioned {
    type Error = StoreError;

    async fn cutoff(&self, _: &Target<'_>) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    fn version(&self) -> Option<u64> {
        Some(7)
    }
}

impl DenylistStore for Versioned {
    type Error = StoreError;

    async fn is_denied(&self, _: &Target<'_>) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn version(&self) -> Option<u64> {
        Some(7)
    }
}

impl GenerationStore for Versioned {
    type Error = StoreError;

    async fn min_generation(&self, _: &Target<'_>) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    fn version(&self) -> Option<u64> {
        Some(7)
    }
}

#[test]
fn there_is_none_where_answers_are_reused() {
    assert_eq!(IatCutoff::new(Versioned).version(), Some(7));
    assert_eq!(Denylist::new(Versioned).version(), Some(7));
    assert_eq!(MinGeneration::new(Versioned).version(), Some(7));
    assert_eq!(Arc::new(Denylist::new(Versioned)).version(), Some(7));
    // an answer from before a write would be noted for the version after it, and be reused for ever
    let second = Duration::from_secs(1);
    assert_eq!(IatCutoff::new(Versioned).cache_for(second).version(), None);
    assert_eq!(Denylist::new(Versioned).cache_for(second).version(), None);
    assert_eq!(MinGeneration::new(Versioned).cache_for(second).version(), None);
}
