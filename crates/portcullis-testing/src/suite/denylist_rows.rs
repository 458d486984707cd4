//! A denylist of tokens that is only read. The function under test makes a store that denies these.

use portcullis_core::{Denylist, DenylistStore, Target, TargetBuf, TokenView};

use super::{ISSUER, LOOKALIKES, OTHER_ISSUER, START, assert_denied, assert_passes, token};

cases! {
    $
    /// Tests a [`DenylistStore`](portcullis_core::DenylistStore) that is only read:
    /// `denylist_rows_tests!(make)` with an `async fn make(denied: Vec<TargetBuf>) -> S`.
    ///
    /// See [`suite`](crate::suite).
    denylist_rows_tests, denylist_rows, make: (Vec<TargetBuf>) -> S: (DenylistStore) {
        what_is_listed_is_denied_and_lookalikes_are_not,
        issuers_are_told_apart,
        a_token_without_jti_is_refused,
    }
}

/// Each row denies exactly the token that it names.
pub async fn what_is_listed_is_denied_and_lookalikes_are_not<S: DenylistStore>(
    make: &impl AsyncFn(Vec<TargetBuf>) -> S,
) {
    for denied in LOOKALIKES {
        let rule = Denylist::new(make(vec![Target::token(ISSUER, denied).to_owned()]).await);
        for jti in LOOKALIKES {
            let token = token("alice", jti, START);
            if jti == denied {
                assert_denied(&rule, &token, "it is listed").await;
            } else {
                assert_passes(&rule, &token, &format!("only {denied:?} is listed")).await;
            }
        }
    }
}

/// Two issuers may both have a token `1`. A store for one issuer only can leave this case out.
pub async fn issuers_are_told_apart<S: DenylistStore>(make: &impl AsyncFn(Vec<TargetBuf>) -> S) {
    let rule = Denylist::new(make(vec![Target::token(ISSUER, "1").to_owned()]).await);
    let other = TokenView::new(OTHER_ISSUER).with_token_id("1");
    assert_passes(&rule, &other, "it is another issuer's token").await;
}

/// Nothing could ever deny it.
pub async fn a_token_without_jti_is_refused<S: DenylistStore>(
    make: &impl AsyncFn(Vec<TargetBuf>) -> S,
) {
    let rule = Denylist::new(make(Vec::new()).await);
    let view = TokenView::new(ISSUER).with_subject("bob").with_issued_at(START);
    assert_denied(&rule, &view, "there is no jti").await;
}
