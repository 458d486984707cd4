//! The in-memory store passes the suite that every store must pass.

use portcullis::{Denylist, Entry, IatCutoff, MemoryStore, Revocation, Revoke, Target};
use portcullis_testing::suite::{self, Setup};

async fn make(setup: Setup) -> MemoryStore {
    MemoryStore::builder()
        .with_clock(setup.clock)
        .with_retention(setup.retention)
        .with_limits(setup.limits)
        .build()
}

portcullis_testing::every_store_test!(make);

#[test]
fn its_version_changes_with_what_it_denies() {
    let store = MemoryStore::new();
    let rule = IatCutoff::new(store.clone()).and(Denylist::new(store.clone()));
    let before = rule.version().expect("it answers from memory");
    assert_eq!(rule.version(), Some(before));
    let entry = Entry::deny(Target::token("https://idp.example.com", "1"));
    portcullis_testing::block_on(store.revoke(entry)).expect("there is room");
    assert!(rule.version().is_some_and(|version| version > before));
}

#[test]
fn no_check_passes_after_an_acknowledged_revocation() {
    portcullis_testing::block_on(suite::concurrency(make, |future| {
        portcullis_testing::block_on(future)
    }));
}

#[test]
fn it_answers_the_same_from_memory_and_when_awaited() {
    use portcullis::TokenView;
    use portcullis::{
        AllowlistStore, AllowlistWriter, CutoffStore, DenylistStore, GenerationStore,
    };
    use portcullis_testing::block_on;

    let issuer = "https://idp.example.com";
    let store = MemoryStore::new();
    let (bob, alice) = (Target::subject(issuer, "bob"), Target::subject(issuer, "alice"));
    let (one, two) = (Target::token(issuer, "1"), Target::token(issuer, "2"));
    for entry in [Entry::not_before_now(bob), Entry::min_generation(bob, 7), Entry::deny(one)] {
        block_on(store.revoke(entry)).expect("there is room");
    }
    block_on(store.allow(two, Some("bob"), None)).expect("there is room");

    let Ok(cutoff) = block_on(store.cutoff(&bob));
    assert!(cutoff.is_some());
    assert_eq!(store.peek_cutoff(&[alice, bob]), Some(cutoff));
    let view = TokenView::new(issuer);
    assert_eq!(store.peek_token_cutoff(&view.with_subject("bob")), Some(cutoff));
    assert_eq!(store.peek_token_cutoff(&view.with_subject("alice")), Some(None));
    assert_eq!(block_on(store.cutoff(&alice)), Ok(None));
    assert_eq!(block_on(store.min_generation(&bob)), Ok(Some(7)));
    assert_eq!(store.peek_min_generation(&bob), Some(Some(7)));
    assert_eq!(store.peek_min_generation(&alice), Some(None));
    for (token, denied) in [(one, true), (two, false)] {
        assert_eq!(block_on(store.is_denied(&token)), Ok(denied));
        assert_eq!(block_on(store.is_any_denied(&view, &[token])), Ok(denied));
        assert_eq!(store.peek_denied(&view, &[token]), Some(denied));
        assert_eq!(store.peek_token_denied(&view.with_token_id(token.id())), Some(denied));
        assert_eq!(block_on(store.is_allowed(&token)), Ok(!denied));
        assert_eq!(store.peek_allowed(&token), Some(!denied));
    }
    // one number for all rules: each of the three writes may have denied what passed
    let version = CutoffStore::version(&store);
    assert!(version >= Some(3), "{version:?}");
    assert_eq!(DenylistStore::version(&store), version);
    assert_eq!(GenerationStore::version(&store), version);
}

#[test]
fn a_purge_drops_what_has_expired() {
    let clock = portcullis_testing::TestClock::at(1_700_000_000);
    let store = MemoryStore::builder().with_clock(clock.clone()).build();
    let entry = Entry::deny(Target::token("https://idp.example.com", "1"))
        .expiring_at(portcullis::Timestamp::from_secs(1_700_000_060));
    portcullis_testing::block_on(store.revoke(entry)).expect("there is room");
    store.purge();
    assert_eq!(store.usage().denials, 1);
    clock.advance(std::time::Duration::from_secs(3_600));
    store.purge();
    assert_eq!(store.usage().denials, 0);
}
