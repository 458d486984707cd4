//! The stores that can be put to the test: how one is started, and what harm can be done to it.

pub(crate) mod server;
pub(crate) mod sqlite;

use std::time::Duration;

use anyhow::{Context as _, Result};
use portcullis::StoreError;

use crate::args::Kind;

/// A store that was started, and what can be done to it. It is gone when this is dropped.
pub(crate) trait Rig {
    /// Where processes find it.
    fn address(&self) -> String;

    /// The names of the ways of breaking it.
    fn faults(&self) -> Vec<&'static str>;

    /// Breaks it in that way.
    fn harm(&mut self, fault: &str) -> Result<()>;

    /// Undoes that.
    fn mend(&mut self, fault: &str) -> Result<()>;

    /// Which of these tokens it does not deny, asked afresh.
    fn forgotten(&self, numbers: &[u64]) -> Result<Vec<u64>>;
}

/// Starts one.
pub(crate) fn start(kind: Kind) -> Result<Box<dyn Rig>> {
    Ok(match kind {
        Kind::Sqlite => Box::new(sqlite::Rig::start()?),
        Kind::Redis | Kind::Postgres => Box::new(server::Rig::start(kind)?),
    })
}

/// Opens a store as soon as it can be: it may be harmed, or others may be busy with it.
pub(crate) async fn opened<S>(open: impl AsyncFn() -> Result<S, StoreError>) -> Result<S> {
    let mut failure = None;
    // half a minute of refusals, longer where each of them takes its time
    for _ in 0..600 {
        match open().await {
            Ok(store) => return Ok(store),
            Err(error) => failure = Some(error),
        }
        // a store that can't be opened yet tells nobody when it can
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(failure.context("it was never tried")?.into())
}
