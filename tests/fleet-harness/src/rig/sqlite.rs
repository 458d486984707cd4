//! A file: it can vanish, and come back.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use portcullis::{DenylistStore, StoreError, Target};
use portcullis_sqlite::SqliteStore;
use tempfile::TempDir;

use super::opened;
use crate::revoker::{ISSUER, jti};

/// The store as every process opens it, beside one that writes all the time.
pub(crate) async fn open_busy(address: &str) -> Result<SqliteStore> {
    opened(async || open(address)).await
}

fn open(address: &str) -> Result<SqliteStore, StoreError> {
    let builder = SqliteStore::builder(address).with_busy_timeout(Duration::from_millis(500));
    builder.with_log(2_000).waive_initial_cutoff().open()
}

pub(crate) struct Rig {
    folder: TempDir,
}

const VANISHES: &str = "the file can't be found";

impl Rig {
    pub(crate) fn start() -> Result<Self> {
        let rig = Self { folder: TempDir::new()? };
        drop(open(&super::Rig::address(&rig))?);
        Ok(rig)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("revocations.db")
    }

    fn elsewhere(&self) -> PathBuf {
        self.folder.path().join("elsewhere.db")
    }
}

impl super::Rig for Rig {
    fn address(&self) -> String {
        self.path().display().to_string()
    }

    fn faults(&self) -> Vec<&'static str> {
        vec![VANISHES]
    }

    fn harm(&mut self, _: &str) -> Result<()> {
        Ok(std::fs::rename(self.path(), self.elsewhere())?)
    }

    fn mend(&mut self, _: &str) -> Result<()> {
        Ok(std::fs::rename(self.elsewhere(), self.path())?)
    }

    fn forgotten(&self, numbers: &[u64]) -> Result<Vec<u64>> {
        let store = open(&super::Rig::address(self))?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(async {
            let mut forgotten = Vec::new();
            for &number in numbers {
                if !store.is_denied(&Target::token(ISSUER, &jti(number))).await? {
                    forgotten.push(number);
                }
            }
            Ok(forgotten)
        })
    }
}
