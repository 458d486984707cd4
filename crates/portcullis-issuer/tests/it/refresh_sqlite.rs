//! Refresh tokens in an SQLite file: the suite, and what only a file can do.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use portcullis::MemoryStore;
use portcullis_issuer::IssuerErrorKind;
use portcullis_issuer::refresh::{
    Grant, RefreshErrorKind as Kind, RefreshStore, RefreshTokens, SqliteRefreshStore,
};
use portcullis_testing::suite::Setup;
use portcullis_testing::{block_on, refresh_store_tests};
use tempfile::TempDir;

/// The folders of the stores that the suite asked for: they have to outlive it.
static FOLDERS: Mutex<Vec<TempDir>> = Mutex::new(Vec::new());

async fn sqlite(_: Setup) -> SqliteRefreshStore {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteRefreshStore::open(folder.path().join("sessions.db")).unwrap();
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).push(folder);
    store
}

refresh_store_tests!(sqlite);

fn tokens(file: &Path) -> RefreshTokens<SqliteRefreshStore, MemoryStore> {
    let store = SqliteRefreshStore::open(file).unwrap();
    RefreshTokens::builder("https://me.example", store, MemoryStore::new()).build().unwrap()
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("sessions.db")
}

#[test]
fn sessions_outlive_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let first = block_on(tokens(&file(&folder)).begin(Grant::new("bob"))).unwrap();
    let second = block_on(tokens(&file(&folder)).rotate(first.token())).unwrap();
    assert_eq!(second.family().subject(), "bob");
    let error = block_on(tokens(&file(&folder)).rotate(first.token())).unwrap_err();
    assert_eq!(error.kind(), Kind::Raced);
}

#[test]
fn of_two_that_share_a_file_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (tokens(&file(&folder)), tokens(&file(&folder)));
    let mut session = block_on(here.begin(Grant::new("bob"))).unwrap();
    for _ in 0..20 {
        let token = session.token();
        let results = std::thread::scope(|scope| {
            let other = scope.spawn(|| block_on(there.rotate(token)));
            [block_on(here.rotate(token)), other.join().unwrap()]
        });
        let mut won: Vec<_> = results.into_iter().filter_map(Result::ok).collect();
        assert_eq!(won.len(), 1);
        session = won.remove(0);
    }
}

/// SQLite itself does not wait where somebody writes to a file that has no write-ahead log yet.
#[test]
fn a_file_that_somebody_else_writes_to_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let other = rusqlite::Connection::open(file(&folder)).unwrap();
    other.execute_batch("CREATE TABLE theirs (a); BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let (opened, outcome) = mpsc::channel();
        scope.spawn(move || opened.send(SqliteRefreshStore::open(file(&folder)).map(drop)));
        let waiting = outcome.recv_timeout(Duration::from_millis(200));
        assert!(matches!(waiting, Err(mpsc::RecvTimeoutError::Timeout)), "{waiting:?}");
        other.execute_batch("COMMIT").unwrap();
        outcome.recv().unwrap().unwrap();
    });
}

#[test]
fn expired_sessions_are_deleted_as_new_ones_begin() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteRefreshStore::open(file(&folder)).unwrap();
    let clock = portcullis_testing::TestClock::new(portcullis::Timestamp::from_secs(1_700_000_000));
    let tokens = RefreshTokens::builder("https://me.example", store.clone(), MemoryStore::new())
        .clock(clock.clone())
        .build()
        .unwrap();
    for _ in 0..20 {
        block_on(tokens.begin(Grant::new("bob"))).unwrap();
    }
    clock.advance(std::time::Duration::from_secs(91 * 24 * 3600));
    for _ in 0..2 {
        block_on(tokens.begin(Grant::new("alice"))).unwrap();
    }
    assert!(block_on(store.of_subject("bob")).unwrap().is_empty());
    assert_eq!(block_on(store.of_subject("alice")).unwrap().len(), 2);
}

#[test]
fn a_file_that_can_not_be_used_is_told_when_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(file(&folder), "no database, but long enough to be looked at as one".repeat(9))
        .unwrap();
    for path in [file(&folder), folder.path().join("no/such/folder.db"), folder.path().to_owned()] {
        let error = SqliteRefreshStore::open(&path).unwrap_err();
        assert_eq!(error.kind(), IssuerErrorKind::StoreUnavailable, "{}", path.display());
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[cfg(unix)]
#[test]
fn a_new_file_is_readable_to_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    drop(tokens(&file(&folder)));
    let mode = std::fs::metadata(file(&folder)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_table_that_is_gone_is_an_outage_and_no_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = tokens(&file(&folder));
    let session = block_on(tokens.begin(Grant::new("bob"))).unwrap();
    let other = rusqlite::Connection::open(file(&folder)).unwrap();
    other.execute_batch("ALTER TABLE portcullis_refresh_families RENAME TO elsewhere").unwrap();
    let error = block_on(tokens.rotate(session.token())).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    other.execute_batch("ALTER TABLE elsewhere RENAME TO portcullis_refresh_families").unwrap();
    assert!(block_on(tokens.rotate(session.token())).is_ok());
}
