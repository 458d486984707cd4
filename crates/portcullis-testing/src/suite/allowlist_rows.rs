//! An allowlist that is only read. The function under test makes a store that lists these tokens.

use portcullis_core::{Allowlist, AllowlistStore, Target, TargetBuf, TokenView};

use super::{ISSUER, LOOKALIKES, OTHER_ISSUER, START, assert_denied, assert_passes, token};

cases! {
    $
    /// Tests an [`AllowlistStore`](portcullis_core::AllowlistStore) that is only read:
    /// `allowlist_rows_tests!(make)` with an `async fn make(listed: Vec<TargetBuf>) -> S`.
    ///
    /// See [`suite`](crate::suite).
    allowlist_rows_tests, allowlist_rows, make: (Vec<TargetBuf>) -> S: (AllowlistStore) {
        what_is_listed_passes_and_lookalikes_do_not,
        issuers_are_told_apart,
        a_token_without_jti_is_refused,
    }
}

/// Each row lets exactly the token pass that it names.
pub async fn what_is_listed_passes_and_lookalikes_do_not<S: AllowlistStore>(
    make: &impl AsyncFn(Vec<TargetBuf>) -> S,
) {
    for listed in LOOKALIKES {
        let rule = Allowlist::new(make(vec![Target::token(ISSUER, listed).to_owned()]).await);
        for jti in LOOKALIKES {
            let token = token("alice", jti, START);
            if jti == listed {
                assert_passes(&rule, &token, "it is listed").await;
            } else {
                assert_denied(&rule, &token, &format!("only {listed:?} is listed")).await;
            }
        }
    }
}

/// Two issuers may both have a token `1`. A store for one issuer only can leave this case out.
pub async fn issuers_are_told_apart<S: AllowlistStore>(make: &impl AsyncFn(Vec<TargetBuf>) -> S) {
    let rule = Allowlist::new(make(vec![Target::token(ISSUER, "1").to_owned()]).await);
    let other = TokenView::new(OTHER_ISSUER).with_token_id("1");
    assert_denied(&rule, &other, "it is another issuer's token").await;
}

/// It can't be listed.
pub async fn a_token_without_jti_is_refused<S: AllowlistStore>(
    make: &impl AsyncFn(Vec<TargetBuf>) -> S,
) {
    let rule = Allowlist::new(make(Vec::new()).await);
    let view = TokenView::new(ISSUER).with_subject("bob").with_issued_at(START);
    assert_denied(&rule, &view, "there is no jti").await;
}
