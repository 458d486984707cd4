//! What the cases write: entries of every kind, and many of them.

use std::time::Duration;

use portcullis_core::feed::Feed;
use portcullis_core::state::State;
use portcullis_core::{Entry, Revoke, Target};

use super::super::{ISSUER, OTHER_ISSUER, START, done};
use super::Copy;

/// Whether a copy knows an entry.
pub(super) type Knows = fn(&State) -> bool;

/// One entry of each kind.
pub(super) fn every_entry() -> Vec<(Entry, Knows)> {
    const BOB: Target<'static> = Target::subject(ISSUER, "bob");
    const NARROW: [Target<'static>; 3] = [
        Target::token(ISSUER, "1"),
        Target::fingerprint(ISSUER, "1"),
        Target::session(ISSUER, "1"),
    ];
    let later = START.saturating_add(Duration::from_secs(60));
    vec![
        (Entry::deny(NARROW[0]).of_subject("bob"), |s| s.is_denied(&NARROW[0], || START)),
        (Entry::deny(NARROW[1]).expiring_at(later), |s| s.is_denied(&NARROW[1], || START)),
        (Entry::deny(NARROW[2]), |s| s.is_denied(&NARROW[2], || START)),
        (Entry::deny(Target::subject(ISSUER, "eve")), |s| {
            s.is_denied(&Target::subject(ISSUER, "eve"), || START)
        }),
        (Entry::deny(Target::client(ISSUER, "app")), |s| {
            s.is_denied(&Target::client(ISSUER, "app"), || START)
        }),
        (Entry::deny(Target::key(ISSUER, "stolen")), |s| {
            s.is_denied(&Target::key(ISSUER, "stolen"), || START)
        }),
        (Entry::deny(Target::issuer_wide(OTHER_ISSUER)), |s| {
            s.is_denied(&Target::issuer_wide(OTHER_ISSUER), || START)
        }),
        (Entry::deny_from(Target::token(ISSUER, "graced"), later), |s| {
            let graced = Target::token(ISSUER, "graced");
            !s.is_denied(&graced, || START)
                && s.is_denied(&graced, || START.saturating_add(Duration::from_secs(60)))
        }),
        (Entry::not_before_now(BOB), |s| s.cutoff(&BOB) == Some(START)),
        (Entry::not_before(Target::session(ISSUER, "2"), later), |s| {
            s.cutoff(&Target::session(ISSUER, "2")) > Some(START)
        }),
        (Entry::not_before_now(Target::issuer_wide(ISSUER)), |s| {
            s.cutoff(&Target::issuer_wide(ISSUER)) == Some(START)
        }),
        (Entry::not_before_now(Target::everything()), |s| {
            s.cutoff(&Target::everything()) == Some(START)
        }),
        (Entry::min_generation(BOB, 7), |s| s.min_generation(&BOB) == Some(7)),
        (Entry::min_generation(Target::subject(ISSUER, "max"), u64::MAX), |s| {
            s.min_generation(&Target::subject(ISSUER, "max")) == Some(u64::MAX)
        }),
    ]
}

pub(super) async fn write_many<S: Revoke>(store: &S, names: &[String]) {
    for (n, name) in names.iter().enumerate() {
        done(
            store
                .revoke(match n % 3 {
                    0 => Entry::deny(Target::token(ISSUER, name)),
                    1 => Entry::not_before_now(Target::subject(ISSUER, name)),
                    _ => Entry::min_generation(Target::subject(ISSUER, name), 1),
                })
                .await,
        );
    }
}

#[track_caller]
pub(super) fn assert_knows_all<S: Feed>(copy: &Copy<S>, names: &[String]) {
    for (n, name) in names.iter().enumerate() {
        let subject = Target::subject(ISSUER, name);
        let known = match n % 3 {
            0 => copy.denies(&Target::token(ISSUER, name)),
            1 => copy.state.cutoff(&subject).is_some(),
            _ => copy.state.min_generation(&subject).is_some(),
        };
        assert!(known, "{name} of {} is missing", names.len());
    }
}

pub(super) fn many() -> Vec<String> {
    (0..100).map(|n| format!("user {n}")).collect()
}
