//! Families of refresh tokens: what a [`RefreshStore`] must do, and what rests on it.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use portcullis::MemoryStore;
use portcullis_core::{Clock as _, Timestamp};
use portcullis_issuer::refresh::{
    Family, Grant, RefreshErrorKind, RefreshStore, RefreshTokens, Session,
};

use super::{ISSUER, Setup};
use crate::block_on;

cases! {
    $
    /// Tests a store that is a [`RefreshStore`](portcullis_issuer::refresh::RefreshStore):
    /// `refresh_store_tests!(make)` with an `async fn make(setup: Setup) -> S`, of which only the clock matters.
    ///
    /// See [`suite`](crate::suite).
    refresh_store_tests, refresh_store, make: (Setup) -> S: (RefreshStore) {
        a_family_comes_back_as_it_was_stored,
        of_a_hundred_requests_with_one_token_one_wins,
        a_generation_is_advanced_once_and_in_order,
        what_is_removed_is_gone_and_does_not_come_back,
        a_subject_has_its_own_families_and_no_others,
        names_are_compared_byte_by_byte,
        what_has_not_expired_is_kept,
    }
}

type Tokens<S> = RefreshTokens<Arc<S>, MemoryStore>;

struct Fixture<S> {
    setup: Setup,
    store: Arc<S>,
    tokens: Tokens<S>,
}

async fn fixture<S: RefreshStore>(make: &impl AsyncFn(Setup) -> S) -> Fixture<S> {
    let setup = Setup::new();
    let store = Arc::new(make(setup.clone()).await);
    let revoke = MemoryStore::new();
    let tokens = RefreshTokens::builder(ISSUER, Arc::clone(&store), revoke)
        .clock(setup.clock.clone())
        .build()
        .expect("the defaults are good");
    Fixture { setup, store, tokens }
}

impl<S: RefreshStore> Fixture<S> {
    async fn begin(&self, subject: &str) -> Session {
        self.tokens.begin(Grant::new(subject)).await.expect("a session begins")
    }

    async fn find(&self, family: &Family) -> Option<Family> {
        done(self.store.find(family.id()).await)
    }
}

fn done<T, E: Into<portcullis_core::BoxError>>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("the store failed: {}", error.into()))
}

/// All of it, whatever characters it has.
pub async fn a_family_comes_back_as_it_was_stored<S: RefreshStore>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let fixture = fixture(make).await;
    for text in ["bob", "", "Zoë 🦀 \u{0} '\"; --", &"x".repeat(3000)] {
        let grant = Grant::new(text).client(text).scope(text).data(text);
        let session = fixture.tokens.begin(grant).await.expect("a session begins");
        assert_eq!(fixture.find(session.family()).await.as_ref(), Some(session.family()));
        let next = fixture.tokens.rotate_for(Some(text), session.token()).await.expect("it works");
        assert_eq!(fixture.find(session.family()).await.as_ref(), Some(next.family()));
    }
    assert_eq!(done(fixture.store.find("no such family").await), None);
}

/// On as many threads.
pub async fn of_a_hundred_requests_with_one_token_one_wins<S: RefreshStore>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let fixture = fixture(make).await;
    let session = fixture.begin("bob").await;
    let start = std::sync::Barrier::new(100);
    let results: Vec<_> = thread::scope(|scope| {
        let request = || {
            start.wait();
            block_on(fixture.tokens.rotate(session.token()))
        };
        let requests: Vec<_> = (0..100).map(|_| scope.spawn(request)).collect();
        requests.into_iter().map(|request| request.join().expect("no request panics")).collect()
    });
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1, "exactly one wins");
    for error in lost.into_iter().filter_map(Result::err) {
        assert_eq!(error.kind(), RefreshErrorKind::Raced, "{error:?}");
    }
    // And the session goes on, with the token that won.
    let winner = won.into_iter().find_map(Result::ok).expect("one won");
    fixture.tokens.rotate(winner.token()).await.expect("the winner's token works");
}

/// What all else rests on.
pub async fn a_generation_is_advanced_once_and_in_order<S: RefreshStore>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let fixture = fixture(make).await;
    let session = fixture.begin("bob").await;
    let first = session.family().clone();
    let second = fixture.tokens.rotate(session.token()).await.expect("it works").family().clone();
    assert!(!done(fixture.store.advance(&second).await), "it is there already");
    assert!(!done(fixture.store.advance(&first).await), "it is older than what is there");
    assert_eq!(fixture.find(&first).await, Some(second));
}

/// A refresh that was under way must not bring a session back that ended meanwhile.
pub async fn what_is_removed_is_gone_and_does_not_come_back<S: RefreshStore>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let fixture = fixture(make).await;
    let (session, other) = (fixture.begin("bob").await, fixture.begin("bob").await);
    let next = fixture.tokens.rotate(session.token()).await.expect("it works").family().clone();
    done(fixture.store.remove(next.id()).await);
    done(fixture.store.remove(next.id()).await);
    assert!(!done(fixture.store.advance(&next).await), "it was removed");
    assert_eq!(fixture.find(&next).await, None);
    assert_eq!(done(fixture.store.of_subject("bob").await), [other.family().clone()]);
}

/// All of them, however many.
pub async fn a_subject_has_its_own_families_and_no_others<S: RefreshStore>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let fixture = fixture(make).await;
    let mut expected = Vec::new();
    for _ in 0..50 {
        expected.push(fixture.begin("bob").await.family().clone());
        fixture.begin("alice").await;
    }
    let mut found = done(fixture.store.of_subject("bob").await);
    expected.sort_by(|a, b| a.id().cmp(b.id()));
    found.sort_by(|a, b| a.id().cmp(b.id()));
    assert_eq!(found, expected);
    assert_eq!(done(fixture.store.of_subject("carol").await), []);
}

/// Databases like to fold case and to trim.
pub async fn names_are_compared_byte_by_byte<S: RefreshStore>(make: &impl AsyncFn(Setup) -> S) {
    let fixture = fixture(make).await;
    let names = ["bob", "Bob", "bob ", " bob", "b\u{f6}b", "bo\u{308}b", "bob\u{0}", "%", "_ob"];
    for name in names {
        fixture.begin(name).await;
    }
    for name in names {
        let found = done(fixture.store.of_subject(name).await);
        assert_eq!(found.len(), 1, "{name:?}");
        assert_eq!(found[0].subject(), name);
    }
}

/// Whatever is forgotten to make room.
pub async fn what_has_not_expired_is_kept<S: RefreshStore>(make: &impl AsyncFn(Setup) -> S) {
    let fixture = fixture(make).await;
    let session = fixture.begin("bob").await;
    let expires_at: Timestamp = session.family().expires_at();
    let left = expires_at.saturating_since(fixture.setup.clock.now());
    fixture.setup.clock.advance(left - Duration::from_millis(1));
    for _ in 0..5_000 {
        fixture.begin("alice").await;
    }
    assert!(fixture.find(session.family()).await.is_some(), "it has a millisecond left");
}
