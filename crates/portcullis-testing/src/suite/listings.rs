//! An allowlist that is written through [`AllowlistWriter`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis_core::state::Limits;
use portcullis_core::{
    Allowlist, AllowlistStore, AllowlistWriter, StoreErrorKind, Target, TokenView,
};

use super::{
    ISSUER, OTHER_ISSUER, SLACK, START, Setup, assert_denied, assert_passes, assert_refused, done,
    token,
};

cases! {
    $
    /// Tests a store that is an [`AllowlistStore`](portcullis_core::AllowlistStore) and can be
    /// written to through [`AllowlistWriter`](portcullis_core::AllowlistWriter):
    /// `listings_tests!(make)` with an `async fn make(setup: Setup) -> S`.
    ///
    /// See [`suite`](crate::suite).
    listings_tests, listings, make: (Setup) -> S: (AllowlistStore + AllowlistWriter) {
        only_what_is_listed_passes,
        an_answer_is_reused_for_no_longer_than_allowed,
        that_a_token_is_not_listed_is_not_remembered,
        a_removed_token_stays_removed,
        a_removal_may_overtake_the_listing,
        removing_a_subject_removes_what_was_listed_so_far,
        removing_an_issuer_or_everything_removes_what_was_listed_so_far,
        issuers_are_told_apart,
        at_capacity_a_listing_is_refused_and_a_removal_is_not,
        a_removal_is_kept_no_longer_than_the_listing_was,
        who_listed_a_token_first_counts,
        positions_grow,
        kinds_by_which_tokens_are_not_listed_are_refused,
    }
}

const BOB: Option<&str> = Some("bob");

fn id(jti: &str) -> Target<'_> {
    Target::token(ISSUER, jti)
}

/// From its acknowledgement on.
pub async fn only_what_is_listed_passes<S: AllowlistStore + AllowlistWriter>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let store = Arc::new(make(Setup::new()).await);
    let rule = Allowlist::new(Arc::clone(&store)).fingerprint_without_jti();
    assert_denied(&rule, &token("bob", "1", START), "it is not listed yet").await;
    done(store.allow(id("1"), BOB, None).await);
    assert_passes(&rule, &token("bob", "1", START), "it is listed").await;
    assert_denied(&rule, &token("bob", "2", START), "it is not listed").await;
    done(store.allow(Target::fingerprint(ISSUER, "f1"), None, None).await);
    let view = TokenView::new(ISSUER).with_issued_at(START);
    assert_passes(&rule, &view.with_fingerprint("f1"), "it is listed").await;
    assert_denied(&rule, &view.with_fingerprint("1"), "a token is no fingerprint").await;
}

/// A store that counts how often it is asked.
struct Counted<S> {
    store: Arc<S>,
    asked: AtomicUsize,
}

impl<S> Counted<S> {
    /// How often it was asked since this was last looked at.
    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::Relaxed)
    }
}

/// It never peeks, so that a store in memory is asked as any other.
impl<S: AllowlistStore> AllowlistStore for Counted<S> {
    type Error = S::Error;

    async fn is_allowed(&self, token: &Target<'_>) -> Result<bool, S::Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.store.is_allowed(token).await
    }
}

/// A rule that reuses answers for [`REUSED`], over a store that counts.
fn reusing<S: AllowlistStore>(
    store: &Arc<S>,
    setup: &Setup,
) -> (Arc<Counted<S>>, Allowlist<Arc<Counted<S>>>) {
    let counted = Arc::new(Counted { store: Arc::clone(store), asked: AtomicUsize::new(0) });
    let rule = Allowlist::new(Arc::clone(&counted));
    (counted, rule.cache_for(REUSED).with_clock(setup.clock.clone()))
}

/// For how long answers are reused in these cases.
const REUSED: Duration = Duration::from_secs(2);

/// A removal is felt by then, whoever or whatever was removed.
pub async fn an_answer_is_reused_for_no_longer_than_allowed<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: AllowlistStore + AllowlistWriter,
{
    let setup = Setup::new();
    let store = Arc::new(make(setup.clone()).await);
    let view = token("bob", "1", START);
    for (jti, removed) in
        [("1", id("1")), ("2", Target::subject(ISSUER, "bob")), ("3", Target::everything())]
    {
        let (counted, rule) = reusing(&store, &setup);
        let view = view.with_token_id(jti);
        done(store.allow(id(jti), BOB, None).await);
        assert_passes(&rule, &view, "it is listed").await;
        assert_eq!(counted.asked(), 1);
        setup.clock.advance(REUSED / 2);
        done(store.remove(removed).await);
        setup.clock.advance(REUSED / 2);
        assert_passes(&rule, &view, "the answer may still be reused").await;
        assert_eq!(counted.asked(), 0, "nobody was asked");
        setup.clock.advance(Duration::from_millis(1));
        for _ in 0..2 {
            assert_denied(&rule, &view, "the answer is too old, and the token was removed").await;
            assert_ne!(counted.asked(), 0, "the store was asked");
        }
    }
}

/// It may be listed the next moment, and then passes at once.
pub async fn that_a_token_is_not_listed_is_not_remembered<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: AllowlistStore + AllowlistWriter,
{
    let setup = Setup::new();
    let store = Arc::new(make(setup.clone()).await);
    let (counted, rule) = reusing(&store, &setup);
    let view = token("bob", "1", START);
    for _ in 0..3 {
        assert_denied(&rule, &view, "it is not listed").await;
        assert_eq!(counted.asked(), 1, "the store was asked");
    }
    done(store.allow(id("1"), BOB, None).await);
    for asked in [1, 0] {
        assert_passes(&rule, &view, "it is listed").await;
        assert_eq!(counted.asked(), asked);
    }
}

/// Even if it is listed again: a removal beats an addition.
pub async fn a_removed_token_stays_removed<S: AllowlistStore + AllowlistWriter>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = Arc::new(make(setup.clone()).await);
    let rule = Allowlist::new(Arc::clone(&store));
    let exp = setup.after(Duration::from_secs(600));
    for jti in ["1", "2"] {
        done(store.allow(id(jti), BOB, Some(exp)).await);
    }
    done(store.remove(id("1")).await);
    for _ in 0..2 {
        assert_denied(&rule, &token("bob", "1", START), "it was removed").await;
        assert_passes(&rule, &token("bob", "2", START), "it is listed").await;
        done(store.allow(id("1"), BOB, Some(exp)).await);
    }
}

/// A sign-out may be quicker than the sign-in that is still being written.
pub async fn a_removal_may_overtake_the_listing<S: AllowlistStore + AllowlistWriter>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let store = Arc::new(make(Setup::new()).await);
    let rule = Allowlist::new(Arc::clone(&store));
    done(store.remove(id("1")).await);
    done(store.allow(id("1"), BOB, None).await);
    assert_denied(&rule, &token("bob", "1", START), "it was removed").await;
}

/// And nothing that is listed later, nor anybody else's.
pub async fn removing_a_subject_removes_what_was_listed_so_far<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: AllowlistStore + AllowlistWriter,
{
    let store = Arc::new(make(Setup::new()).await);
    let rule = Allowlist::new(Arc::clone(&store));
    for jti in ["1", "2"] {
        done(store.allow(id(jti), BOB, None).await);
    }
    done(store.allow(id("hers"), Some("alice"), None).await);
    done(store.allow(id("nobody's"), None, None).await);
    done(store.remove(Target::subject(ISSUER, "bob")).await);
    done(store.allow(id("3"), BOB, None).await);
    done(store.allow(id("1"), BOB, None).await);
    for (subject, jti, listed) in [
        ("bob", "1", false),
        ("bob", "2", false),
        ("bob", "3", true),
        ("alice", "hers", true),
        ("alice", "nobody's", true),
    ] {
        if listed {
            assert_passes(&rule, &token(subject, jti, START), "it is listed").await;
        } else {
            assert_denied(&rule, &token(subject, jti, START), "it was removed").await;
        }
    }
}

/// The same for wider targets.
pub async fn removing_an_issuer_or_everything_removes_what_was_listed_so_far<S>(
    make: &impl AsyncFn(Setup) -> S,
) where
    S: AllowlistStore + AllowlistWriter,
{
    for (target, other_survives) in
        [(Target::issuer_wide(ISSUER), true), (Target::everything(), false)]
    {
        let store = Arc::new(make(Setup::new()).await);
        let rule = Allowlist::new(Arc::clone(&store));
        done(store.allow(id("1"), BOB, None).await);
        done(store.allow(Target::token(OTHER_ISSUER, "1"), BOB, None).await);
        done(store.remove(target).await);
        done(store.allow(id("2"), BOB, None).await);
        assert_denied(&rule, &token("bob", "1", START), "it was removed").await;
        assert_passes(&rule, &token("bob", "2", START), "it was listed later").await;
        let other = TokenView::new(OTHER_ISSUER).with_token_id("1");
        if other_survives {
            assert_passes(&rule, &other, "it is another issuer's").await;
        } else {
            assert_denied(&rule, &other, "everything was removed").await;
        }
    }
}

/// Two issuers may both have a token `1` and a `bob`.
pub async fn issuers_are_told_apart<S: AllowlistStore + AllowlistWriter>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let store = Arc::new(make(Setup::new()).await);
    let rule = Allowlist::new(Arc::clone(&store));
    done(store.allow(id("1"), BOB, None).await);
    let other = TokenView::new(OTHER_ISSUER).with_token_id("1");
    assert_denied(&rule, &other, "it is another issuer's token").await;
    done(store.remove(Target::token(OTHER_ISSUER, "1")).await);
    done(store.remove(Target::subject(OTHER_ISSUER, "bob")).await);
    assert_passes(&rule, &token("bob", "1", START), "another issuer's was removed").await;
}

/// Signing out works when signing in doesn't, and what has expired makes room.
pub async fn at_capacity_a_listing_is_refused_and_a_removal_is_not<S>(
    make: &impl AsyncFn(Setup) -> S,
) where
    S: AllowlistStore + AllowlistWriter,
{
    let setup = Setup::new().with_limits(Limits::default().allowed(3));
    let store = Arc::new(make(setup.clone()).await);
    let rule = Allowlist::new(Arc::clone(&store));
    let exp = Some(setup.after(Duration::from_secs(600)));
    for jti in ["1", "1", "1", "2", "3"] {
        done(store.allow(id(jti), BOB, exp).await);
    }
    let refused = store.allow(id("4"), BOB, exp).await;
    assert_refused(refused, StoreErrorKind::Full, "there is no room");
    done(store.remove(id("1")).await);
    assert_denied(&rule, &token("bob", "1", START), "it was removed").await;
    assert_passes(&rule, &token("bob", "2", START), "it is listed").await;
    let refused = store.allow(id("4"), BOB, exp).await;
    assert_refused(refused, StoreErrorKind::Full, "a removed token is kept in mind");
    done(store.remove(Target::subject(ISSUER, "bob")).await);
    assert_denied(&rule, &token("bob", "2", START), "bob was removed").await;

    setup.clock.advance(Duration::from_secs(600) + SLACK);
    done(store.allow(id("4"), BOB, None).await);
    assert_passes(&rule, &token("bob", "4", START), "there was room").await;
}

/// However often it was removed: when the token dies is known.
pub async fn a_removal_is_kept_no_longer_than_the_listing_was<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: AllowlistStore + AllowlistWriter,
{
    let setup = Setup::new().with_limits(Limits::default().allowed(1));
    let store = make(setup.clone()).await;
    let exp = setup.after(Duration::from_secs(600));
    done(store.allow(id("1"), BOB, Some(exp)).await);
    for _ in 0..3 {
        done(store.remove(id("1")).await);
    }
    setup.clock.advance(Duration::from_secs(600));
    let refused = store.allow(id("2"), BOB, None).await;
    assert_refused(refused, StoreErrorKind::Full, "the token may still be alive");
    setup.clock.advance(SLACK);
    done(store.allow(id("2"), BOB, None).await);
}

/// Listing it again is no way to give it to somebody else.
pub async fn who_listed_a_token_first_counts<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: AllowlistStore + AllowlistWriter,
{
    let store = Arc::new(make(Setup::new()).await);
    let rule = Allowlist::new(Arc::clone(&store));
    for subject in [BOB, Some("alice"), None] {
        done(store.allow(id("1"), subject, None).await);
    }
    done(store.remove(Target::subject(ISSUER, "alice")).await);
    assert_passes(&rule, &token("bob", "1", START), "it is not alice's").await;
    done(store.remove(Target::subject(ISSUER, "bob")).await);
    assert_denied(&rule, &token("bob", "1", START), "bob's were removed").await;
}

/// Every write has a place in the order of writes.
pub async fn positions_grow<S: AllowlistStore + AllowlistWriter>(make: &impl AsyncFn(Setup) -> S) {
    let store = make(Setup::new()).await;
    let first = done(store.allow(id("1"), BOB, None).await);
    let second = done(store.allow(id("2"), BOB, None).await);
    let third = done(store.remove(Target::subject(ISSUER, "bob")).await);
    assert!(first < second && second < third, "{first} {second} {third}");
}

/// A removal that has no effect must not look like one that has.
pub async fn kinds_by_which_tokens_are_not_listed_are_refused<S>(make: &impl AsyncFn(Setup) -> S)
where
    S: AllowlistStore + AllowlistWriter,
{
    let store = make(Setup::new()).await;
    for target in
        [Target::session(ISSUER, "1"), Target::client(ISSUER, "1"), Target::key(ISSUER, "1")]
    {
        let because = "tokens are not listed by it";
        assert_refused(store.remove(target).await, StoreErrorKind::Invalid, because);
        assert_refused(store.allow(target, BOB, None).await, StoreErrorKind::Invalid, because);
    }
}
