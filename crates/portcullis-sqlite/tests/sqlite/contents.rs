//! Tables that somebody has tampered with, and what is dropped from them in time.

use std::time::Duration;

use portcullis_core::{
    Clock, CutoffStore, Entry, GenerationStore, Retention, Revoke, StoreErrorKind, Target,
};
use portcullis_sqlite::SqliteStore;
use portcullis_testing::{TestClock, block_on};

use crate::common::{ISSUER, NOW, assert_denied, assert_outage, deny, new_file, stranger, token};

/// That a store whose file was tampered with by this statement gives no answers at all.
#[track_caller]
fn check_no_answers(tamper: &str) {
    let path = new_file();
    let store = SqliteStore::open(&path).unwrap();
    deny(&store, "1");
    assert_denied(&store, "1");
    stranger(&path).execute_batch(tamper).unwrap();
    assert_outage(&store, "1");
    assert_outage(&store, "2");
    let error = block_on(store.revoke(Entry::deny(token("3")))).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{tamper}: {error:?}");
}

#[test]
fn tables_that_are_not_as_they_were_left_are_an_outage() {
    check_no_answers("DROP TABLE portcullis_denials");
    check_no_answers("DROP TABLE portcullis_meta");
    check_no_answers("DELETE FROM portcullis_meta WHERE name = 'position'");
    check_no_answers("UPDATE portcullis_meta SET value = 0 WHERE name = 'position'");
    check_no_answers("UPDATE portcullis_meta SET value = -1 WHERE name = 'position'");
    check_no_answers("UPDATE portcullis_meta SET value = value + 1 WHERE name = 'store'");
}

#[test]
fn rows_of_the_wrong_type_are_corrupt() {
    let path = new_file();
    let store = SqliteStore::open(&path).unwrap();
    let bob = Target::subject(ISSUER, "bob");
    block_on(store.revoke(Entry::min_generation(bob, 3))).unwrap();
    let stranger = stranger(&path);
    let tamper = "UPDATE portcullis_marks SET value = -3";
    stranger.execute_batch(tamper).unwrap();
    let error = block_on(store.min_generation(&bob)).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);

    let tamper = "ALTER TABLE portcullis_marks RENAME TO was;
                  CREATE TABLE portcullis_marks AS SELECT * FROM was;
                  UPDATE portcullis_marks SET value = 'soon', rule = 'not_before'";
    stranger.execute_batch(tamper).unwrap();
    let error = block_on(store.cutoff(&bob)).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
}

#[test]
fn what_has_expired_is_dropped_while_there_are_writes() {
    let (path, clock) = (new_file(), TestClock::new(NOW));
    let slack = Duration::from_secs(60 + 60 + 300);
    let store = SqliteStore::builder(&path)
        .with_clock(clock.clone())
        .with_retention(Retention::default())
        .open()
        .unwrap();
    let exp = clock.now().saturating_add(Duration::from_secs(100));
    for n in 0..1_200 {
        let entry = Entry::deny(token(&n.to_string())).expiring_at(exp);
        block_on(store.revoke(entry)).unwrap();
    }
    deny(&store, "for ever");
    clock.advance(Duration::from_secs(100) + slack);
    // each write of these has the thread look for some of what has expired afterwards
    for _ in 0..4 {
        deny(&store, "for ever");
    }
    assert_eq!(block_on(store.usage()).unwrap().denials, 1);
    let rows = "SELECT count(*) FROM portcullis_denials";
    let rows: i64 = stranger(&path).query_row(rows, [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
    assert_denied(&store, "for ever");
}
