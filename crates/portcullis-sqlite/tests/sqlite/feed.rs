//! The store as a feed: through trimming, restored backups, lost files, and from other processes.

use std::fs;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use portcullis_core::feed::{Feed, FeedError, FeedErrorKind};
use portcullis_core::{Entry, IatCutoff, Revocation, Revoke, Target, Timestamp, TokenView};
use portcullis_sqlite::SqliteStore;
use portcullis_testing::suite::Setup;
use portcullis_testing::suite::feed_faults::FeedFaults;
use portcullis_testing::{TestClock, block_on};

use crate::common::{ISSUER, NOW, deny, new_file, stranger, token};

/// A store whose file can be lost, or restored from a copy, as far as whoever follows can tell: by a
/// service that is restarted on it.
struct Fragile {
    path: PathBuf,
    setup: Setup,
    store: Mutex<Option<SqliteStore>>,
}

impl Fragile {
    fn open(path: PathBuf, setup: Setup) -> Self {
        let fragile = Self { path, setup, store: Mutex::new(None) };
        *fragile.lock() = Some(fragile.start(100_000));
        fragile
    }

    fn start(&self, log: u64) -> SqliteStore {
        SqliteStore::builder(&self.path)
            .with_clock(self.setup.clock.clone())
            .with_retention(self.setup.retention)
            .with_limits(self.setup.limits)
            .with_page(self.setup.page)
            .with_log(log)
            .waive_initial_cutoff()
            .open()
            .unwrap()
    }

    fn lock(&self) -> MutexGuard<'_, Option<SqliteStore>> {
        self.store.lock().unwrap()
    }

    fn stop(&self) {
        *self.lock() = None;
    }

    /// Two connections that are closed at the same moment may both leave the log to the other. To put
    /// a file back is to remove the log of the one that was there.
    fn remove(&self) {
        for suffix in ["", "-wal", "-shm"] {
            let file = format!("{}{suffix}", self.path.display());
            if let Err(error) = fs::remove_file(file) {
                assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
            }
        }
    }

    fn copy(&self) -> PathBuf {
        self.path.with_extension("backup")
    }
}

impl FeedFaults for Fragile {
    type Store = SqliteStore;

    fn store(&self) -> impl Deref<Target = SqliteStore> {
        Box::new(self.lock().clone().unwrap())
    }

    async fn trim(&self) {
        self.stop();
        // the log is cut off with the next write, before the one that was the last
        let store = self.start(2);
        store.revoke(Entry::deny(Target::token(ISSUER, "trims"))).await.unwrap();
        *self.lock() = Some(store);
    }

    async fn back_up(&self) {
        let copy = self.copy();
        let sql = format!("VACUUM INTO '{}'", copy.display());
        stranger(&self.path).execute_batch(&sql).unwrap();
    }

    async fn restore(&self) {
        self.stop();
        self.remove();
        fs::copy(self.copy(), &self.path).unwrap();
        *self.lock() = Some(self.start(100_000));
    }

    async fn lose_everything(&self) {
        self.stop();
        self.remove();
        *self.lock() = Some(self.start(100_000));
    }
}

async fn make(setup: Setup) -> Fragile {
    Fragile::open(new_file(), setup)
}

portcullis_testing::feed_faults_tests!(make);

fn is_cut_off(store: &SqliteStore, issued: Timestamp) -> bool {
    let view = TokenView::new(ISSUER).with_subject("bob").with_issued_at(issued);
    block_on(IatCutoff::new(store.clone()).check(&view)).is_denied()
}

fn open_at(path: &PathBuf, now: Timestamp) -> SqliteStore {
    SqliteStore::builder(path).with_clock(TestClock::new(now)).open().unwrap()
}

#[test]
fn a_new_file_begins_with_a_cutoff_for_everything() {
    let path = new_file();
    let store = open_at(&path, NOW);
    let (earlier, later) =
        (Timestamp::from_secs(1_699_999_999), Timestamp::from_secs(1_700_000_001));
    assert!(is_cut_off(&store, earlier) && is_cut_off(&store, NOW) && !is_cut_off(&store, later));
    drop(store);
    // and not again
    let much_later = Timestamp::from_secs(1_700_086_400);
    let store = open_at(&path, much_later);
    assert!(is_cut_off(&store, NOW) && !is_cut_off(&store, later));
}

#[test]
fn the_cutoff_of_a_new_file_can_be_waived() {
    let store = SqliteStore::builder(new_file()).waive_initial_cutoff().open().unwrap();
    assert!(!is_cut_off(&store, Timestamp::UNIX_EPOCH));
}

#[test]
fn tables_without_an_epoch_are_not_initialised_and_no_empty_store() {
    let path = new_file();
    let store = open_at(&path, NOW);
    deny(&store, "1");
    let start = block_on(store.start()).unwrap();
    let epoch = "DELETE FROM portcullis_meta WHERE name = 'epoch'";
    stranger(&path).execute(epoch, []).unwrap();
    let kind = |result: Result<(), FeedError>| result.unwrap_err().kind();
    assert_eq!(kind(block_on(store.start()).map(|_| ())), FeedErrorKind::Uninitialised);
    assert_eq!(kind(block_on(store.snapshot(None)).map(|_| ())), FeedErrorKind::Uninitialised);
    let read = block_on(store.read(start.cursor()));
    assert_eq!(kind(read.map(|_| ())), FeedErrorKind::Uninitialised);
    let uninitialised = portcullis_core::StoreErrorKind::Uninitialised;
    let written = block_on(store.revoke(Entry::deny(token("2"))));
    assert_eq!(written.unwrap_err().kind(), uninitialised);
    crate::common::assert_outage(&store, "3");
    drop(store);
    // whoever opens it next does not know what was lost with it
    let later = Timestamp::from_secs(1_700_000_500);
    let store = open_at(&path, later);
    assert!(is_cut_off(&store, Timestamp::from_secs(1_700_000_400)));
    assert_ne!(block_on(store.start()).unwrap().epoch(), start.epoch());
}

/// The tables of version 1, with a denial in them.
const VERSION_1: &str = "
    CREATE TABLE portcullis_meta (
        name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE portcullis_denials (
        kind TEXT NOT NULL, issuer TEXT NOT NULL, id TEXT NOT NULL, subject TEXT,
        effective_ms INTEGER NOT NULL, keep_until INTEGER NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY (kind, issuer, id)) STRICT, WITHOUT ROWID;
    CREATE INDEX portcullis_denials_subject ON portcullis_denials (issuer, subject)
        WHERE subject IS NOT NULL;
    CREATE INDEX portcullis_denials_keep ON portcullis_denials (keep_until);
    CREATE TABLE portcullis_marks (
        rule TEXT NOT NULL, kind TEXT NOT NULL, issuer TEXT NOT NULL, id TEXT NOT NULL,
        value INTEGER NOT NULL, keep_until INTEGER NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY (rule, kind, issuer, id)) STRICT, WITHOUT ROWID;
    CREATE INDEX portcullis_marks_keep ON portcullis_marks (keep_until);
    CREATE TABLE portcullis_allowed (
        kind TEXT NOT NULL, issuer TEXT NOT NULL, id TEXT NOT NULL, subject TEXT,
        first INTEGER NOT NULL, was_listed INTEGER NOT NULL, keep_until INTEGER NOT NULL,
        position INTEGER NOT NULL, PRIMARY KEY (kind, issuer, id)) STRICT, WITHOUT ROWID;
    CREATE INDEX portcullis_allowed_keep ON portcullis_allowed (keep_until);
    INSERT INTO portcullis_meta VALUES
        ('schema', 1), ('store', 7), ('position', 41), ('denials', 1), ('cutoffs', 0), ('allowed', 0);
    INSERT INTO portcullis_denials VALUES
        ('jti', 'https://idp.example.com', 'old', NULL,
         -9223372036854775808, 9223372036854775807, 41);
";

#[test]
fn a_file_of_an_older_version_goes_on_with_all_that_it_holds_and_can_be_followed() {
    let path = new_file();
    stranger(&path).execute_batch(VERSION_1).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    crate::common::assert_denied(&store, "old");
    assert!(!is_cut_off(&store, Timestamp::UNIX_EPOCH), "nothing was lost");
    let start = block_on(store.start()).unwrap();
    let receipt = block_on(store.revoke(Entry::deny(token("new")))).unwrap();
    assert_eq!(receipt.position().get(), 42, "positions go on");
    let ids = |changes: &portcullis_core::feed::Changes| {
        changes.iter().map(|change| change.target().id().to_owned()).collect::<Vec<_>>()
    };
    let mut page = None;
    let mut all = Vec::new();
    loop {
        let chunk = block_on(store.snapshot(page.as_ref())).unwrap();
        all.extend(ids(chunk.changes()));
        page = chunk.next().cloned();
        if page.is_none() {
            break;
        }
    }
    assert_eq!(all, ["new", "old"]);
    let batch = block_on(store.read(start.cursor())).unwrap();
    assert_eq!(
        (ids(batch.changes()), batch.position()),
        (vec!["new".to_owned()], receipt.position())
    );
    let store_number = "SELECT value FROM portcullis_meta WHERE name = 'store'";
    let number: i64 = stranger(&path).query_row(store_number, [], |row| row.get(0)).unwrap();
    assert_ne!(number, 7, "a process of the old version is kept out");
}

#[test]
fn listings_are_no_part_of_the_feed_and_their_positions_are_reached_all_the_same() {
    use portcullis_core::AllowlistWriter;

    let store = SqliteStore::builder(new_file()).waive_initial_cutoff().open().unwrap();
    let start = block_on(store.start()).unwrap();
    let listed = block_on(store.allow(token("1"), None, None)).unwrap();
    let batch = block_on(store.read(start.cursor())).unwrap();
    assert!(batch.changes().is_empty());
    assert_eq!(batch.position(), listed);
    let removed = block_on(store.remove(token("1"))).unwrap();
    assert_eq!(block_on(store.read(start.cursor())).unwrap().position(), removed);
    // a removal of many stands among the cutoffs
    let removed = block_on(store.remove(Target::subject(ISSUER, "bob"))).unwrap();
    assert_eq!(block_on(store.read(start.cursor())).unwrap().position(), removed);
    let mut page = None;
    loop {
        let chunk = block_on(store.snapshot(page.as_ref())).unwrap();
        assert!(chunk.changes().is_empty());
        page = chunk.next().cloned();
        if page.is_none() {
            break;
        }
    }
}

#[test]
fn the_log_is_cut_off_as_far_back_as_it_was_told() {
    let path = new_file();
    let store = SqliteStore::builder(&path).with_log(10).waive_initial_cutoff().open().unwrap();
    for n in 0..50 {
        deny(&store, &n.to_string());
    }
    let rows = "SELECT count(*) FROM portcullis_log";
    let rows: i64 = stranger(&path).query_row(rows, [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 10);
}

/// However many listings there were since, which are in no log.
#[test]
fn a_reader_at_the_end_of_the_log_is_not_disturbed_by_listings() {
    use portcullis_core::AllowlistWriter;

    let builder = SqliteStore::builder(new_file()).with_log(10).waive_initial_cutoff();
    let store = builder.open().unwrap();
    for n in 0..3 {
        deny(&store, &n.to_string());
    }
    let start = block_on(store.start()).unwrap();
    for n in 0..30 {
        let listed = block_on(store.allow(token(&format!("listed {n}")), None, None)).unwrap();
        let batch = block_on(store.read(start.cursor())).unwrap();
        assert_eq!((batch.changes().len(), batch.position()), (0, listed));
    }
}

#[test]
fn a_file_that_is_replaced_under_it_is_an_outage_and_no_other_log() {
    let path = new_file();
    let store = SqliteStore::open(&path).unwrap();
    deny(&store, "1");
    let start = block_on(store.start()).unwrap();
    fs::rename(&path, path.with_extension("moved")).unwrap();
    drop(SqliteStore::open(&path).unwrap());
    let error = block_on(store.read(start.cursor())).unwrap_err();
    assert_eq!(error.kind(), FeedErrorKind::Unavailable);
    store.reset();
    let error = block_on(store.read(start.cursor())).unwrap_err();
    assert_eq!(error.kind(), FeedErrorKind::Unavailable, "another connection changes nothing");
}

#[test]
fn a_write_of_another_store_wakes_too() {
    let path = new_file();
    let open = || {
        let builder = SqliteStore::builder(&path).with_poll_interval(Duration::from_millis(5));
        builder.open().unwrap()
    };
    let (reader, writer) = (open(), open());
    for n in 0..5 {
        let start = block_on(reader.start()).unwrap();
        let waiting = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| block_on(reader.changed(start.cursor())));
            deny(&writer, &n.to_string());
            waiting.join()
        });
        waiting.unwrap();
        assert_eq!(block_on(reader.read(start.cursor())).unwrap().changes().len(), 1);
    }
}
