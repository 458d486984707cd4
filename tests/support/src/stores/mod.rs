//! What the tests of every store share: what they write and ask, and what it has to withstand on a server.
//!
//! For users who write a store of their own there is `portcullis_testing::suite`. This is about ours: it needs their
//! servers, and a runtime.

mod faults;
mod kind;
mod suites;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use portcullis_core::{
    Denylist, DenylistStore, Entry, Position, Revocation, Revoke, StoreError, StoreErrorKind,
    Target, Timestamp, TokenView, Verdict,
};
use tokio::runtime::{Builder, Runtime};

use crate::Outcome;

pub use kind::{Kind, Server};

/// Who issued the tokens of the tests.
pub const ISSUER: &str = "https://idp.example.com";

/// When they were issued.
pub const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// How long something is waited for that has to come, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Adds a test by its name.
pub type Add<'a> = &'a mut dyn FnMut(&str, fn() -> Outcome);

/// Adds the tests that every store on a server has to pass.
pub fn add<K: Kind>(add: Add<'_>) {
    suites::add::<K>(add);
    faults::add::<K>(add);
}

/// A runtime with threads enough for a store that blocks one of them to be noticed.
///
/// # Panics
///
/// If the machine has no thread for it.
#[must_use]
pub fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads are there")
}

/// Runs a test on a runtime of its own.
///
/// # Errors
///
/// None: a test that fails panics.
pub fn on_tokio(test: impl Future<Output = ()>) -> Outcome {
    runtime().block_on(test);
    Ok(())
}

/// A token of the issuer of the tests.
#[must_use]
pub fn token(jti: &str) -> Target<'_> {
    Target::token(ISSUER, jti)
}

/// Denies a token.
///
/// # Errors
///
/// Those of the store.
pub async fn deny(store: &impl Revoke, jti: &str) -> Result<Position, StoreError> {
    store.revoke(Entry::deny(token(jti))).await.map(|receipt| receipt.position())
}

/// What a denylist over the store says of a token.
pub async fn verdict<S: DenylistStore + Clone>(store: &S, jti: &str) -> Verdict {
    let view = TokenView::new(ISSUER).with_token_id(jti).with_issued_at(NOW);
    Denylist::new(store.clone()).check(&view).await
}

/// Asks again until it is so, for half a minute at most.
///
/// For what tells of no event that could be awaited.
///
/// # Panics
///
/// If it does not come to be.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < end, "it did not come to be: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Denies tokens as fast as it can, from several tasks, and kills the server in the middle of it. What was acknowledged is
/// returned.
///
/// # Panics
///
/// If a write fails in another way than for want of the server.
pub async fn burst<S>(store: &S, name: &str, kill: impl FnOnce()) -> Vec<String>
where
    S: Revoke + Clone + Send + Sync + 'static,
{
    const WRITERS: usize = 4;

    let stop = Arc::new(AtomicBool::new(false));
    let done: Arc<[AtomicUsize; WRITERS]> = Arc::default();
    let jti = |name: &str, writer: usize, n: usize| format!("{name} {writer} {n}");
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, stop, done) = (store.clone(), Arc::clone(&stop), Arc::clone(&done));
            let name = name.to_owned();
            tokio::spawn(async move {
                let mut n = 0;
                while !stop.load(Ordering::Acquire) {
                    match deny(&store, &jti(&name, writer, n)).await {
                        Ok(_) => n += 1,
                        Err(error) => {
                            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
                            break;
                        }
                    }
                    done[writer].store(n, Ordering::Release);
                }
            })
        })
        .collect();
    let written = || done.iter().map(|done| done.load(Ordering::Acquire)).collect::<Vec<_>>();
    eventually("they write", async || written().iter().all(|n| *n > 20)).await;
    kill();
    stop.store(true, Ordering::Release);
    for writer in writers {
        writer.await.expect("no writer panics");
    }
    let each = |(writer, count)| (0..count).map(move |n| jti(name, writer, n));
    written().into_iter().enumerate().flat_map(each).collect()
}
