//! The suite that every store must pass.

use portcullis_sqlite::SqliteStore;
use portcullis_testing::suite::{self, Setup};

use crate::common::new_file;

async fn make(setup: Setup) -> SqliteStore {
    SqliteStore::builder(new_file())
        .with_clock(setup.clock)
        .with_retention(setup.retention)
        .with_limits(setup.limits)
        .with_page(setup.page)
        .waive_initial_cutoff()
        .open()
        .unwrap()
}

portcullis_testing::every_store_test!(make);
portcullis_testing::feed_tests!(make);

#[test]
fn no_check_passes_after_an_acknowledged_revocation() {
    portcullis_testing::block_on(suite::concurrency(make, |future| {
        portcullis_testing::block_on(future)
    }));
}

#[test]
fn whoever_waits_for_a_write_is_woken() {
    portcullis_testing::block_on(suite::feed::wake_up(make));
}
