//! The version: while it stays the same, what passed still passes.

use std::time::Duration;

use portcullis_core::state::{Limits, State};
use portcullis_core::{
    Denylist, Entry, IatCutoff, NoRevocation, OptionalRule, Position, Retention, Revocation,
    Target, Timestamp,
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
