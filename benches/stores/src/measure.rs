//! The figures.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use portcullis::{Denylist, Entry, Replica, Revocation, Revoke, Target, TokenView};

use crate::Figure;
use crate::rig::Rig;

pub(crate) const ISSUER: &str = "https://idp.example.com";
pub(crate) const BOUND: Duration = Duration::from_secs(3);

pub(crate) async fn all<R: Rig>(
    rig: &R,
    figures: &[Figure],
    entries: usize,
    seconds: u64,
) -> Result<()> {
    let time = Duration::from_secs(seconds);
    for figure in figures {
        match figure {
            Figure::Writes => {
                for writers in [1, 16, 64] {
                    writes(rig, writers, time).await?;
                }
            }
            Figure::Lag => {
                for replicas in [1, 4, 16] {
                    lag(rig, replicas).await?;
                }
            }
            Figure::Rest => idle(rig, 16, time).await?,
            Figure::Outage => reconnect(rig).await?,
            Figure::Snapshot => crate::snapshot::measure(rig, entries).await?,
        }
    }
    Ok(())
}

async fn replica<R: Rig>(rig: &R) -> Result<Replica> {
    let replica = Replica::builder(rig.connect().await?).with_staleness_bound(BOUND).spawn()?;
    replica.ready().await?;
    Ok(replica)
}

/// Acknowledged a second, and how far behind a replica is when the last was.
async fn writes<R: Rig>(rig: &R, writers: usize, time: Duration) -> Result<()> {
    let (store, replica) = (rig.connect().await?, replica(rig).await?);
    let done = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let (store, done) = (store.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                while began.elapsed() < time {
                    let n = done.fetch_add(1, Ordering::Relaxed);
                    let jti = format!("{writers} {writer} {n}");
                    store.revoke(Entry::deny(Target::token(ISSUER, &jti))).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let rate = done.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    let acknowledged = Instant::now();
    replica.caught_up(BOUND).await?;
    let behind = acknowledged.elapsed();
    println!(
        "{writers:>3} writers: {rate:.0} a second; all of it applied {behind:.1?} after the last"
    );
    Ok(())
}

/// From the acknowledgement to the first check that denies, on each replica.
async fn lag<R: Rig>(rig: &R, replicas: usize) -> Result<()> {
    const WRITES: usize = 100;
    let store = rig.connect().await?;
    let mut rules = Vec::new();
    for _ in 0..replicas {
        rules.push(Denylist::new(replica(rig).await?));
    }
    let mut lags = Vec::new();
    for n in 0..WRITES {
        // not in step with the regular reads
        tokio::time::sleep(Duration::from_millis(20 + (n as u64 * 7) % 50)).await;
        let jti = format!("lag {replicas} {n}");
        let receipt = store.revoke(Entry::deny(Target::token(ISSUER, &jti))).await?;
        let (acknowledged, _) = (Instant::now(), receipt);
        let view = TokenView::new(ISSUER).with_token_id(&jti);
        let mut waiting: Vec<_> = rules.iter().collect();
        while !waiting.is_empty() {
            waiting.retain(|rule| {
                let denied = rule.peek(&view).is_some_and(|verdict| verdict.is_denied());
                if denied {
                    lags.push(acknowledged.elapsed());
                }
                !denied
            });
            // looking costs time too: this is as exact as the figures are
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }
    lags.sort_unstable();
    let at = |percent: usize| lags[(lags.len() * percent / 100).min(lags.len() - 1)];
    let (half, most, all) = (at(50), at(99), at(100));
    println!("{replicas:>3} replicas: lag 50 % {half:.1?}, 99 % {most:.1?}, longest {all:.1?}");
    Ok(())
}

/// What the server does for replicas while nothing is written.
async fn idle<R: Rig>(rig: &R, replicas: usize, time: Duration) -> Result<()> {
    let mut all = Vec::new();
    for _ in 0..replicas {
        all.push(replica(rig).await?);
    }
    let (before, began) = (rig.work().await?, Instant::now());
    // what happens in this time is measured
    tokio::time::sleep(time).await;
    let work = rig.work().await?.saturating_sub(before) as f64;
    let rate = work / began.elapsed().as_secs_f64() / replicas as f64;
    println!(
        "at rest: {rate:.1} commands or transactions a second for each replica, bound {BOUND:?}"
    );
    Ok(())
}

/// From the moment that all connections are cut to a copy that has what was written since.
async fn reconnect<R: Rig>(rig: &R) -> Result<()> {
    let (store, replica) = (rig.connect().await?, replica(rig).await?);
    let mut times = Vec::new();
    for n in 0..20 {
        rig.cut();
        let cut = Instant::now();
        let entry = Entry::deny(Target::token(ISSUER, &format!("cut {n}")));
        while store.revoke(entry.clone()).await.is_err() {
            // the connection is made anew, and tells nobody when it is there
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        replica.caught_up(BOUND).await?;
        times.push(cut.elapsed());
    }
    times.sort_unstable();
    println!("reconnected, written and read after {:.1?}, longest {:.1?}", times[10], times[19]);
    Ok(())
}
