//! Cutoffs that are written through [`Revoke`].

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{
    Clock, CutoffStore, DenialReason, Entry, IatCutoff, Revoke, StoreErrorKind, Target, TargetKind,
    Timestamp, TokenView,
};

use super::{
    ISSUER, LOOKALIKES, MAX_LIFETIME, OTHER_ISSUER, SLACK, START, Setup, assert_denied,
    assert_passes, assert_refused, boundary_grid, done, token,
};

cases! {
    $
    /// Tests a store that is a [`CutoffStore`](portcullis_core::CutoffStore) and can be written to
    /// through [`Revoke`](portcullis_core::Revoke): `cutoffs_tests!(make)` with an
    /// `async fn make(setup: Setup) -> S`.
    ///
    /// See [`suite`](crate::suite).
    cutoffs_tests, cutoffs, make: (Setup) -> S: (CutoffStore + Revoke) {
        the_boundary_is_a_second_for_whole_times_and_a_millisecond_for_others,
        the_store_stamps_a_cutoff_with_its_clock,
        the_skew_of_the_issuer_is_added_to_the_stamp,
        of_two_cutoffs_the_later_counts_in_any_order,
        the_receipt_tells_the_cutoff_in_force,
        positions_grow,
        lookalike_subjects_are_told_apart,
        issuers_are_told_apart,
        every_kind_the_store_names_can_be_cut_off,
        a_cutoff_for_a_single_token_is_refused,
        a_cutoff_outlives_the_tokens_it_cuts_off,
    }
}

/// What was issued up to the cutoff is refused and what was issued later passes.
pub async fn the_boundary_is_a_second_for_whole_times_and_a_millisecond_for_others<S>(
    make: &impl AsyncFn(Setup) -> S,
) where
    S: CutoffStore + Revoke,
{
    let store = Arc::new(make(Setup::new()).await);
    let rule = IatCutoff::new(Arc::clone(&store));
    for (n, (cutoff, issued, survives)) in boundary_grid().into_iter().enumerate() {
        let subject = format!("user {n}");
        done(store.revoke(Entry::not_before(Target::subject(ISSUER, &subject), cutoff)).await);
        let token = token(&subject, "1", issued);
        if survives {
            assert_passes(&rule, &token, &format!("issued after the cutoff {cutoff}")).await;
        } else {
            assert_denied(&rule, &token, &format!("issued up to the cutoff {cutoff}")).await;
        }
    }
}

/// "Sign out everywhere" is stamped when it is written, and the next second's tokens work at once.
pub async fn the_store_stamps_a_cutoff_with_its_clock<S: CutoffStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = Arc::new(make(setup.clone()).await);
    let rule = IatCutoff::new(Arc::clone(&store));
    setup.clock.advance(Duration::from_millis(10_250));
    done(store.revoke(Entry::not_before_now(Target::subject(ISSUER, "bob"))).await);
    let now = START.as_millis() + 10_250;
    for (issued, survives) in [
        (now - 1_000, false),
        (now - 250, false), // the second of the cutoff as a whole number
        (now, false),
        (now + 1, true),
        (now + 750, true), // the next second as a whole number
    ] {
        let token = token("bob", "1", Timestamp::from_millis(issued));
        if survives {
            assert_passes(&rule, &token, "issued after the sign-out").await;
        } else {
            assert_denied(&rule, &token, "issued before the sign-out").await;
        }
    }
}

/// An issuer whose clock is ahead stamps tokens with times that the store has not seen yet.
pub async fn the_skew_of_the_issuer_is_added_to_the_stamp<S: CutoffStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let mut setup = Setup::new();
    setup.retention = setup.retention.issuer_skew(Duration::from_secs(5));
    let store = Arc::new(make(setup).await);
    let rule = IatCutoff::new(Arc::clone(&store));
    done(store.revoke(Entry::not_before_now(Target::subject(ISSUER, "bob"))).await);
    let ahead = |secs| token("bob", "1", Timestamp::from_secs(START.as_secs() + secs));
    assert_denied(&rule, &ahead(5), "the issuer may be five seconds ahead").await;
    assert_passes(&rule, &ahead(6), "the issuer is not further ahead").await;
}

/// Writes may be repeated and overtake each other.
pub async fn of_two_cutoffs_the_later_counts_in_any_order<S: CutoffStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let at = |secs| Timestamp::from_secs(START.as_secs() + secs);
    for order in [[10, 20, 30], [30, 20, 10], [20, 30, 10], [30, 10, 30], [10, 30, 30]] {
        let store = Arc::new(make(Setup::new()).await);
        let rule = IatCutoff::new(Arc::clone(&store));
        let bob = Target::subject(ISSUER, "bob");
        for secs in order {
            done(store.revoke(Entry::not_before(bob, at(secs))).await);
        }
        assert_denied(&rule, &token("bob", "1", at(30)), &format!("after {order:?}")).await;
        assert_passes(&rule, &token("bob", "1", at(31)), &format!("after {order:?}")).await;
        let verdict = assert_denied(&rule, &token("bob", "1", at(5)), "long before").await;
        let reason = DenialReason::CutOff { cutoff: at(30), issued: at(5) };
        assert_eq!(*verdict.reason(), reason, "the later cutoff is the one in force");
    }
}

/// An issuer that waits a cutoff out has to know it.
pub async fn the_receipt_tells_the_cutoff_in_force<S: CutoffStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    setup.clock.advance(Duration::from_millis(1_234));
    let now = setup.clock.now();
    let store = make(setup).await;
    let bob = Target::subject(ISSUER, "bob");
    let receipt = done(store.revoke(Entry::not_before_now(bob)).await);
    assert_eq!(receipt.cutoff(), Some(now));
    let earlier = done(store.revoke(Entry::not_before(bob, START)).await);
    assert_eq!(earlier.cutoff(), Some(now), "an earlier cutoff changes nothing");
}

/// Every write has a place in the order of writes.
pub async fn positions_grow<S: CutoffStore + Revoke>(make: &impl AsyncFn(Setup) -> S) {
    let store = make(Setup::new()).await;
    let mut last = None;
    for n in 0..5 {
        let subject = format!("user {}", n % 2);
        let entry = Entry::not_before_now(Target::subject(ISSUER, &subject));
        let position = Some(done(store.revoke(entry).await).position());
        assert!(position > last, "{position:?} does not come after {last:?}");
        last = position;
    }
}

/// Each cutoff is about exactly the subject that it names.
pub async fn lookalike_subjects_are_told_apart<S: CutoffStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let store = Arc::new(make(Setup::new()).await);
    let rule = IatCutoff::new(Arc::clone(&store));
    for (n, subject) in LOOKALIKES.into_iter().enumerate() {
        done(store.revoke(Entry::not_before_now(Target::subject(ISSUER, subject))).await);
        for (m, subject) in LOOKALIKES.into_iter().enumerate() {
            let token = token(subject, "1", START);
            if m <= n {
                assert_denied(&rule, &token, "it is signed out").await;
            } else {
                assert_passes(&rule, &token, "it is not signed out yet").await;
            }
        }
    }
}

/// Two issuers may both have a `bob`.
pub async fn issuers_are_told_apart<S: CutoffStore + Revoke>(make: &impl AsyncFn(Setup) -> S) {
    let store = Arc::new(make(Setup::new()).await);
    let rule = IatCutoff::new(Arc::clone(&store));
    done(store.revoke(Entry::not_before_now(Target::subject(ISSUER, "bob"))).await);
    let other = TokenView::new(OTHER_ISSUER).with_subject("bob").with_issued_at(START);
    assert_passes(&rule, &other, "it is another issuer's bob").await;
}

/// A session, a client, a key, an issuer, everything, as far as the store names them as its kinds.
pub async fn every_kind_the_store_names_can_be_cut_off<S: CutoffStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let view = TokenView::new(ISSUER)
        .with_subject("same")
        .with_token_id("same")
        .with_session("same")
        .with_client("same")
        .with_key("same")
        .with_issued_at(START);
    let kinds = CutoffStore::kinds(&make(Setup::new()).await);
    assert!(kinds.contains(&TargetKind::Subject), "subjects are what cutoffs are for");
    for &kind in kinds {
        let store = Arc::new(make(Setup::new()).await);
        let rule = IatCutoff::new(Arc::clone(&store));
        let Some(target) = view.target(kind) else { continue };
        done(store.revoke(Entry::not_before_now(target)).await);
        assert_denied(&rule, &view, &format!("its {kind} is cut off")).await;
        let later = view.with_issued_at(Timestamp::from_secs(START.as_secs() + 1));
        assert_passes(&rule, &later, "it was issued after the cutoff").await;
        let cutoffs = kinds.iter().filter_map(|kind| view.target(*kind));
        for other in cutoffs.filter(|other| *other != target) {
            let cutoff = store.cutoff(&other).await.map_err(Into::into);
            assert_eq!(cutoff.unwrap_or_else(|error| panic!("{error}")), None, "{other:?}");
        }
    }
}

/// No rule would honour it, and a write that has no effect must not look like one that has.
pub async fn a_cutoff_for_a_single_token_is_refused<S: CutoffStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let store = make(Setup::new()).await;
    let entry = Entry::not_before_now(Target::token(ISSUER, "1"));
    assert_refused(store.revoke(entry).await, StoreErrorKind::Invalid, "a token has no cutoff");
}

/// However much is written in the meantime.
pub async fn a_cutoff_outlives_the_tokens_it_cuts_off<S: CutoffStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = Arc::new(make(setup.clone()).await);
    let rule = IatCutoff::new(Arc::clone(&store));
    done(store.revoke(Entry::not_before_now(Target::subject(ISSUER, "bob"))).await);
    let keep_until = setup.after(MAX_LIFETIME + SLACK);
    let token = token("bob", "1", START);
    while setup.clock.now() < keep_until {
        assert_denied(&rule, &token, "such a token may still be alive").await;
        setup.clock.advance(Duration::from_secs(605));
        for n in 0..50 {
            let (now, subject) = (setup.clock.now().as_secs(), format!("user {n}"));
            let subject = format!("{subject} of {now}");
            done(store.revoke(Entry::not_before_now(Target::subject(ISSUER, &subject))).await);
        }
    }
}
