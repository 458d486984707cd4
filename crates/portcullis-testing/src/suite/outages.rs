//! A store that can't be asked must say so.

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{
    Allowlist, AllowlistStore, AllowlistWriter, CutoffStore, Denylist, DenylistStore, Entry,
    IatCutoff, Revocation, Revoke, StoreErrorKind, Target, Verdict,
};

use super::{ISSUER, START, Setup, assert_denied, assert_passes, done, token};

/// Fills a store, breaks it with `breaking` (lock the file, stop the server, cut the connection), and
/// checks that from then on neither a revoked nor a good token gets an answer, and that no write is
/// acknowledged. A listing that a rule reuses is reused for no longer than it may be. `mending` undoes it, and waits for
/// as long as the store may need to notice, after which everything has to be as before.
///
/// # Panics
///
/// If an outage looks like an answer.
pub async fn outage<S>(
    make: impl AsyncFn(Setup) -> S,
    breaking: impl AsyncFnOnce(),
    mending: impl AsyncFnOnce(),
) where
    S: CutoffStore + DenylistStore + AllowlistStore + Revoke + AllowlistWriter,
{
    let setup = Setup::new();
    let store = Arc::new(make(setup.clone()).await);
    let cutoffs = IatCutoff::new(Arc::clone(&store));
    let denylist = Denylist::new(Arc::clone(&store));
    let allowlist = Allowlist::new(Arc::clone(&store));
    done(store.revoke(Entry::not_before_now(Target::subject(ISSUER, "bob"))).await);
    done(store.revoke(Entry::deny(Target::token(ISSUER, "revoked"))).await);
    done(store.allow(Target::token(ISSUER, "good"), None, None).await);
    let (revoked, good) = (token("bob", "revoked", START), token("alice", "good", START));
    let answers = async || {
        for rule in [&cutoffs as &dyn Judge, &denylist, &allowlist] {
            rule.assert_tells_apart(&revoked, &good).await;
        }
    };
    answers().await;
    let reused = Duration::from_secs(2);
    let reusing = Allowlist::new(Arc::clone(&store)).cache_for(reused);
    let reusing = reusing.with_clock(setup.clock.clone());
    assert_passes(&reusing, &good, "it is listed").await;

    breaking().await;
    // what is reused is reused for no longer than without an outage, and nothing is reused for others
    assert_unavailable(reusing.check(&revoked).await);
    setup.clock.advance(reused + Duration::from_millis(1));
    assert_unavailable(reusing.check(&good).await);
    let fresh_cutoffs = IatCutoff::new(Arc::clone(&store));
    let fresh_denylist = Denylist::new(Arc::clone(&store));
    let fresh_allowlist = Allowlist::new(Arc::clone(&store));
    for token in [&revoked, &good] {
        assert_unavailable(fresh_cutoffs.check(token).await);
        assert_unavailable(fresh_denylist.check(token).await);
        assert_unavailable(fresh_allowlist.check(token).await);
    }
    let late = Entry::deny(Target::token(ISSUER, "late"));
    for result in [
        store.revoke(late).await.map(|_| ()),
        store.allow(Target::token(ISSUER, "late"), None, None).await.map(|_| ()),
        store.remove(Target::token(ISSUER, "good")).await.map(|_| ()),
    ] {
        match result {
            Ok(()) => panic!("a write was acknowledged during an outage"),
            Err(error) => assert!(
                matches!(error.kind(), StoreErrorKind::Unavailable | StoreErrorKind::Corrupt),
                "{error:?}"
            ),
        }
    }

    mending().await;
    answers().await;
}

fn assert_unavailable(verdict: Verdict) {
    assert!(matches!(verdict, Verdict::Unavailable(_)), "an outage looks like {verdict:?}");
}

/// A rule, whatever its type.
trait Judge {
    fn assert_tells_apart<'a>(
        &'a self,
        revoked: &'a portcullis_core::TokenView<'a>,
        good: &'a portcullis_core::TokenView<'a>,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;
}

impl<R: Revocation> Judge for R {
    fn assert_tells_apart<'a>(
        &'a self,
        revoked: &'a portcullis_core::TokenView<'a>,
        good: &'a portcullis_core::TokenView<'a>,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(async {
            assert_denied(self, revoked, "it is revoked").await;
            assert_passes(self, good, "it is not revoked").await;
        })
    }
}
