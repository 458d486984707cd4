//! The feed in memory passes the suites that every feed must pass.

use portcullis_testing::MemoryFeed;
use portcullis_testing::suite::{self, Setup};

async fn make(setup: Setup) -> MemoryFeed {
    MemoryFeed::obeying(setup)
}

portcullis_testing::feed_tests!(make);
portcullis_testing::feed_faults_tests!(make);

#[test]
fn whoever_waits_for_a_write_is_woken() {
    portcullis_testing::block_on(suite::feed::wake_up(make));
}
