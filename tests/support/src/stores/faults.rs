//! Servers that answer no more while their connections stay open: nobody waits for them for ever.

use std::time::{Duration, Instant};

use portcullis_core::feed::{Feed, FeedErrorKind};
use portcullis_core::{StoreErrorKind, Verdict};
use portcullis_testing::suite::Setup;

use super::{Add, Kind, Server, deny, eventually, on_tokio, verdict};
use crate::{Outcome, Proxy};

pub(super) fn add<K: Kind>(add: Add<'_>) {
    add("faults::a_server_that_is_frozen_is_not_waited_for", frozen::<K>);
    add("faults::a_page_of_a_snapshot_may_take_longer_than_a_question", long_page::<K>);
    add("faults::a_connection_that_is_half_open_is_replaced", half_open::<K>);
}

/// How long the stores wait: short enough to wait for, and long enough for a server that works.
const LIMIT: Duration = Duration::from_secs(2);

/// Whatever is asked takes about the limit, and is an outage.
async fn assert_bounded<K: Kind>(store: &K::Store) {
    let begun = Instant::now();
    assert!(matches!(verdict(store, "1").await, Verdict::Unavailable(_)));
    let refused = deny(store, "2").await.map_err(|error| error.kind());
    assert_eq!(refused, Err(StoreErrorKind::Unavailable));
    let kind = store.start().await.map(|_| ()).map_err(|error| error.kind());
    assert_eq!(kind, Err(FeedErrorKind::Unavailable));
    // three questions; a machine under load may need more than the limit, nobody waits for ever
    assert!(begun.elapsed() < 15 * LIMIT, "{:?}", begun.elapsed());
}

async fn assert_answers_again<K: Kind>(store: &K::Store) {
    eventually("it answers again", async || verdict(store, "1").await.is_denied()).await;
}

fn frozen<K: Kind>() -> Outcome {
    let server = K::Server::start(K::SETTINGS)?;
    let url = K::Server::url_at(server.port());
    on_tokio(async {
        let store = K::empty(&url, Setup::default(), LIMIT).await;
        deny(&store, "1").await.expect("it answers");
        server.freeze().expect("a signal can be sent");
        assert_bounded::<K>(&store).await;
        server.thaw().expect("a signal can be sent");
        assert_answers_again::<K>(&store).await;
    })
}

/// A replica allows a page its own time.
fn long_page<K: Kind>() -> Outcome {
    let server = K::Server::start(K::SETTINGS)?;
    let url = K::Server::url_at(server.port());
    on_tokio(async {
        let store = K::empty(&url, Setup::default(), LIMIT).await;
        deny(&store, "1").await.expect("it answers");
        // all of its connections are made, which may be used in turn
        for _ in 0..8 {
            store.snapshot(None).await.expect("it answers");
        }
        server.freeze().expect("a signal can be sent");
        let questions = async {
            for _ in 0..2 {
                assert!(matches!(verdict(&store, "1").await, Verdict::Unavailable(_)));
            }
            server.thaw().expect("a signal can be sent");
        };
        let (page, ()) = tokio::join!(store.snapshot(None), questions);
        assert_eq!(page.expect("it is waited for").changes().len(), 1);
    })
}

fn half_open<K: Kind>() -> Outcome {
    let server = K::Server::start(K::SETTINGS)?;
    let proxy = Proxy::start(server.port())?;
    let url = K::Server::url_at(proxy.port());
    on_tokio(async {
        let store = K::empty(&url, Setup::default(), LIMIT).await;
        deny(&store, "1").await.expect("it answers");
        // all of its connections are made, which may be used in turn
        for _ in 0..8 {
            assert!(verdict(&store, "1").await.is_denied());
            store.start().await.expect("it answers");
        }
        proxy.stall();
        assert_bounded::<K>(&store).await;
        let before = proxy.accepted();
        // each question gives up the connection that it was asked on, until none is left but a new one
        let tried = async || {
            assert!(matches!(verdict(&store, "1").await, Verdict::Unavailable(_)));
            proxy.accepted() > before
        };
        eventually("another connection is tried", tried).await;
        proxy.resume();
        assert_answers_again::<K>(&store).await;
    })
}
