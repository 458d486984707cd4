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
