//! What the rules refuse, ask for and waive, whatever the store says.

use std::error::Error;
use std::sync::Arc;

use portcullis_core::{
    Allowlist, AllowlistStore, CutoffStore, DenialReason, Denylist, DenylistStore, GenerationStore,
    IatCutoff, MinGeneration, Position, Revocation, StoreError, StoreErrorKind, Target, TargetKind,
    Timestamp, TokenView, Verdict,
};
use portcullis_testing::block_on;

use crate::fake::{Answer, ById, BySubject, Distinct, ISSUER, NOW, Script, token};

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
fn a_fingerprint_stands_in_for_an_id_in_a_store_of_ids() {
    let listed = |answer| {
        let script = Script::default();
        script.then(answer);
        script
    };
    let view = TokenView::new(ISSUER).with_fingerprint("f");
    for (answer, denied) in [(Answer::Revoked, true), (Answer::Good, false)] {
        let denylist = Denylist::new(listed(answer)).fingerprint_without_jti();
        assert_eq!(block_on(denylist.check(&view)).is_denied(), denied, "{answer:?}");
        let allowlist = Allowlist::new(listed(answer)).fingerprint_without_jti();
        assert_eq!(block_on(allowlist.check(&view)).is_denied(), denied, "{answer:?}");
    }
}

#[test]
fn a_remembered_answer_is_about_its_own_targets() {
    let minute = std::time::Duration::from_secs(60);
    let cutoff = IatCutoff::new(ById).cache_for(minute);
    let denylist = Denylist::new(ById).cache_for(minute);
    let allowlist = Allowlist::new(ById).cache_for(minute);
    let generation = MinGeneration::new(ById).cache_for(minute);
    for _ in 0..2 {
        for (id, denied) in [("good", false), ("bad", true), ("good", false)] {
            let view = token().with_subject(id).with_token_id(id);
            assert_eq!(view.issuer(), ISSUER);
            assert_eq!(block_on(cutoff.check(&view)).is_denied(), denied, "{id}");
            // of one subject, so that the targets are all that differs
            let one = view.with_subject("bob");
            assert_eq!(block_on(denylist.check(&one)).is_denied(), denied, "{id}");
            assert_eq!(block_on(allowlist.check(&one)).is_denied(), denied, "{id}");
            assert_eq!(block_on(generation.check(&view)).is_denied(), denied, "{id}");
        }
    }
}

#[test]
fn an_error_of_a_store_tells_its_cause_and_a_position_its_number() {
    let error = StoreError::new(StoreErrorKind::Corrupt, "the row makes no sense");
    assert!(error.source().is_none());
    let error = error.with_source("column 3");
    assert_eq!(error.to_string(), "the row makes no sense");
    assert_eq!(error.source().unwrap().to_string(), "column 3");
    assert_eq!(Position::new(7).to_string(), "7");
}

#[test]
fn behind_an_arc_a_store_answers_as_itself() {
    let store = Arc::new(Distinct);
    let (target, view) = (Target::token(ISSUER, "1"), token());
    let later = |secs| Some(Timestamp::from_secs(secs));
    assert_eq!(block_on(CutoffStore::cutoff(&store, &target)).unwrap(), later(1));
    assert_eq!(block_on(store.latest_cutoff(&[target])).unwrap(), later(2));
    assert_eq!(store.peek_cutoff(&[target]), Some(later(3)));
    assert_eq!(store.peek_token_cutoff(&view), Some(later(9)));
    assert_eq!(CutoffStore::kinds(&store), [TargetKind::Key]);
    assert_eq!(CutoffStore::version(&store), Some(4));
    for denied in [true, false] {
        let id = if denied { "bad" } else { "good" };
        let target = Target::token(ISSUER, id);
        assert_eq!(block_on(DenylistStore::is_denied(&store, &target)).unwrap(), denied);
        assert_eq!(block_on(store.is_any_denied(&view, &[target])).unwrap(), denied);
        assert_eq!(store.peek_denied(&view, &[target]), Some(denied));
        assert_eq!(store.peek_token_denied(&view.with_client(id)), Some(denied));
        assert_eq!(block_on(AllowlistStore::is_allowed(&store, &target)).unwrap(), !denied);
        assert_eq!(store.peek_allowed(&target), Some(!denied));
    }
    assert_eq!(DenylistStore::kinds(&store), [TargetKind::Client]);
    assert_eq!(DenylistStore::version(&store), Some(5));
    assert_eq!(block_on(GenerationStore::min_generation(&store, &target)).unwrap(), Some(6));
    assert_eq!(store.peek_min_generation(&target), Some(Some(7)));
    assert_eq!(GenerationStore::version(&store), Some(8));
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
