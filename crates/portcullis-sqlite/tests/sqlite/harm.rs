//! What can happen to a file while the store has it open: each is an outage, never an answer.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_core::{Entry, Revoke, StoreErrorKind};
use portcullis_sqlite::SqliteStore;
use portcullis_testing::block_on;
use portcullis_testing::suite::{self, Setup};

use crate::common::{assert_denied, assert_outage, assert_passes, deny, new_file, stranger, token};

/// Runs the suite's case of an outage on a file.
fn check_outage(path: &Path, breaking: impl FnOnce(), mending: impl FnOnce()) {
    let make = async |setup: Setup| {
        let store = SqliteStore::builder(path)
            .with_clock(setup.clock)
            .with_retention(setup.retention)
            .with_busy_timeout(Duration::ZERO)
            .waive_initial_cutoff();
        store.open().unwrap()
    };
    block_on(suite::outage(make, async || breaking(), async || mending()));
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// Copies what was written so far from the log into the database file.
fn checkpoint(path: &Path) {
    let busy: i64 =
        stranger(path).query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
    assert_eq!(busy, 0);
}

#[test]
fn a_deleted_file_is_an_outage() {
    for suffix in ["", "-wal", "-shm"] {
        let path = new_file();
        let (file, away) = (beside(&path, suffix), beside(&path, ".away"));
        check_outage(
            &path,
            || fs::rename(&file, &away).unwrap(),
            || fs::rename(&away, &file).unwrap(),
        );
    }
}

#[test]
fn a_replaced_file_is_an_outage() {
    for suffix in ["", "-wal", "-shm"] {
        let path = new_file();
        let (file, away) = (beside(&path, suffix), beside(&path, ".away"));
        check_outage(
            &path,
            || {
                fs::rename(&file, &away).unwrap();
                fs::copy(&away, &file).unwrap();
            },
            || fs::rename(&away, &file).unwrap(),
        );
    }
}

#[test]
fn a_file_overwritten_with_something_else_is_an_outage() {
    for garbage in ["".as_bytes(), b"garbage", &[0; 65_536], &[b'x'; 65_536]] {
        let path = new_file();
        let saved = beside(&path, ".saved");
        check_outage(
            &path,
            || {
                fs::copy(&path, &saved).unwrap();
                fs::write(&path, garbage).unwrap();
            },
            || fs::write(&path, fs::read(&saved).unwrap()).unwrap(),
        );
    }
}

#[test]
fn a_spoilt_header_is_an_outage_however_soon() {
    let path = new_file();
    let overwrite = |bytes: &[u8]| {
        // in place and of the same length
        OpenOptions::new().write(true).open(&path).unwrap().write_all(bytes).unwrap();
    };
    check_outage(&path, || overwrite(b"SQLite format 4\0"), || overwrite(b"SQLite format 3\0"));
}

#[cfg(unix)]
#[test]
fn a_file_that_nobody_may_read_is_an_outage_even_for_a_superuser() {
    use std::os::unix::fs::PermissionsExt;

    let path = new_file();
    let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    check_outage(&path, || set(0o000), || set(0o600));
}

#[test]
fn an_older_copy_written_over_the_file_is_an_outage() {
    let path = new_file();
    let store = SqliteStore::open(&path).unwrap();
    deny(&store, "old");
    checkpoint(&path);
    let backup = fs::read(&path).unwrap();
    for n in 0..50 {
        deny(&store, &format!("new {n}"));
    }
    checkpoint(&path);
    assert_denied(&store, "new 7");
    fs::write(&path, backup).unwrap();
    for jti in ["old", "new 7", "never"] {
        assert_outage(&store, jti);
    }
    let error = block_on(store.revoke(Entry::deny(token("later")))).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
}

#[test]
fn a_write_that_waits_too_long_for_a_lock_is_an_outage_and_reading_goes_on() {
    let path = new_file();
    let store = SqliteStore::builder(&path).with_busy_timeout(Duration::ZERO).open().unwrap();
    deny(&store, "before");
    let stranger = stranger(&path);
    stranger.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = block_on(store.revoke(Entry::deny(token("1")))).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    // nothing that was acknowledged can be missed: writers are kept out, not only this store's
    assert_denied(&store, "before");
    assert_passes(&store, "1");
    stranger.execute_batch("ROLLBACK").unwrap();
    deny(&store, "1");
    assert_denied(&store, "1");
}

/// What a checkpoint leaves that could not copy everything: the database file says that it has more pages
/// than it has, the rest of which are in the log.
#[test]
fn a_checkpoint_that_is_half_done_is_no_outage() {
    let path = new_file();
    let store = SqliteStore::open(&path).unwrap();
    deny(&store, "1");
    checkpoint(&path);

    let writer = stranger(&path);
    writer.execute_batch("PRAGMA wal_autocheckpoint = 0; CREATE TABLE own (x INTEGER)").unwrap();
    let fill = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20000)
                INSERT INTO own SELECT x FROM n";
    writer.execute_batch(fill).unwrap();
    let reader = stranger(&path);
    let count = |sql: &str| reader.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(count("SELECT count(*) FROM own"), 20_000);
    // the newest version of the last page is now beyond what the reader lets the checkpoint copy
    writer.execute_batch("UPDATE own SET x = -1 WHERE rowid = 20000").unwrap();
    writer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
    let immutable = format!("file:{}?immutable=1", path.display());
    let alone = rusqlite::Connection::open(immutable).unwrap();
    let error = alone.query_row("PRAGMA schema_version", [], |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("malformed"), "{error}");

    assert_denied(&store, "1");
    deny(&store, "2");
    assert_denied(&store, "2");
    assert_passes(&store, "3");
    reader.execute_batch("ROLLBACK").unwrap();
    checkpoint(&path);
    assert_denied(&store, "1");
    assert_denied(&store, "2");
}
