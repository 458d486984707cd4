//! What goes wrong with the store, again and again: it is slow, its file is locked, replaced, unreadable.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::sleep;

use super::model::Model;
use super::server::Flaky;

/// How long all is well between two faults.
const CALM: Duration = Duration::from_secs(5);
/// How long a fault lasts.
const FAULT: Duration = Duration::from_millis(1_500);

/// Injects one fault after the other, for ever.
pub(crate) async fn inject(model: Arc<Model>, store: Flaky, path: PathBuf) -> Result<()> {
    loop {
        for name in ["slow", "locked", "replaced", "unreadable"] {
            sleep(CALM).await;
            model.fault_begins(name);
            match name {
                "slow" => {
                    store.set_slow(true);
                    sleep(FAULT).await;
                    store.set_slow(false);
                }
                "locked" => locked(&path).await?,
                "replaced" => replaced(&path).await?,
                _ => unreadable(&path).await?,
            }
            model.fault_ends();
        }
    }
}

/// Another process holds the lock for writing.
async fn locked(path: &Path) -> Result<()> {
    let path = path.to_owned();
    let lock = tokio::task::spawn_blocking(move || {
        let connection = rusqlite::Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.execute_batch("BEGIN EXCLUSIVE")?;
        std::thread::sleep(FAULT);
        connection.execute_batch("ROLLBACK")
    });
    lock.await?.context("the file can't be locked")
}

/// Somebody puts another file in its place, and then the first one back.
async fn replaced(path: &Path) -> Result<()> {
    let away = path.with_extension("away");
    std::fs::rename(path, &away)?;
    std::fs::write(path, b"this is no database")?;
    sleep(FAULT).await;
    std::fs::rename(&away, path)?;
    Ok(())
}

/// Its permissions are taken away.
async fn unreadable(path: &Path) -> Result<()> {
    let before = std::fs::metadata(path)?.permissions();
    let mut none = before.clone();
    #[cfg(unix)]
    std::os::unix::fs::PermissionsExt::set_mode(&mut none, 0o000);
    #[cfg(not(unix))]
    none.set_readonly(true);
    std::fs::set_permissions(path, none)?;
    sleep(FAULT).await;
    std::fs::set_permissions(path, before)?;
    Ok(())
}
