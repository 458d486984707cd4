//! What the rules refuse, ask for and waive, whatever the store says.

use portcullis_core::{
    Allowlist, DenialReason, Denylist, IatCutoff, MinGeneration, Revocation, Timestamp, TokenView,
    Verdict,
};
use portcullis_testing::block_on;

use crate::fake::{Answer, BySubject, ISSUER, NOW, Script, token};

/// That the rule refuses a token which lacks this claim, without asking its store.
#[track_caller]
fn check_missing(rule: &impl Revocation, view: &TokenView<'_>, claim: &str) {
    for verdict in [rule.peek(view).expect("no store is needed"), block_on(rule.check(view))] {
        match verdict {
            Verdict::Denied(denial) => match denial.reason() {
                DenialReason::MissingClaim(missing) => assert_eq!(*missing, claim),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }
}

#[track_caller]
fn check_waived(rule: &impl Revocation, view: &TokenView<'_>) {
    for verdict in [rule.peek(view).expect("no store is needed"), block_on(rule.check(view))] {
        assert!(matches!(verdict, Verdict::Allowed), "{verdict:?}");
    }
}

#[test]
fn a_token_that_lacks_what_a_rule_needs_is_refused() {
    let view = TokenView::new(ISSUER);
    let (bob, at, id) =
        (view.with_subject("bob"), view.with_issued_at(NOW), view.with_token_id("1"));
    // the script is empty: asking would panic
    let script = Script::default;
    check_missing(&IatCutoff::new(script()), &at, "sub");
    check_missing(&IatCutoff::new(script()), &bob, "iat");
    check_missing(&IatCutoff::new(script()).auth_time(), &bob.with_issued_at(NOW), "auth_time");
    check_missing(&IatCutoff::new(script()).auth_time_or_iat(), &bob, "auth_time");
    check_missing(&Denylist::new(script()), &bob.with_issued_at(NOW), "jti");
    check_missing(&Denylist::new(script()).fingerprint_without_jti(), &bob, "jti");
    check_missing(&Denylist::new(script()), &bob.with_fingerprint("f"), "jti");
    check_missing(&Allowlist::new(script()), &bob.with_fingerprint("f"), "jti");
    check_missing(&Allowlist::new(script()).fingerprint_without_jti(), &bob, "jti");
    check_missing(&MinGeneration::new(script()), &bob, "generation");
    check_missing(&MinGeneration::new(script()), &id.with_generation(1), "sub");
}

#[test]
fn each_need_can_be_waived_by_its_name_and_only_that() {
    let view = TokenView::new(ISSUER);
    let bob = view.with_subject("bob");
    let script = Script::default;
    check_waived(&IatCutoff::new(script()).allow_tokens_without_sub(), &view.with_issued_at(NOW));
    check_waived(&IatCutoff::new(script()).allow_tokens_without_iat(), &bob);
    check_waived(&Denylist::new(script()).allow_tokens_without_jti(), &bob);
    check_waived(&MinGeneration::new(script()).allow_tokens_without_generation(), &bob);

    check_missing(&IatCutoff::new(script()).allow_tokens_without_sub(), &bob, "iat");
    check_missing(
        &IatCutoff::new(script()).allow_tokens_without_iat(),
        &view.with_issued_at(NOW),
        "sub",
    );
    let generation = view.with_generation(1);
    let rule = MinGeneration::new(script()).allow_tokens_without_generation();
    check_missing(&rule, &generation, "sub");
}

#[test]
fn a_cutoff_may_look_at_auth_time() {
    let before = Timestamp::from_secs(NOW.as_secs() - 1);
    let after = Timestamp::from_secs(NOW.as_secs() + 1);
    let denied =
        |rule: &IatCutoff<Script>, view: &TokenView<'_>| block_on(rule.check(view)).is_denied();
    let script = || {
        let script = Script::default();
        script.then(Answer::Revoked);
        script
    };
    // a refresh token that survived has minted a fresh `iat`
    let refreshed = token().with_auth_time(before).with_issued_at(after);
    let signed_in = token().with_auth_time(after).with_issued_at(before);
    assert!(!denied(&IatCutoff::new(script()), &refreshed));
    assert!(denied(&IatCutoff::new(script()).auth_time(), &refreshed));
    assert!(denied(&IatCutoff::new(script()).auth_time_or_iat(), &refreshed));
    assert!(!denied(&IatCutoff::new(script()).auth_time(), &signed_in));
    assert!(!denied(&IatCutoff::new(script()).auth_time_or_iat(), &signed_in));
    let without = token().with_issued_at(before);
    assert!(denied(&IatCutoff::new(script()).auth_time_or_iat(), &without));
}

#[test]
fn an_answer_about_one_token_is_none_about_another_with_the_same_targets() {
    let rule = Denylist::new(BySubject).cache_for(std::time::Duration::from_secs(60));
    let after = Timestamp::from_secs(NOW.as_secs() + 1);
    let view = TokenView::new(ISSUER);
    for _ in 0..2 {
        for (subject, issued, denied) in
            [("bob", NOW, true), ("bob", after, false), ("alice", NOW, false)]
        {
            let view = view.with_subject(subject).with_issued_at(issued);
            let verdict = block_on(rule.check(&view));
            assert_eq!(verdict.is_denied(), denied, "{subject} {issued}");
        }
    }
}
