//! A table of cutoffs that is only read. The function under test makes a store that holds these rows.

use portcullis_core::{CutoffStore, IatCutoff, Target, TargetBuf, Timestamp, TokenView};

use super::{
    ISSUER, LOOKALIKES, OTHER_ISSUER, START, assert_denied, assert_passes, boundary_grid, token,
};

/// A row: whom it is about, and up to when its tokens are refused.
pub type Row = (TargetBuf, Timestamp);

cases! {
    $
    /// Tests a [`CutoffStore`](portcullis_core::CutoffStore) that is only read:
    /// `cutoff_rows_tests!(make)` with an `async fn make(rows: Vec<(TargetBuf, Timestamp)>) -> S`.
    ///
    /// See [`suite`](crate::suite).
    cutoff_rows_tests, cutoff_rows, make: (Vec<Row>) -> S: (CutoffStore) {
        the_boundary_is_a_second_for_whole_times_and_a_millisecond_for_others,
        without_a_cutoff_everything_passes,
        lookalike_subjects_are_told_apart,
        issuers_are_told_apart,
        a_token_that_lacks_a_claim_is_refused,
    }
}

/// What was issued up to the cutoff is refused and what was issued later passes.
pub async fn the_boundary_is_a_second_for_whole_times_and_a_millisecond_for_others<
    S: CutoffStore,
>(
    make: &impl AsyncFn(Vec<Row>) -> S,
) {
    let grid = boundary_grid();
    let subjects: Vec<String> = (0..grid.len()).map(|n| format!("user {n}")).collect();
    let rows = subjects.iter().zip(&grid).map(|(subject, (cutoff, ..))| row(subject, *cutoff));
    let rule = IatCutoff::new(make(rows.collect()).await);
    for (subject, (cutoff, issued, survives)) in subjects.iter().zip(&grid) {
        let token = token(subject, "1", *issued);
        if *survives {
            assert_passes(&rule, &token, &format!("issued after the cutoff {cutoff}")).await;
        } else {
            assert_denied(&rule, &token, &format!("issued up to the cutoff {cutoff}")).await;
        }
    }
}

/// A subject without a row was never signed out.
pub async fn without_a_cutoff_everything_passes<S: CutoffStore>(
    make: &impl AsyncFn(Vec<Row>) -> S,
) {
    let rule = IatCutoff::new(make(Vec::new()).await);
    assert_passes(&rule, &token("bob", "1", Timestamp::UNIX_EPOCH), "there is no cutoff").await;
}

/// Each row is about exactly the subject that it names.
pub async fn lookalike_subjects_are_told_apart<S: CutoffStore>(make: &impl AsyncFn(Vec<Row>) -> S) {
    for signed_out in LOOKALIKES {
        let rule = IatCutoff::new(make(vec![row(signed_out, START)]).await);
        for subject in LOOKALIKES {
            let token = token(subject, "1", START);
            if subject == signed_out {
                assert_denied(&rule, &token, "it is signed out").await;
            } else {
                assert_passes(&rule, &token, &format!("only {signed_out:?} is signed out")).await;
            }
        }
    }
}

/// Two issuers may both have a `bob`. A store for one issuer only can leave this case out.
pub async fn issuers_are_told_apart<S: CutoffStore>(make: &impl AsyncFn(Vec<Row>) -> S) {
    let rule = IatCutoff::new(make(vec![row("bob", START)]).await);
    let other = TokenView::new(OTHER_ISSUER).with_subject("bob").with_issued_at(START);
    assert_passes(&rule, &other, "it is another issuer's bob").await;
}

/// No `sub` or no `iat`: no cutoff could ever apply.
pub async fn a_token_that_lacks_a_claim_is_refused<S: CutoffStore>(
    make: &impl AsyncFn(Vec<Row>) -> S,
) {
    let rule = IatCutoff::new(make(Vec::new()).await);
    let view = TokenView::new(ISSUER);
    assert_denied(&rule, &view.with_issued_at(START), "there is no sub").await;
    assert_denied(&rule, &view.with_subject("bob"), "there is no iat").await;
}

fn row(subject: &str, cutoff: Timestamp) -> Row {
    (Target::subject(ISSUER, subject).to_owned(), cutoff)
}
