//! The threads behind the store: callers never wait on theirs, and nothing outlives the store.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use portcullis_core::{Entry, Revoke, StoreErrorKind};
use portcullis_sqlite::SqliteStore;
use portcullis_testing::block_on;

use crate::common::{assert_denied, assert_passes, deny, new_file, poll, stranger, token};

/// A store that would wait for a lock for longer than any test.
fn patient(path: &std::path::Path) -> SqliteStore {
    SqliteStore::builder(path).with_busy_timeout(Duration::from_secs(600)).open().unwrap()
}

#[test]
fn a_store_that_hangs_does_not_block_its_caller() {
    let path = new_file();
    let store = patient(&path);
    let stranger = stranger(&path);
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut write = pin!(store.revoke(Entry::deny(token("1"))));
    assert!(poll(write.as_mut()).is_pending());
    // those who read are not held up either
    assert_passes(&store, "1");
    stranger.execute_batch("ROLLBACK").unwrap();
    block_on(write).unwrap();
    assert_denied(&store, "1");
}

#[test]
fn more_than_so_many_requests_are_refused_and_not_piled_up() {
    let path = new_file();
    let store = patient(&path);
    let stranger = stranger(&path);
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut waiting = Vec::new();
    let refused = (0..10_000).find_map(|n| {
        let mut write = Box::pin(store.revoke(Entry::deny(token(&n.to_string()))));
        match poll(write.as_mut()) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => {
                waiting.push(write);
                None
            }
        }
    });
    let error = refused.expect("the queue has an end").unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(waiting.len() >= 4_096, "{}", waiting.len());
    stranger.execute_batch("ROLLBACK").unwrap();
    // what was queued is written, in the order in which it was
    let positions: Vec<_> =
        waiting.into_iter().map(|write| block_on(write).unwrap().position()).collect();
    assert!(positions.is_sorted());
}

#[test]
fn a_write_whose_caller_went_away_is_still_written() {
    let path = new_file();
    let store = patient(&path);
    let stranger = stranger(&path);
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    {
        let mut write = pin!(store.revoke(Entry::deny(token("1"))));
        assert!(poll(write.as_mut()).is_pending());
    }
    stranger.execute_batch("ROLLBACK").unwrap();
    drop(store);
    assert_denied(&SqliteStore::open(&path).unwrap(), "1");
}

#[test]
fn dropping_the_last_handle_closes_the_file() {
    let path = new_file();
    let store = SqliteStore::open(&path).unwrap();
    let clone = store.clone();
    deny(&store, "1");
    drop(store);
    assert_denied(&clone, "1");
    let log = format!("{}-wal", path.display());
    assert!(std::fs::exists(&log).unwrap());
    drop(clone);
    // SQLite removes the log when the last connection is closed
    assert!(!std::fs::exists(&log).unwrap());
}
