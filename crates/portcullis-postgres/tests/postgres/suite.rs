//! The suites that every store and every feed must pass, and how each fault is brought about here.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use portcullis_core::feed::{Batch, Chunk, Feed, FeedError, Start};
use portcullis_core::{Entry, Revoke, Revoked, StoreError};
use portcullis_postgres::{PostgresCursor, PostgresPage, PostgresStore};
use portcullis_support::{Outcome, PostgresServer, Proxy};
use portcullis_testing::suite::feed_faults::{self, FeedFaults};
use portcullis_testing::suite::{
    self, Setup, collapse, cutoffs, denials, feed, generations, limits, listings,
};

use crate::common::{Add, builder, empty, on_tokio, runtime, tell};

pub(crate) fn add(add: Add<'_>) {
    add("suite::cutoffs", || each(async |url| cutoffs::all(make(url)).await));
    add("suite::denials", || each(async |url| denials::all(make(url)).await));
    add("suite::limits", || each(async |url| limits::all(make(url)).await));
    add("suite::collapse", || each(async |url| collapse::all(make(url)).await));
    add("suite::generations", || each(async |url| generations::all(make(url)).await));
    add("suite::listings", || each(async |url| listings::all(make(url)).await));
    add("suite::feed", || each(async |url| feed::all(make(url)).await));
    add("suite::no_check_passes_after_an_acknowledged_revocation", concurrency);
    add("suite::an_outage_is_no_answer", outages);
    add("suite::faults_of_files_that_were_restored", files_restored);
    add("suite::faults_of_a_standby_that_was_promoted", standby_promoted);
    #[cfg(feature = "deadpool-postgres")]
    add("suite::through_a_pool_of_the_user", through_a_pool);
}

/// Nothing else has transactions: what is open at a time is the tests' own.
const QUIET: &[&str] = &["autovacuum=off", "fsync=off"];

fn make(url: &str) -> impl AsyncFn(Setup) -> PostgresStore {
    async move |setup| empty(url, setup).await
}

fn each(test: impl AsyncFnOnce(&str)) -> Outcome {
    let server = PostgresServer::start(QUIET)?;
    on_tokio(test(&server.url()))
}

fn concurrency() -> Outcome {
    let server = PostgresServer::start(QUIET)?;
    let (url, runtime) = (server.url(), runtime());
    runtime.block_on(suite::concurrency(make(&url), |future| runtime.handle().block_on(future)));
    Ok(())
}

/// A frozen server, and a connection that nobody knows to be dead.
fn outages() -> Outcome {
    let server = PostgresServer::start(QUIET)?;
    let proxy = Proxy::start(server.port())?;
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", proxy.port());
    let make = async |setup: Setup| {
        let store = builder(&url)
            .with_clock(setup.clock)
            .with_retention(setup.retention)
            .with_timeout(Duration::from_millis(500));
        let store = store.connect().await.unwrap();
        store.insecure_initialise_trusting_all_tokens().await.unwrap();
        store
    };
    on_tokio(async {
        suite::outage(make, async || server.freeze().unwrap(), async || server.thaw().unwrap())
            .await;
        suite::outage(make, async || proxy.stall(), async || proxy.resume()).await;
        let nowhere = portcullis_support::free_port().unwrap();
        let cut = async || {
            proxy.point_to(nowhere);
            proxy.cut();
        };
        suite::outage(make, cut, async || proxy.point_to(server.port())).await;
    })
}

#[cfg(feature = "deadpool-postgres")]
fn through_a_pool() -> Outcome {
    use deadpool_postgres::{Config, Runtime};

    let server = PostgresServer::start(&["autovacuum=off", "synchronous_commit=off"])?;
    let url = server.url();
    on_tokio(async {
        let config = Config { url: Some(url.clone()), ..Config::default() };
        let pool = config.create_pool(Some(Runtime::Tokio1), tokio_postgres::NoTls).unwrap();
        let number = std::sync::atomic::AtomicUsize::new(0);
        let make = async |setup: Setup| {
            let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let store = PostgresStore::through(pool.clone())
                .with_listening_on(&url)
                .with_schema(format!("pooled {number}"))
                .with_clock(setup.clock)
                .with_retention(setup.retention)
                .with_limits(setup.limits)
                .with_timeout(Duration::from_secs(5))
                .connect()
                .await
                .unwrap();
            store.insecure_initialise_trusting_all_tokens().await.unwrap();
            store
        };
        denials::all(make).await;
        feed::all(make).await;

        // a client that did not answer is not lent to anybody again
        let store = PostgresStore::through(pool.clone())
            .with_schema("pooled 0")
            .with_timeout(Duration::from_millis(300))
            .connect()
            .await
            .unwrap();
        let size = pool.status().size;
        server.freeze().unwrap();
        store.usage().await.unwrap_err();
        assert!(pool.status().size < size, "{:?}", pool.status());
        server.thaw().unwrap();
        crate::common::eventually("it works again", async || store.usage().await.is_ok()).await;
    })
}

/// A store whose files are put back to what they were.
struct Restored {
    store: PostgresStore,
    server: Mutex<Option<PostgresServer>>,
}

/// A store behind an address that follows a failover.
struct FailedOver {
    store: PostgresStore,
    primary: Mutex<Option<PostgresServer>>,
    proxy: Proxy,
    standby: Mutex<Option<PostgresServer>>,
}

/// Both are followed and written to as the store is.
macro_rules! as_its_store {
    ($type:ty) => {
        impl Feed for $type {
            type Cursor = PostgresCursor;
            type Page = PostgresPage;

            async fn start(&self) -> Result<Start<PostgresCursor>, FeedError> {
                self.store.start().await
            }

            async fn snapshot(
                &self,
                page: Option<&PostgresPage>,
            ) -> Result<Chunk<PostgresPage>, FeedError> {
                self.store.snapshot(page).await
            }

            async fn read(
                &self,
                after: &PostgresCursor,
            ) -> Result<Batch<PostgresCursor>, FeedError> {
                self.store.read(after).await
            }
        }

        impl Revoke for $type {
            async fn revoke(&self, entry: Entry) -> Result<Revoked, StoreError> {
                self.store.revoke(entry).await
            }
        }
    };
}

as_its_store!(Restored);
as_its_store!(FailedOver);

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let _ = std::fs::remove_dir_all(to);
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    assert!(status.success());
    Ok(())
}

impl Restored {
    /// Does something to the files while nothing runs in them.
    fn at_rest(&self, change: impl FnOnce(&Path) -> std::io::Result<()>) {
        let mut server = self.server.lock().unwrap();
        *server = Some(server.take().unwrap().restart_after(change).unwrap());
    }
}

impl FeedFaults for Restored {
    /// There is no log beside the state, and so none to be cut off.
    async fn trim(&self) {}

    async fn back_up(&self) {
        self.at_rest(|data| copy(data, &data.with_extension("backup")));
    }

    async fn restore(&self) {
        self.at_rest(|data| copy(&data.with_extension("backup"), data));
    }

    async fn lose_everything(&self) {
        let url = self.server.lock().unwrap().as_ref().unwrap().url();
        tell(&url, "DROP SCHEMA lost CASCADE").await;
    }
}

impl FeedFaults for FailedOver {
    async fn trim(&self) {}

    /// A standby has everything until now and nothing more.
    async fn back_up(&self) {
        let primary = self.primary.lock().unwrap();
        let standby = primary.as_ref().unwrap().standby(&[
            "primary_conninfo=",
            "autovacuum=off",
            "fsync=off",
        ]);
        *self.standby.lock().unwrap() = Some(standby.unwrap());
    }

    async fn restore(&self) {
        self.primary.lock().unwrap().as_mut().unwrap().kill().unwrap();
        let standby = self.standby.lock().unwrap();
        let standby = standby.as_ref().unwrap();
        standby.promote().unwrap();
        self.proxy.point_to(standby.port());
        self.proxy.cut();
    }

    async fn lose_everything(&self) {
        let url = self.primary.lock().unwrap().as_ref().unwrap().url();
        tell(&url, "TRUNCATE lost.facts, lost.meta").await;
    }
}

async fn lost(url: &str, setup: Setup) -> PostgresStore {
    let store = PostgresStore::builder(url)
        .with_schema("lost")
        .with_clock(setup.clock)
        .with_retention(setup.retention)
        .with_timeout(Duration::from_secs(10))
        .connect()
        .await
        .unwrap();
    assert!(store.insecure_initialise_trusting_all_tokens().await.unwrap());
    store
}

/// All but the one about a log that was trimmed: there is none here.
async fn faults<S: FeedFaults>(make: impl AsyncFn(Setup) -> S) {
    feed_faults::a_reader_at_the_end_of_a_trimmed_log_is_not_disturbed(&make).await;
    feed_faults::a_store_that_lost_its_last_writes_is_noticed(&make).await;
    feed_faults::a_store_that_lost_its_last_writes_and_wrote_on_is_noticed(&make).await;
    feed_faults::a_store_that_lost_everything_is_no_empty_one(&make).await;
}

fn files_restored() -> Outcome {
    on_tokio(faults(async |setup| {
        let server = PostgresServer::start(QUIET).unwrap();
        let store = lost(&server.url(), setup).await;
        Restored { store, server: Mutex::new(Some(server)) }
    }))
}

fn standby_promoted() -> Outcome {
    on_tokio(faults(async |setup| {
        let primary = PostgresServer::start(QUIET).unwrap();
        let proxy = Proxy::start(primary.port()).unwrap();
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", proxy.port());
        let store = lost(&url, setup).await;
        FailedOver { store, primary: Mutex::new(Some(primary)), proxy, standby: Mutex::default() }
    }))
}
