//! Wake-ups: none where there is nothing to read, and one for every write.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use portcullis_core::feed::Feed;
use portcullis_core::{Entry, Revoke, Target};

use super::super::{ISSUER, Setup, done};
use super::Copy;

/// A feed without wake-ups passes; so does one that wakes too often, as long as it does so for
/// somebody who has read everything not at once.
pub async fn a_wake_up_comes_only_before_there_is_something_to_read<S: Feed + Revoke>(
    make: &impl AsyncFn(Setup) -> S,
) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let mut copy = Copy::of(&store, &setup).await;
    copy.round(&store).await;
    let cursor = copy.cursor.clone();
    let mut changed = pin!(store.changed(&cursor));
    let poll = changed.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(poll, Poll::Pending, "there is nothing to read");
    done(store.revoke(Entry::deny(Target::token(ISSUER, "1"))).await);
    copy.round(&store).await;
    assert!(copy.denies(&Target::token(ISSUER, "1")), "nobody waited for the wake-up");
}

/// Waits for the wake-up of a store that has them: writes, and does not return before it comes. To be
/// called with a limit of time, by a test of a store whose [`changed`](Feed::changed) is overridden.
pub async fn wake_up<S: Feed + Revoke>(make: impl AsyncFn(Setup) -> S) {
    let setup = Setup::new();
    let store = make(setup.clone()).await;
    let mut copy = Copy::of(&store, &setup).await;
    for n in 0..3 {
        copy.round(&store).await;
        let cursor = copy.cursor.clone();
        let mut changed = pin!(store.changed(&cursor));
        let poll = changed.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(poll, Poll::Pending, "there is nothing to read");
        let jti = n.to_string();
        done(store.revoke(Entry::deny(Target::token(ISSUER, &jti))).await);
        changed.await;
        // also where the write came before anybody waited
        store.changed(&cursor).await;
    }
}
