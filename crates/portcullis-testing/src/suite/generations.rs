//! Least generations that are written through [`Revoke`].

use std::sync::Arc;

use portcullis_core::{
    Entry, GenerationStore, MinGeneration, Revoke, StoreErrorKind, Target, TokenView,
};

use super::{ISSUER, OTHER_ISSUER, Setup, assert_denied, assert_passes, assert_refused, done};

cases! {
    $
    /// Tests a store that is a [`GenerationStore`](portcullis_core::GenerationStore) and can be
    /// written to through [`Revoke`](portcullis_core::Revoke): `generations_tests!(make)` with an
    /// `async fn make(setup: Setup) -> S`.
    ///
    /// See [`suite`](crate::suite).
    generations_tests, generations, make: (Setup) -> S: (GenerationStore + Revoke) {
        generations_below_the_least_are_refused,
        of_two_writes_the_larger_counts_in_any_order,
        subjects_and_issuers_are_told_apart,
        a_token_without_a_generation_is_refused,
        a_least_generation_of_anything_but_a_subject_is_refused,
    }
}

fn view(subject: &str, generation: u64) -> TokenView<'_> {
    TokenView::new(ISSUER).with_subject(subject).with_generation(generation)
}

/// Right at the boundary, and at both ends of the numbers.
pub async fn generations_below_the_least_are_refused<S: GenerationStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let store = Arc::new(make(Setup::new()).await);
    let rule = MinGeneration::new(Arc::clone(&store));
    assert_passes(&rule, &view("bob", 0), "there is no least generation").await;
    for least in [1, 2, 7, u64::from(u32::MAX), i64::MAX as u64 - 1, u64::MAX] {
        done(store.revoke(Entry::min_generation(Target::subject(ISSUER, "bob"), least)).await);
        assert_denied(&rule, &view("bob", least - 1), &format!("the least is {least}")).await;
        assert_passes(&rule, &view("bob", least), &format!("the least is {least}")).await;
        assert_passes(&rule, &view("bob", u64::MAX), &format!("the least is {least}")).await;
    }
}

/// Writes may be repeated and overtake each other.
pub async fn of_two_writes_the_larger_counts_in_any_order<S: GenerationStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    for order in [[1, 2, 3], [3, 2, 1], [2, 3, 1], [3, 3, 1]] {
        let store = Arc::new(make(Setup::new()).await);
        let rule = MinGeneration::new(Arc::clone(&store));
        for least in order {
            done(store.revoke(Entry::min_generation(Target::subject(ISSUER, "bob"), least)).await);
        }
        assert_denied(&rule, &view("bob", 2), &format!("after {order:?}")).await;
        assert_passes(&rule, &view("bob", 3), &format!("after {order:?}")).await;
    }
}

/// Each is about exactly the subject that it names.
pub async fn subjects_and_issuers_are_told_apart<S: GenerationStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let store = Arc::new(make(Setup::new()).await);
    let rule = MinGeneration::new(Arc::clone(&store));
    done(store.revoke(Entry::min_generation(Target::subject(ISSUER, "bob"), 5)).await);
    assert_passes(&rule, &view("alice", 4), "it is another subject").await;
    let other = TokenView::new(OTHER_ISSUER).with_subject("bob").with_generation(4);
    assert_passes(&rule, &other, "it is another issuer's bob").await;
}

/// No least generation could ever apply.
pub async fn a_token_without_a_generation_is_refused<S: GenerationStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let rule = MinGeneration::new(make(Setup::new()).await);
    let view = TokenView::new(ISSUER);
    assert_denied(&rule, &view.with_subject("bob"), "there is no generation").await;
    assert_denied(&rule, &view.with_generation(7), "there is no sub").await;
}

/// No rule would honour it, and a write that has no effect must not look like one that has.
pub async fn a_least_generation_of_anything_but_a_subject_is_refused<
    S: GenerationStore + Revoke,
>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let store = make(Setup::new()).await;
    let entry = Entry::min_generation(Target::session(ISSUER, "1"), 1);
    assert_refused(store.revoke(entry).await, StoreErrorKind::Invalid, "only subjects have one");
}
