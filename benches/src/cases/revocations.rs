//! `memory/revocations/…` and `peek/…`: what revocations in memory take, and what asking them costs.

use std::hint::black_box;
use std::pin::pin;
use std::process::Command;
use std::task::{Context, Poll, Waker};

use anyhow::{Context as _, Result, bail};
use portcullis::{Denylist, Entry, MemoryStore, Revocation, Revoke, Target, Timestamp, TokenView};
use portcullis_core::state::Limits;

use crate::case::{Case, Contestant, Counter, Outcome};
use crate::world::{ISSUER, World};

/// How many, what it is called, and the most bytes that it may take.
const SIZES: [(usize, &str, f64); 2] = [(1_000_000, "1M", 48e6), (10_000_000, "10M", 400e6)];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (count, name, most) in SIZES {
        let case = format!("memory/revocations/{name}");
        cases.push(Case::fixed(case, move |world| memory(world, count, most)));
    }
    for (count, name, _) in SIZES {
        for (what, present) in [("absent", false), ("present", true)] {
            let peek = move |at_work| {
                move |world: &World| Ok(Peek { at_work, ..Peek::new(world, count, present) })
            };
            cases.push(Case::new(format!("peek/{what}/{name}"), peek(true)));
            cases.push(Case::new(format!("peek/{what}/{name}/cold"), peek(false)));
        }
    }
    cases
}

/// A store with this many denied tokens.
pub(crate) fn filled(count: usize) -> MemoryStore {
    let store = MemoryStore::builder().with_limits(Limits::unlimited()).build();
    let exp = Timestamp::from_secs(4_000_000_000);
    for n in 0..count {
        let id = id(n);
        let entry = Entry::deny(Target::token(ISSUER, &id)).expiring_at(exp);
        let done = pin!(store.revoke(entry)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(done, Poll::Ready(Ok(_))), "memory is written at once");
    }
    store
}

/// The `jti` of a denied token, as long as a UUID.
fn id(n: usize) -> String {
    format!("{n:08x}-7c1e-4b52-9f60-{:012x}", n.wrapping_mul(0x9e37_79b9) & 0xffff_ffff_ffff)
}

/// Fills a store in the counting binary, which is a process of its own.
fn memory(world: &World, count: usize, most: f64) -> Result<Outcome> {
    let Some(counting) = &world.counting else { return Ok(Outcome::default()) };
    let count = world.many(count);
    let output = Command::new(counting).args(["fill", &count.to_string()]).output()?;
    if !output.status.success() {
        bail!("filling: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    let (kept, peak) = text.trim().split_once('\t').context("two numbers")?;
    let (kept, peak): (f64, f64) = (kept.parse()?, peak.parse()?);
    Ok(Outcome {
        ratio: Some(kept / most),
        note: format!(
            "{:.1} MB, {:.1} bytes an entry, {:.1} MB at most while it was filled",
            kept / 1e6,
            kept / count as f64,
            peak / 1e6
        ),
        ..Outcome::default()
    })
}

/// Prints the bytes that a store of so many entries keeps, and the most that it had.
pub(crate) fn fill(count: usize, counter: Counter) {
    let mut store = None;
    let counted = counter(&mut || store = Some(filled(count)));
    println!("{}\t{}", counted.bytes, counted.most_bytes);
}

struct Peek {
    rule: Denylist<MemoryStore>,
    ids: Vec<String>,
    at: usize,
    present: bool,
    /// The store is asked all the time. Otherwise what other cases do in between has taken the processor's
    /// caches when a slice begins.
    at_work: bool,
}

impl Peek {
    fn new(world: &World, count: usize, present: bool) -> Self {
        let count = world.many(count);
        // some of them, in no order: enough to come by most of the filter's memory
        let some = (0..count.min(1 << 18)).map(|n| n.wrapping_mul(0x9e37_79b1) % count);
        let ids = some.map(|n| id(if present { n } else { count + n })).collect();
        let rule = Denylist::new(world.filled(count));
        Self { rule, ids, at: 0, present, at_work: true }
    }
}

impl Contestant for Peek {
    fn prepare(&mut self) {
        if self.at_work {
            self.run(self.ids.len());
        }
    }

    fn run(&mut self, operations: usize) {
        for _ in 0..operations {
            let view = TokenView::new(ISSUER).with_token_id(&self.ids[self.at]);
            let verdict = black_box(self.rule.peek(&view)).expect("memory knows");
            assert_ne!(verdict.is_allowed(), self.present);
            self.at += 1;
            if self.at == self.ids.len() {
                self.at = 0;
            }
        }
    }
}
