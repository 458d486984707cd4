//! The feed in memory passes the suites that every feed must pass.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use portcullis_core::feed::Feed;
use portcullis_core::{Entry, Revoke, Target};
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

#[test]
fn a_feed_that_is_shared_wakes_and_is_reset_as_the_feed_itself() {
    let store = Arc::new(MemoryFeed::new());
    portcullis_testing::block_on(async {
        let start = Feed::start(&store).await.unwrap();
        let mut changed = pin!(Feed::changed(&store, start.cursor()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(changed.as_mut().poll(&mut context).is_pending(), "nothing was written");
        store.revoke(Entry::deny(Target::token("i", "1"))).await.unwrap();
        assert!(changed.as_mut().poll(&mut context).is_ready());
    });
    Feed::reset(&store);
    assert_eq!(store.resets(), 1);
}
