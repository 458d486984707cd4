//! The suite that every store must pass.

use portcullis_sqlite::SqliteStore;
use portcullis_testing::suite::{self, Setup};

use crate::common::new_file;

async fn make(setup: Setup) -> SqliteStore {
    SqliteStore::builder(new_file())
        .with_clock(setup.clock)
        .with_retention(setup.retention)
        .with_limits(setup.limits)
        .open()
        .unwrap()
}

portcullis_testing::every_store_test!(make);

#[test]
fn no_check_passes_after_an_acknowledged_revocation() {
    portcullis_testing::block_on(suite::concurrency(make, |future| {
        portcullis_testing::block_on(future)
    }));
}
