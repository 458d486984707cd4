//! Opening a file: new, odd, somebody else's, and such as can't be opened.

use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use portcullis_core::StoreErrorKind;
use portcullis_sqlite::SqliteStore;

use crate::common::{assert_denied, assert_passes, chain, deny, new_directory, new_file, stranger};

#[track_caller]
fn check_refused(path: &Path, kind: StoreErrorKind, says: &str) {
    let opened = SqliteStore::builder(path).with_busy_timeout(Duration::ZERO).open();
    let error = opened.expect_err("it can't be opened");
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error} names the path");
    assert!(chain(&error).contains(says), "{} says {says:?}", chain(&error));
}

#[test]
fn what_cannot_be_opened_is_an_error_that_names_the_path() {
    let directory = new_directory();
    check_refused(&directory.join("no/such/file.db"), StoreErrorKind::Unavailable, "No such file");
    check_refused(&directory, StoreErrorKind::Unavailable, "unable to open");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let path = new_file();
    let text = "remember the milk\n".repeat(1_000);
    fs::write(&path, &text).unwrap();
    check_refused(&path, StoreErrorKind::Corrupt, "not a database");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn tables_of_a_newer_version_are_refused() {
    let path = new_file();
    drop(SqliteStore::open(&path).unwrap());
    let set = "UPDATE portcullis_meta SET value = 3 WHERE name = 'schema'";
    stranger(&path).execute(set, []).unwrap();
    check_refused(&path, StoreErrorKind::Invalid, "version 3");
}

#[test]
fn a_file_that_somebody_has_for_himself_is_refused() {
    let path = new_file();
    drop(SqliteStore::open(&path).unwrap());
    let stranger = stranger(&path);
    stranger.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    check_refused(&path, StoreErrorKind::Unavailable, "locked");
    drop(stranger);
    SqliteStore::open(&path).unwrap();
}

#[cfg(unix)]
#[test]
fn a_new_file_and_its_companions_are_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let path = new_file();
    let store = SqliteStore::open(&path).unwrap();
    deny(&store, "1");
    for suffix in ["", "-wal", "-shm"] {
        let file = format!("{}{suffix}", path.display());
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[cfg(unix)]
#[test]
fn the_permissions_of_a_file_that_is_there_are_left_alone() {
    use std::os::unix::fs::PermissionsExt;

    let path = new_file();
    stranger(&path).execute_batch("CREATE TABLE workers (name TEXT)").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    deny(&store, "1");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn it_lives_beside_the_tables_of_a_service() {
    let path = new_file();
    let service = stranger(&path);
    let tables = "PRAGMA user_version = 41; PRAGMA application_id = 7;
                  CREATE TABLE workers (name TEXT); INSERT INTO workers VALUES ('ada')";
    service.execute_batch(tables).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    deny(&store, "1");
    let number = |sql| service.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("PRAGMA user_version"), 41);
    assert_eq!(number("PRAGMA application_id"), 7);
    assert_eq!(number("SELECT count(*) FROM workers"), 1);
    service.execute_batch("INSERT INTO workers VALUES ('bob')").unwrap();
    assert_denied(&store, "1");
    let strays = "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE '%portcullis_%'";
    assert_eq!(number(strays), 1, "all other tables are the service's");
}

#[test]
fn odd_names_are_names_of_files() {
    let directory = new_directory();
    for name in ["with space", "a?b", "a#b", "100%", "%41", "ö", ":memory:", "file:x", "a&mode=ro"]
    {
        let path = directory.join(name);
        let store = SqliteStore::open(&path).unwrap();
        deny(&store, "1");
        assert_denied(&store, "1");
        drop(store);
        assert!(path.exists(), "{name}");
        let again = SqliteStore::open(&path).unwrap();
        assert_denied(&again, "1");
    }
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_once_and_for_all() {
    let directory = new_directory();
    fs::create_dir(directory.join("data")).unwrap();
    let (real, link) = (directory.join("data/real.db"), directory.join("link.db"));
    drop(SqliteStore::open(&real).unwrap());
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let store = SqliteStore::open(&link).unwrap();
    deny(&store, "1");
    assert!(directory.join("data/real.db-wal").exists());
    assert_denied(&store, "1");
    assert_denied(&SqliteStore::open(&real).unwrap(), "1");
}

#[test]
fn a_new_file_may_be_opened_by_many_at_once() {
    const MANY: usize = 6;
    let path = new_file();
    let barrier = Barrier::new(MANY);
    thread::scope(|scope| {
        for n in 0..MANY {
            let (path, barrier) = (&path, &barrier);
            scope.spawn(move || {
                barrier.wait();
                let store = SqliteStore::builder(path)
                    .with_busy_timeout(Duration::from_secs(60))
                    .open()
                    .unwrap();
                deny(&store, &n.to_string());
            });
        }
    });
    let store = SqliteStore::open(&path).unwrap();
    for n in 0..MANY {
        assert_denied(&store, &n.to_string());
    }
    assert_passes(&store, "none");
}
