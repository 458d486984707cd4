//! The process that revokes: one token after the other, each until it is acknowledged.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use portcullis::{Entry, Revoke, Target};

use crate::args::{Args, Kind};
use crate::clock::nanos;
use crate::rig::{self, server::HASTY};

pub(crate) const ISSUER: &str = "https://idp.example.com";

/// The token of this number.
pub(crate) fn jti(number: u64) -> String {
    format!("token {number}")
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        match args.kind {
            Kind::Sqlite => revoke(rig::sqlite::open_busy(&args.address).await?, args.from).await,
            Kind::Redis => {
                revoke(rig::server::open_redis(&args.address, HASTY).await?, args.from).await
            }
            Kind::Postgres => {
                revoke(rig::server::open_postgres(&args.address, HASTY).await?, args.from).await
            }
        }
    })
}

/// Writes until it is killed.
async fn revoke(store: impl Revoke, from: u64) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for number in from.. {
        let entry = Entry::deny(Target::token(ISSUER, &jti(number)));
        while let Err(error) = store.revoke(entry.clone()).await {
            writeln!(out, "refused {:?}", error.kind())?;
            // the store is being harmed, and tells nobody when it is mended
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // after the acknowledgement, so that nothing is asked for too early
        writeln!(out, "acknowledged {number} {}", nanos())?;
        // bursts of eight, and between them a pause in which copies have nothing to read
        if number % 8 == 7 {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
    Ok(())
}
