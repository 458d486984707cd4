//! Checks that run beside writes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use portcullis_core::{
    CutoffStore, Denylist, DenylistStore, Entry, IatCutoff, Revocation, Revoke, Target,
};

use super::{ISSUER, START, Setup, done, token};

/// Ends the checks when a writer panics, which they would otherwise wait for.
struct TellFailure<'a>(&'a AtomicBool);

impl Drop for TellFailure<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Release);
        }
    }
}

/// Writes several revocations at once, and checks at the same time from other threads that what was
/// acknowledged is denied and that what nobody revoked passes. `block_on` runs a future on a thread
/// of the case: [`block_on`](crate::block_on), or the like of a runtime that the store needs.
///
/// # Panics
///
/// If a token passes after its revocation was acknowledged.
pub async fn concurrency<S>(
    make: impl AsyncFn(Setup) -> S,
    block_on: impl Fn(Pin<Box<dyn Future<Output = ()> + Send + '_>>) + Sync,
) where
    S: CutoffStore + DenylistStore + Revoke,
{
    const WRITERS: usize = 3;
    const WRITES: usize = 60;

    let store = Arc::new(make(Setup::new()).await);
    // how many of its writes, in their order, each writer has been acknowledged
    let acknowledged: [AtomicUsize; WRITERS] = Default::default();
    let failed = AtomicBool::new(false);
    let (store, acknowledged, failed, block_on) = (&store, &acknowledged, &failed, &block_on);
    thread::scope(|scope| {
        for (writer, acknowledged) in acknowledged.iter().enumerate() {
            scope.spawn(move || {
                let _guard = TellFailure(failed);
                block_on(Box::pin(async move {
                    for n in 0..WRITES {
                        let (name, target) = (format!("{writer} {n}"), n % 2 == 0);
                        let entry = if target {
                            Entry::deny(Target::token(ISSUER, &name))
                        } else {
                            Entry::not_before_now(Target::subject(ISSUER, &name))
                        };
                        done(store.revoke(entry).await);
                        acknowledged.store(n + 1, Ordering::Release);
                    }
                }));
            });
        }
        for _ in 0..2 {
            scope.spawn(move || {
                block_on(Box::pin(async move {
                    let rule =
                        IatCutoff::new(Arc::clone(store)).and(Denylist::new(Arc::clone(store)));
                    let mut all = 0;
                    while all < WRITERS * WRITES && !failed.load(Ordering::Acquire) {
                        all = 0;
                        for (writer, acknowledged) in acknowledged.iter().enumerate() {
                            let seen = acknowledged.load(Ordering::Acquire);
                            all += seen;
                            for n in seen.saturating_sub(3)..seen {
                                let name = format!("{writer} {n}");
                                let verdict = rule.check(&token(&name, &name, START)).await;
                                assert!(verdict.is_denied(), "{name} after its acknowledgement");
                            }
                        }
                        let untouched = rule.check(&token("nobody", "nothing", START)).await;
                        assert!(untouched.is_allowed(), "{untouched:?} for what nobody revoked");
                    }
                }));
            });
        }
    });
    let rule = IatCutoff::new(Arc::clone(store)).and(Denylist::new(Arc::clone(store)));
    for writer in 0..WRITERS {
        for n in 0..WRITES {
            let name = format!("{writer} {n}");
            assert!(rule.check(&token(&name, &name, START)).await.is_denied(), "{name}");
        }
    }
}
