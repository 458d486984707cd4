//! A snapshot, read by a process that has done nothing else, so that what it holds in memory is what the copy needs.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use portcullis::feed::Feed;
use portcullis::{Denylist, Replica, Revocation, TokenView, Verdict};

use crate::measure::{BOUND, ISSUER};
use crate::rig::Rig;

/// What such a process says when its copy is whole. It then waits for the store to become another.
const FILLED: &str = "filled";

/// How long a new replica takes to fill, and what it holds in memory; and both again for one that is built beside it.
pub(crate) async fn measure<R: Rig>(rig: &R, entries: usize) -> Result<()> {
    rig.fill(entries).await?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--store", R::NAME, "--entries", &entries.to_string()]);
    command.args(["--snapshot-of", &rig.address()]);
    let mut child = Child(command.stdout(std::process::Stdio::piped()).spawn()?);
    let output = child.0.stdout.take().context("its output is piped")?;
    let (lines, mut told) = tokio::sync::mpsc::unbounded_channel();
    // it ends with the output
    std::thread::spawn(move || {
        for line in std::io::BufRead::lines(std::io::BufReader::new(output)).map_while(Result::ok) {
            let _ = lines.send(line);
        }
    });
    while let Some(line) = told.recv().await {
        match line.as_str() {
            FILLED => rig.become_another().await?,
            line => println!("{line}"),
        }
    }
    ensure!(child.0.wait()?.success(), "the process that reads the snapshot has failed");
    Ok(())
}

/// Ends with what started it.
struct Child(std::process::Child);

impl Drop for Child {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the process of its own does.
pub(crate) async fn read<F: Feed>(store: F, entries: usize) -> Result<()> {
    let (before, began) = (Memory::now()?, Instant::now());
    let replica = Replica::builder(store).with_staleness_bound(BOUND).spawn()?;
    replica.ready().await?;
    let took = began.elapsed();
    assert_whole(&replica, entries)?;
    let (held, memory) = (replica.status().usage.denials, Memory::now()?);
    let (more, most) = memory.beyond(&before);
    println!("snapshot of {held} entries: {took:.1?}, {more} MB, {most} MB at most");

    let (epoch, began) = (replica.status().epoch, Instant::now());
    println!("{FILLED}");
    // meanwhile the old one answers, until it is too old
    let mut longest_age = Duration::ZERO;
    loop {
        let status = replica.status();
        if status.epoch != epoch {
            break;
        }
        longest_age = longest_age.max(status.age.unwrap_or_default());
        // its status is what tells of the new one
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = began.elapsed();
    assert_whole(&replica, entries)?;
    let (_, most) = Memory::now()?.beyond(&before);
    println!(
        "built anew beside it: {took:.1?}, {most} MB at most, the old one up to {longest_age:.1?} old"
    );
    Ok(())
}

fn assert_whole(replica: &Replica, entries: usize) -> Result<()> {
    for n in [0, entries / 2, entries - 1] {
        let jti = format!("{n:036}");
        let view = TokenView::new(ISSUER).with_token_id(&jti);
        let verdict = Denylist::new(replica.clone()).peek(&view);
        ensure!(
            matches!(verdict, Some(Verdict::Denied(_))),
            "the snapshot is not whole: {verdict:?}"
        );
    }
    Ok(())
}

/// The memory of this process that is in use, and the most that ever was, in bytes.
struct Memory {
    now: usize,
    most: usize,
}

impl Memory {
    fn now() -> Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let line = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = line.and_then(|line| line.split_whitespace().next());
            anyhow::Ok(kilobytes.context("the system does not tell")?.parse::<usize>()? << 10)
        };
        Ok(Self { now: line("VmRSS:")?, most: line("VmHWM:")? })
    }

    /// How much more than then, in megabytes.
    fn beyond(&self, then: &Self) -> (usize, usize) {
        let more = |now: usize| now.saturating_sub(then.now) / 1_000_000;
        (more(self.now), more(self.most))
    }
}
