//! The in-memory store passes the suite that every store must pass.

use portcullis::MemoryStore;
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
fn no_check_passes_after_an_acknowledged_revocation() {
    portcullis_testing::block_on(suite::concurrency(make, |future| {
        portcullis_testing::block_on(future)
    }));
}
