//! What the tests share: files, questions, and a second connection to do harm with.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use portcullis_core::Verdict;
use portcullis_sqlite::SqliteStore;
use portcullis_support::stores;
use portcullis_testing::block_on;
use rusqlite::Connection;
use tempfile::TempDir;

pub(crate) use portcullis_support::chain;
pub(crate) use portcullis_support::stores::{ISSUER, NOW, token};

thread_local! {
    /// Removed when the thread of the test ends.
    static DIRECTORIES: RefCell<Vec<TempDir>> = const { RefCell::new(Vec::new()) };
}

/// A new directory.
pub(crate) fn new_directory() -> PathBuf {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    DIRECTORIES.with_borrow_mut(|directories| directories.push(directory));
    path
}

/// The path of a file in a new directory, which does not exist yet.
pub(crate) fn new_file() -> PathBuf {
    new_directory().join("revocations.db")
}

pub(crate) fn deny(store: &SqliteStore, jti: &str) {
    block_on(stores::deny(store, jti)).unwrap();
}

/// What a denylist over the store says of a token.
pub(crate) fn verdict(store: &SqliteStore, jti: &str) -> Verdict {
    block_on(stores::verdict(store, jti))
}

#[track_caller]
pub(crate) fn assert_denied(store: &SqliteStore, jti: &str) {
    let verdict = verdict(store, jti);
    assert!(verdict.is_denied(), "{jti}: {verdict:?}");
}

#[track_caller]
pub(crate) fn assert_passes(store: &SqliteStore, jti: &str) {
    let verdict = verdict(store, jti);
    assert!(matches!(verdict, Verdict::Allowed), "{jti}: {verdict:?}");
}

#[track_caller]
pub(crate) fn assert_outage(store: &SqliteStore, jti: &str) {
    let verdict = verdict(store, jti);
    assert!(matches!(verdict, Verdict::Unavailable(_)), "{jti}: {verdict:?}");
}

/// Somebody else's connection to the file.
pub(crate) fn stranger(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

/// Polls a future once.
pub(crate) fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
