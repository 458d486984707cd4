//! A process that verifies: it checks the tokens that are revoked about now, again and again, and says when each was last
//! allowed and first denied.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use portcullis::feed::{Batch, Chunk, Feed, FeedError, Start};
use portcullis::{Denylist, Replica, Revocation, TokenView, Verdict};

use crate::args::{Args, Kind};
use crate::clock::{Wrong, nanos};
use crate::revoker::{ISSUER, jti};
use crate::rig::{self, server::HASTY};

/// How many tokens beyond the last that is denied are looked at.
const WINDOW: u64 = 64;

pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        match args.kind {
            Kind::Sqlite => follow(args, rig::sqlite::open_busy(&args.address).await?).await,
            Kind::Redis => follow(args, rig::server::open_redis(&args.address, HASTY).await?).await,
            Kind::Postgres => {
                follow(args, rig::server::open_postgres(&args.address, HASTY).await?).await
            }
        }
    })
}

async fn follow(args: &Args, feed: impl Feed) -> Result<()> {
    if args.silent { check(args, Silent(feed)).await } else { check(args, feed).await }
}

/// Checks until its input is closed.
async fn check(args: &Args, feed: impl Feed) -> Result<()> {
    let replica = Replica::builder(feed)
        .with_staleness_bound(args.bound)
        .with_clock(Wrong::by(args.wrong_by))
        .spawn()?;
    let rule = Denylist::new(replica.clone());
    let closed = Arc::new(AtomicBool::new(false));
    std::thread::spawn({
        let closed = Arc::clone(&closed);
        move || {
            // an error is an end too
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            closed.store(true, Ordering::Release);
        }
    });
    let mut checks = Checks::default();
    while !closed.load(Ordering::Acquire) {
        checks.sweep(&rule).await?;
        // checks go on all the time, and leave some of it to the replica
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    checks.end()
}

/// What came of the checks so far.
#[derive(Default)]
struct Checks {
    /// All tokens below this are denied.
    denied_below: u64,
    seen: BTreeMap<u64, Seen>,
    /// For the choice of an old token to look at again.
    turn: u64,
    allowed: u64,
    denied: u64,
    unavailable: u64,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    /// When the last check began that allowed it.
    allowed: u64,
    denied: bool,
    /// The version at which it passed, as a cache of verified tokens remembers it.
    kept: Option<u64>,
}

impl Checks {
    async fn sweep(&mut self, rule: &impl Revocation) -> Result<()> {
        for number in self.denied_below..self.denied_below + WINDOW {
            self.check(rule, number).await?;
        }
        while self.seen.get(&self.denied_below).is_some_and(|seen| seen.denied) {
            self.denied_below += 1;
        }
        if self.denied_below > 0 {
            self.turn = (self.turn + 7_919) % self.denied_below;
            self.check(rule, self.turn).await?;
        }
        Ok(())
    }

    async fn check(&mut self, rule: &impl Revocation, number: u64) -> Result<()> {
        let jti = jti(number);
        let token = TokenView::new(ISSUER).with_token_id(&jti);
        let seen = self.seen.entry(number).or_default();
        let began = nanos();
        let version = rule.version();
        let verdict = if version.is_some() && version == seen.kept {
            Verdict::Allowed
        } else {
            rule.check(&token).await
        };
        let mut out = std::io::stdout().lock();
        match verdict {
            Verdict::Denied(_) => {
                self.denied += 1;
                seen.kept = None;
                if !std::mem::replace(&mut seen.denied, true) {
                    writeln!(out, "denied {number} {} {}", seen.allowed, nanos())?;
                }
            }
            Verdict::Unavailable(_) => self.unavailable += 1,
            _ => {
                self.allowed += 1;
                seen.allowed = began;
                seen.kept = version;
                if seen.denied {
                    writeln!(out, "allowed {number} {began}")?;
                }
            }
        }
        Ok(())
    }

    /// Says what was never denied, and how much was done.
    fn end(&self) -> Result<()> {
        let mut out = std::io::stdout().lock();
        for (number, seen) in self.seen.iter().filter(|(_, seen)| !seen.denied) {
            writeln!(out, "allowed {number} {}", seen.allowed)?;
        }
        writeln!(out, "checks {} {} {}", self.allowed, self.denied, self.unavailable)?;
        Ok(())
    }
}

/// A store that wakes nobody.
struct Silent<F>(F);

impl<F: Feed> Feed for Silent<F> {
    type Cursor = F::Cursor;
    type Page = F::Page;

    async fn start(&self) -> Result<Start<F::Cursor>, FeedError> {
        self.0.start().await
    }

    async fn snapshot(&self, page: Option<&F::Page>) -> Result<Chunk<F::Page>, FeedError> {
        self.0.snapshot(page).await
    }

    async fn read(&self, after: &F::Cursor) -> Result<Batch<F::Cursor>, FeedError> {
        self.0.read(after).await
    }

    fn reset(&self) {
        self.0.reset();
    }
}
