//! Denials that are written through [`Revoke`].

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{
    Clock, Denylist, DenylistStore, Entry, Revoke, Target, TargetKind, Timestamp, TokenView,
};

use super::{
    ISSUER, LOOKALIKES, MAX_LIFETIME, OTHER_ISSUER, SLACK, START, Setup, assert_denied,
    assert_passes, done, token,
};

cases! {
    $
    /// Tests a store that is a [`DenylistStore`](portcullis_core::DenylistStore) and can be written
    /// to through [`Revoke`](portcullis_core::Revoke): `denials_tests!(make)` with an
    /// `async fn make(setup: Setup) -> S`.
    ///
    /// See [`suite`](crate::suite).
    denials_tests, denials, make: (Setup) -> S: (DenylistStore + Revoke) {
        a_denial_holds_from_its_acknowledgement_on_and_may_be_repeated,
        lookalike_tokens_are_told_apart,
        issuers_are_told_apart,
        every_kind_the_store_names_can_be_denied,
        a_fingerprint_can_be_denied,
        a_pending_denial_is_none_until_its_time_has_come,
        of_two_denials_the_earlier_counts_in_any_order,
        a_denial_outlives_its_token,
        a_denial_without_exp_outlives_the_longest_lifetime,
        a_denied_key_without_exp_is_kept_for_ever,
        a_clock_set_back_brings_nothing_back,
    }
}

/// Also for whoever asks about several targets at once.
pub async fn a_denial_holds_from_its_acknowledgement_on_and_may_be_repeated<S>(
    make: &impl AsyncFn(Setup) -> S,
) where
    S: DenylistStore + Revoke,
{
    let store = Arc::new(make(Setup::new()).await);
    let rule = Denylist::new(Arc::clone(&store));
    let target = Target::token(ISSUER, "1");
    assert_passes(&rule, &token("bob", "1", START), "nothing is denied yet").await;
    for _ in 0..3 {
        done(store.revoke(Entry::deny(target)).await);
        assert_denied(&rule, &token("bob", "1", START), "it is denied").await;
        assert!(is_denied(&*store, &target).await);
    }
    assert_passes(&rule, &token("bob", "2", START), "it is another token").await;
}

/// Each denial is about exactly the token that it names.
pub async fn lookalike_tokens_are_told_apart<S: DenylistStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let store = Arc::new(make(Setup::new()).await);
    let rule = Denylist::new(Arc::clone(&store));
    for (n, jti) in LOOKALIKES.into_iter().enumerate() {
        done(store.revoke(Entry::deny(Target::token(ISSUER, jti))).await);
        for (m, jti) in LOOKALIKES.into_iter().enumerate() {
            let token = token("alice", jti, START);
            if m <= n {
                assert_denied(&rule, &token, "it is denied").await;
            } else {
                assert_passes(&rule, &token, "it is not denied yet").await;
            }
        }
    }
}

/// Two issuers may both have a token `1`.
pub async fn issuers_are_told_apart<S: DenylistStore + Revoke>(make: &impl AsyncFn(Setup) -> S) {
    let store = Arc::new(make(Setup::new()).await);
    let rule = Denylist::new(Arc::clone(&store));
    done(store.revoke(Entry::deny(Target::token(ISSUER, "1"))).await);
    let other = TokenView::new(OTHER_ISSUER).with_token_id("1");
    assert_passes(&rule, &other, "it is another issuer's token").await;
}

fn same() -> TokenView<'static> {
    TokenView::new(ISSUER)
        .with_token_id("same")
        .with_session("same")
        .with_subject("same")
        .with_client("same")
        .with_key("same")
        .with_issued_at(START)
}

/// A session, a subject, a client, a key, an issuer, everything, as far as the store names them as
/// its kinds; and a denial of one kind says nothing about another.
pub async fn every_kind_the_store_names_can_be_denied<S: DenylistStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let kinds = DenylistStore::kinds(&make(Setup::new()).await);
    assert!(kinds.contains(&TargetKind::Token), "single tokens are what denylists are for");
    for &kind in kinds {
        let store = Arc::new(make(Setup::new()).await);
        let rule = Denylist::new(Arc::clone(&store));
        let Some(target) = same().target(kind) else { continue };
        assert_passes(&rule, &same(), "nothing is denied yet").await;
        done(store.revoke(Entry::deny(target)).await);
        assert_denied(&rule, &same(), &format!("its {kind} is denied")).await;
        for other in kinds.iter().filter_map(|kind| same().target(*kind)) {
            assert_eq!(is_denied(&*store, &other).await, other == target, "{other:?}");
        }
    }
}

/// For tokens without `jti`.
pub async fn a_fingerprint_can_be_denied<S: DenylistStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let store = Arc::new(make(Setup::new()).await);
    let rule = Denylist::new(Arc::clone(&store)).fingerprint_without_jti();
    done(store.revoke(Entry::deny(Target::fingerprint(ISSUER, "f1"))).await);
    let view = TokenView::new(ISSUER).with_issued_at(START);
    assert_denied(&rule, &view.with_fingerprint("f1"), "it is denied").await;
    assert_passes(&rule, &view.with_fingerprint("f2"), "it is another token").await;
}

/// A grace period.
pub async fn a_pending_denial_is_none_until_its_time_has_come<S: DenylistStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = Arc::new(make(setup.clone()).await);
    let rule = Denylist::new(Arc::clone(&store));
    let grace = setup.after(Duration::from_millis(2_500));
    let entry = |jti| Entry::deny_from(Target::token(ISSUER, jti), grace);
    done(store.revoke(entry("1")).await);
    done(store.revoke(entry("2").of_subject("bob")).await);
    for (millis, denied) in [(0, false), (2_499, false), (1, true), (10_000, true)] {
        setup.clock.advance(Duration::from_millis(millis));
        for jti in ["1", "2"] {
            let token = token("bob", jti, START);
            if denied {
                assert_denied(&rule, &token, "its grace period is over").await;
            } else {
                assert_passes(&rule, &token, "its grace period is not over").await;
            }
        }
    }
}

/// Writes may be repeated and overtake each other. `None` is at once.
pub async fn of_two_denials_the_earlier_counts_in_any_order<S: DenylistStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    for order in [
        [Some(10), Some(20), Some(30)],
        [Some(30), Some(20), Some(10)],
        [Some(20), Some(10), Some(20)],
        [Some(10), Some(10), Some(30)],
        [None, Some(10), Some(20)],
        [Some(10), None, Some(20)],
        [Some(20), Some(10), None],
    ] {
        let setup = Setup::new();
        let store = Arc::new(make(setup.clone()).await);
        let rule = Denylist::new(Arc::clone(&store));
        for after in order {
            let target = Target::token(ISSUER, "1");
            let at = after.map(|secs| setup.after(Duration::from_secs(secs)));
            let entry = at.map_or(Entry::deny(target), |at| Entry::deny_from(target, at));
            done(store.revoke(entry).await);
        }
        let token = token("bob", "1", START);
        if order.contains(&None) {
            assert_denied(&rule, &token, &format!("after {order:?}")).await;
            continue;
        }
        setup.clock.advance(Duration::from_millis(9_999));
        assert_passes(&rule, &token, &format!("after {order:?}")).await;
        setup.clock.advance(Duration::from_millis(1));
        assert_denied(&rule, &token, &format!("after {order:?}")).await;
    }
}

/// On the most lenient verifier, whatever else is written in the meantime.
pub async fn a_denial_outlives_its_token<S: DenylistStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let exp = setup.after(Duration::from_millis(600_500));
    let entry = Entry::deny(Target::token(ISSUER, "1")).expiring_at(exp);
    stays_denied_until(make, setup, &[entry], exp.saturating_add(SLACK)).await;

    // of two writes the later expiry counts
    for order in [[60, 2_000], [2_000, 60]] {
        let setup = Setup::new();
        let exp = |secs| setup.after(Duration::from_secs(secs));
        let both = order.map(|secs| Entry::deny(Target::token(ISSUER, "1")).expiring_at(exp(secs)));
        let until = exp(2_000).saturating_add(SLACK);
        stays_denied_until(make, setup, &both, until).await;
    }
}

/// It may have been issued right before it was denied.
pub async fn a_denial_without_exp_outlives_the_longest_lifetime<S: DenylistStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let keep_until = setup.after(MAX_LIFETIME + SLACK);
    let entry = Entry::deny(Target::token(ISSUER, "1"));
    stays_denied_until(make, setup, &[entry], keep_until).await;
}

/// A thief writes any `iat` and `exp`, at any time.
pub async fn a_denied_key_without_exp_is_kept_for_ever<S: DenylistStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    if !DenylistStore::kinds(&make(Setup::new()).await).contains(&TargetKind::Key) {
        return;
    }
    let for_ever = Entry::deny(Target::key(ISSUER, "stolen"));
    let short = for_ever.clone().expiring_at(START.saturating_add(Duration::from_secs(60)));
    let orders =
        [vec![for_ever.clone()], vec![for_ever.clone(), short.clone()], vec![short, for_ever]];
    for order in orders {
        let setup = Setup::new();
        let keep_until = setup.after(MAX_LIFETIME * 5);
        stays_denied_until(make, setup, &order, keep_until).await;
    }
}

/// An administrator or a time server may set it.
pub async fn a_clock_set_back_brings_nothing_back<S: DenylistStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = Arc::new(make(setup.clone()).await);
    let rule = Denylist::new(Arc::clone(&store));
    done(store.revoke(Entry::deny(Target::token(ISSUER, "1"))).await);
    setup.clock.set(START.saturating_sub(Duration::from_secs(86_400)));
    assert_denied(&rule, &token("bob", "1", START), "it was denied at once").await;
}

async fn stays_denied_until<S: DenylistStore + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
    setup: Setup,
    entries: &[Entry],
    keep_until: Timestamp,
) {
    let store = Arc::new(make(setup.clone()).await);
    for entry in entries {
        done(store.revoke(entry.clone()).await);
    }
    let step = keep_until.saturating_since(START) / 13;
    let last = keep_until.saturating_sub(Duration::from_millis(1));
    let times = (0..13).map(|n| START.saturating_add(step * n)).chain([last]);
    for now in times {
        setup.clock.advance(now.saturating_since(setup.clock.now()));
        for n in 0..50 {
            let jti = format!("{n} of {now}");
            let exp = now.saturating_add(step / 2);
            let entry = Entry::deny(Target::token(ISSUER, &jti)).expiring_at(exp);
            done(store.revoke(entry).await);
        }
        let target = entries[0].target();
        assert!(is_denied(&*store, &target).await, "{target:?} at {now}, until {keep_until}");
    }
}

async fn is_denied<S: DenylistStore>(store: &S, target: &Target<'_>) -> bool {
    match store.is_denied(target).await {
        Ok(denied) => denied,
        Err(error) => panic!("{target:?}: {:?}", error.into()),
    }
}
