//! The suite about faults that every feed must pass, and how each fault is brought about here.

use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use portcullis_postgres::PostgresStore;
use portcullis_support::stores::Kind;
use portcullis_support::{Outcome, PostgresServer, Proxy};
use portcullis_testing::suite::Setup;
use portcullis_testing::suite::feed_faults::{self, FeedFaults};

use crate::common::{Add, PATIENCE, Postgres, on_tokio, tell};

pub(crate) fn add(add: Add<'_>) {
    add("suite::faults_of_files_that_were_restored", files_restored);
    add("suite::faults_of_a_standby_that_was_promoted", standby_promoted);
    #[cfg(feature = "deadpool-postgres")]
    add("suite::through_a_pool_of_the_user", through_a_pool);
}

#[cfg(feature = "deadpool-postgres")]
fn through_a_pool() -> Outcome {
    use deadpool_postgres::{Config, Runtime};
    use portcullis_testing::suite;

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
                .with_timeout(PATIENCE)
                .connect()
                .await
                .unwrap();
            store.insecure_initialise_trusting_all_tokens().await.unwrap();
            store
        };
        suite::denials::all(make).await;
        suite::feed::all(make).await;

        // a client that did not answer is not lent to anybody again
        let store = PostgresStore::through(pool.clone())
            .with_schema("pooled 0")
            .with_timeout(Duration::from_secs(2))
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
    type Store = PostgresStore;

    fn store(&self) -> impl Deref<Target = PostgresStore> {
        &self.store
    }

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
    type Store = PostgresStore;

    fn store(&self) -> impl Deref<Target = PostgresStore> {
        &self.store
    }

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
    let store = crate::common::patient(url)
        .with_schema("lost")
        .with_clock(setup.clock)
        .with_retention(setup.retention)
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
        let server = PostgresServer::start(Postgres::SETTINGS).unwrap();
        let store = lost(&server.url(), setup).await;
        Restored { store, server: Mutex::new(Some(server)) }
    }))
}

fn standby_promoted() -> Outcome {
    on_tokio(faults(async |setup| {
        let primary = PostgresServer::start(Postgres::SETTINGS).unwrap();
        let proxy = Proxy::start(primary.port()).unwrap();
        let url = PostgresServer::url_at(proxy.port());
        let store = lost(&url, setup).await;
        FailedOver { store, primary: Mutex::new(Some(primary)), proxy, standby: Mutex::default() }
    }))
}
